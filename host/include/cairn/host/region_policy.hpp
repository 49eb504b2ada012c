// The rules of a region: how long values live, who waits, what happens when something fails.
//
//     RegionPolicy policy;
//     policy.expiration_time = 1h;
//     policy.stale_on_error = 24h;
//
// Every member has the name and the default of its key in a configuration file; see
// docs/reference/configuration.md. A default constructed policy is valid.
// Threads: a plain value.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace cairn {

/// What becomes of keys before the store sees them.
struct KeyMangler {
  enum class Kind : std::uint8_t {
    none,                ///< as they are
    sha1,                ///< 40 hexadecimal digits
    length_conditional,  ///< sha1 from `length` bytes on, else as they are
  };
  Kind kind = Kind::none;
  std::size_t length = 0;  ///< of length_conditional only

  friend bool operator==(const KeyMangler&, const KeyMangler&) = default;
};

/// What a caller gets that waited `lock_wait` for another one's value in vain.
enum class OnLockTimeout : std::uint8_t {
  stale,   ///< the expired value if there is one, else as `error`
  error,   ///< Error(timeout)
  create,  ///< it calls its own creator, without the lock
};

/// What a caller gets when the store fails.
enum class OnError : std::uint8_t {
  miss,   ///< as if nothing were stored; counted and logged
  raise,  ///< the Error
};

/// Where a region keeps the times of its invalidations.
enum class InvalidationPlace : std::uint8_t {
  local,  ///< in this process, which alone obeys
  store,  ///< in the store: every process obeys
};

struct RegionPolicy {
  using Duration = std::chrono::nanoseconds;

  /// Age from which a value is stale; nothing: never.
  std::optional<Duration> expiration_time = {};
  /// How long the store keeps an entry; nothing: as its own options say.
  std::optional<Duration> ttl = {};
  /// Each value expires earlier by a random share of up to this part of `expiration_time`: 0 to 1.
  double jitter = 0;
  /// Part of `expiration_time` from which one caller refreshes a value ahead of time; nothing: off.
  std::optional<double> refresh_at = {};
  /// How long beyond its expiry a value is still served when its creator fails; nothing: off.
  std::optional<Duration> stale_on_error = {};
  /// Age from which "there is none" is stale, for creators that return an optional; nothing: as
  /// any other value.
  std::optional<Duration> negative_ttl = {};

  /// Callers get the expired value while one of them creates the new one; false: they wait for it.
  bool serve_stale = true;
  /// A stale value is recreated by a background thread; false: by the caller that finds it.
  bool background = false;
  /// How long a caller waits for another one's value; nothing: as long as it takes.
  std::optional<Duration> lock_wait = {};
  OnLockTimeout on_lock_timeout = OnLockTimeout::create;
  /// Who waited for a creator that failed gets its error; false: the next one tries.
  bool share_errors = false;

  OnError on_error = OnError::miss;
  /// An entry that cannot be read is an Error(corrupt); false: a miss.
  bool strict = false;
  /// Entries of another version are misses.
  int value_version = 2;

  KeyMangler key_mangler = {};
  InvalidationPlace invalidation = InvalidationPlace::local;
  /// With InvalidationPlace::store: how old the copy of the stamps in this process may be.
  Duration invalidation_delay = std::chrono::seconds(1);
};

}  // namespace cairn
