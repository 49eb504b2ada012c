// The options of one component: what was written, checked against what its plugin declares,
// completed with defaults, in the form that `create` gets.
#pragma once

#include <cairn/abi.h>
#include <cairn/document.hpp>
#include <cairn/host/config.hpp>

#include <string>
#include <string_view>

namespace cairn::hosting {

/// A map with every declared option that has a value, in the form that cairn_option promises. What
/// is wrong is added to `findings`: unknown options, wrong types and units, values out of range,
/// missing ones, and those that do not fit each other. After an error the document lacks the options concerned. Relative paths are meant
/// from `base_folder`.
Document option_values(const ComponentConfig& config, const cairn_component& component,
                       std::string_view base_folder, Findings& findings);

/// A region names a backend that is neither one of the file's nor a plugin: the error to show.
/// `plugins`: the names of all backends that plugins offer.
Finding unknown_backend(const RegionConfig& region, const Config& config,
                        const std::vector<std::string>& plugins);

}  // namespace cairn::hosting
