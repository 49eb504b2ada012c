// Below the layers: which key of the store a region's key becomes, and what stands there.
//
// Proxies change keys and values, and nobody but they knows how. So the region's proxies are made a
// second time, on top of a store that only remembers for which key it was asked.
//
// Threads: as Host. Errors: ConfigError and Error as of a Host; Error of the store.
#pragma once

#include <cairn/entry.hpp>
#include <cairn/host/host.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace cairn::hosting {

class Store;

/// The way of a region's keys to its store, and back.
class KeyPath {
 public:
  KeyPath(const Host& host, const Config& config, std::string_view region);
  KeyPath(KeyPath&&) noexcept;
  ~KeyPath();

  /// The key that the region's proxies ask the store for. Errors: Error(unsupported) if they ask
  /// none.
  std::string down(std::string_view key) const;

  /// What stands before every key of the region in the store; nothing if keys are changed in
  /// another way than by putting something round them.
  const std::optional<std::string>& prefix() const noexcept { return before_; }
  /// The key of the region that becomes `key` in the store, if there is one. Precondition:
  /// prefix().
  std::optional<std::string> up(std::string_view key) const;

 private:
  struct Probe;
  std::string region_;
  std::unique_ptr<const Probe> probe_;
  std::optional<std::string> before_;
  std::string behind_;
};

/// The entry as the store holds it: the payload that the lowest proxy wrote.
std::optional<Entry> entry_in_store(const Host& host, const Config& config, std::string_view region,
                                    std::string_view key);

/// Shows every key of the store to `visit`, which may end it by answering false. A store that
/// changes meanwhile may show a key twice. Errors: Error(unsupported) if the store cannot list what
/// it holds; what `visit` throws.
void visit_keys(const Store& store, const std::function<bool(std::string_view key)>& visit);

}  // namespace cairn::hosting
