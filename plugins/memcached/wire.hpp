// How keys, times and values look to memcached.
#pragma once

#include <cairn/entry.hpp>
#include <cairn/key.hpp>

#include <chrono>
#include <cstdint>
#include <ctime>
#include <string>
#include <string_view>

namespace cairn::memcached {

/// The name of an item: the key as it is, or if memcached would not take it (too long, or with
/// blanks or control characters), its SHA-1 in lower-case hexadecimal, as dogpile.cache's
/// `sha1_mangle_key`. Borrows the key.
class WireKey {
 public:
  static constexpr std::string_view lock_prefix = "_lock";
  static constexpr std::size_t longest =
      250 - lock_prefix.size();  // so that its lock has a name too

  /// Errors: Error(rejected) for a key that would have to be mangled, if `mangles` is false.
  WireKey(Key key, bool mangles);

  std::string_view view() const noexcept {
    return mangled_[0] != '\0' ? std::string_view(mangled_, 40) : view_;
  }
  bool is_mangled() const noexcept { return mangled_[0] != '\0'; }
  /// The name of its creation lock, as dogpile.cache's.
  std::string lock() const { return std::string(lock_prefix).append(view()); }

 private:
  std::string_view view_;
  char mangled_[40] = {};
};

/// A time to live as memcached counts it: whole seconds, never 0 unless `ttl` is, and above thirty
/// days a date. Rounded down, for an entry may be forgotten early but not late; below a second, up
/// to one.
std::time_t to_exptime(std::chrono::nanoseconds ttl);
/// The same for a lease, which may end late but not early.
std::time_t lease_to_exptime(std::chrono::nanoseconds lease);
/// A time that has passed whatever the server's clock says: storing with it removes.
constexpr std::time_t exptime_in_the_past = 30 * std::time_t{86'400} + 1;

/// Flags of clients that store bytes: 16 says so, 8 that they are deflated.
namespace flag {
constexpr std::uint32_t deflated = 8;
constexpr std::uint32_t bytes = 16;
}  // namespace flag

/// The entry in an item. Errors: Error(corrupt) for flags that speak of Python objects, and for
/// what does not inflate, or to more than `most` bytes.
Entry to_entry(std::string_view value, std::uint32_t flags, std::size_t most);

}  // namespace cairn::memcached
