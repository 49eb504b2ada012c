// How the options of one component fit each other, which only its plugin knows.
//
// The plugin tells one mistake at a time. So it is asked again with the options that it refused as if they had
// not been written, until it has nothing more to say.
//
// Threads: any function, any thread.
#pragma once

#include <cairn/abi.h>
#include <cairn/document.hpp>
#include <cairn/host/config.hpp>

#include <set>
#include <string_view>
#include <utility>
#include <vector>

namespace cairn::hosting {

/// In the form that `create` gets, by the option's name.
using OptionValues = std::vector<std::pair<std::string_view, ConfigValue>>;
Document to_document(const OptionValues& values);

/// Adds what the plugin refuses. `wrong` are declared options that are known to be wrong by themselves and not
/// among `values`; a refusal that may follow from one of them is not told.
void check_fit(const ComponentConfig& config, const cairn_component& component, OptionValues values,
               const std::set<std::string_view>& wrong, std::string_view base_folder,
               Findings& findings);

/// Where the option stands that a plugin's text names in `backquotes`; else where the component does.
Origin origin_of_named(const ComponentConfig& config, std::string_view text);

}  // namespace cairn::hosting
