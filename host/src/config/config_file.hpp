// A configuration file as a tree of values with their places: TOML, and nothing yet about what it
// means.
#pragma once

#include <cairn/host/config.hpp>

#include <memory>
#include <optional>

namespace cairn::hosting {

/// The whole document, or nothing after adding what is wrong with it to `findings`.
std::optional<ConfigTable> parse_toml(const std::shared_ptr<const ConfigSource>& source,
                                      Findings& findings);

}  // namespace cairn::hosting
