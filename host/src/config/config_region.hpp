// The keys of a region: `[region.NAME]`.
#pragma once

#include <cairn/host/config.hpp>

#include <string_view>
#include <vector>

namespace cairn::hosting {

/// One component with its options: "msgpack", or { plugin = "zstd", level = 3 }. Nothing after an
/// error.
std::optional<ComponentConfig> read_component(const ConfigValue& value, std::string_view wanted,
                                              Findings& findings);
/// A store: as a component, and the host's own keys `distributed_lock` and `lock_timeout`.
std::optional<BackendConfig> read_backend(std::string name, const ConfigTable& keys,
                                          const Origin& origin, Findings& findings);
/// What is wrong is added to `findings`; what can be read is returned.
RegionConfig read_region(std::string name, const ConfigTable& keys, const Origin& origin,
                         Findings& findings);

/// Reads one key of a region into it, as if it stood in a file. False: there is no such key.
bool read_region_key(std::string_view key, const ConfigValue& value, RegionConfig& region,
                     Findings& findings);
/// Warns of rules that contradict each other or have no effect. `keys`: those that were written.
void check_policy(const RegionConfig& region, const ConfigTable& keys, Findings& findings);

/// All keys that a region has.
const std::vector<std::string_view>& region_keys();
/// The host's own keys of a store, besides the options of its plugin.
const std::vector<std::string_view>& backend_keys();

}  // namespace cairn::hosting
