// Below the layers: which key of the store a region's key becomes, and what stands there.
//
// Proxies change keys and values, and nobody but they knows how. So the region's proxies are made a
// second time, on top of a store that only remembers for which key it was asked; then the region's
// own store is asked for that key, above its envelope and below every proxy.
//
// Threads: as Host. Errors: ConfigError and Error as of a Host; Error of the store.
#pragma once

#include <cairn/entry.hpp>
#include <cairn/host/host.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace cairn::hosting {

/// The key that the region's proxies ask the store for. Errors: Error(unsupported) if they ask
/// none.
std::string key_in_store(const Host& host, const Config& config, std::string_view region,
                         std::string_view key);

/// The entry as the store holds it: the payload that the lowest proxy wrote.
std::optional<Entry> entry_in_store(const Host& host, const Config& config, std::string_view region,
                                    std::string_view key);

}  // namespace cairn::hosting
