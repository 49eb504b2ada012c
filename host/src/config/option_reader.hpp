// One option of a component as its plugin declares it: what was written, read as its type.
//
// Threads: any function, any thread.
#pragma once

#include <cairn/abi.h>
#include <cairn/host/config.hpp>

#include <functional>
#include <optional>
#include <string_view>
#include <vector>

namespace cairn::hosting {

/// What a component declares, in the order of its author.
std::vector<std::reference_wrapper<const cairn_option>> options_of(const cairn_component&);
bool is_required(const cairn_option&) noexcept;
bool is_secret(const cairn_option&) noexcept;
/// "duration" of "list:duration"; empty: not a list.
std::string_view items_of(std::string_view type) noexcept;

/// The value in the form that `create` gets: durations and sizes as whole numbers, paths absolute, relative ones
/// meant from `base_folder`. Nothing after an error, which is added to `findings`.
std::optional<ConfigValue> read_option(const cairn_option& option, const ConfigValue& value,
                                       std::string_view base_folder, Findings& findings);
/// Likewise, of the value that its author declared; a mistake of his is shown at `origin`.
std::optional<ConfigValue> default_of(const cairn_option& option, const Origin& origin,
                                      std::string_view base_folder, Findings& findings);

/// What an option may be whose own value is not known: first its default, or nothing if it may be left out; then
/// whatever else there is to choose from, or any value. At least one.
std::vector<std::optional<ConfigValue>> stand_ins(const cairn_option& option,
                                                  std::string_view base_folder);

}  // namespace cairn::hosting
