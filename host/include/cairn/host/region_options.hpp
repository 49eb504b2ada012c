// What the calls of a Region take and give, besides keys and values: how old a value may be, what is known
// of it, and creators that may run later, on another thread.
//
// Threads: plain values.
#pragma once

#include <cairn/entry.hpp>

#include <chrono>
#include <concepts>
#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>
#include <type_traits>
#include <utility>

namespace cairn {

namespace detail {

// In nanoseconds, as far as they count: hours::max() is meant as it is said.
template <class Rep, class Period>
constexpr std::chrono::nanoseconds counted_age(std::chrono::duration<Rep, Period> age) noexcept {
  using std::chrono::nanoseconds;
  if constexpr (std::integral<Rep>) {
    using Wide = std::chrono::duration<std::int64_t, Period>;
    constexpr auto most = std::chrono::duration_cast<Wide>(nanoseconds::max());
    constexpr auto least = std::chrono::duration_cast<Wide>(nanoseconds::min());
    if (std::cmp_greater(age.count(), most.count())) return nanoseconds::max();
    if (std::cmp_less(age.count(), least.count())) return nanoseconds::min();
  }
  return age;
}

}  // namespace detail

/// Until which age a value is fresh: a duration, or never() ending. What nanoseconds cannot count, 292 years
/// and more, is never().
class Expiration {
 public:
  /// Of any duration that nanoseconds can count without loss.
  template <class Rep, class Period>
  requires std::convertible_to<std::chrono::duration<Rep, Period>, std::chrono::nanoseconds>
  // NOLINTNEXTLINE(google-explicit-constructor): it is one
  constexpr Expiration(std::chrono::duration<Rep, Period> age) noexcept
      : age_(detail::counted_age(age)) {}
  static constexpr Expiration never() noexcept {
    return Expiration(std::chrono::nanoseconds::max());
  }
  constexpr std::chrono::nanoseconds age() const noexcept { return age_; }
  friend constexpr bool operator==(Expiration, Expiration) noexcept = default;

 private:
  std::chrono::nanoseconds age_;
};

struct GetOptions {
  /// Instead of the region's, for this call.
  std::optional<Expiration> expiration_time = {};
  /// Whatever its age, and whether invalidated or not.
  bool ignore_expiration = false;
};

struct CreateOptions {
  /// Instead of the region's, for this call.
  std::optional<Expiration> expiration_time = {};
};

/// What is known about a stored value.
struct Metadata {
  Time created;  ///< the zero point: unknown
  std::chrono::nanoseconds age;
  int value_version = 0;
  std::optional<Time> expires;  ///< when the store will drop it, if it says
};

template <class T>
struct Cached {
  T value;
  Metadata metadata;
};

/// A creator that may outlive the call that it is given to, so that a background thread can run it: it
/// owns all that it uses. See Region::get_or_create.
template <class Creator>
struct Detached {
  Creator creator;
};
/// `region.get_or_create(key, detached([id] { return load(id); }))`. Nothing captured by reference!
template <class Creator>
Detached<std::decay_t<Creator>> detached(Creator&& creator) {
  return {std::forward<Creator>(creator)};
}

/// A stale value's recreation, to be run once, on any thread. Destroying it unrun gives the key back.
using BackgroundJob = std::function<void()>;
/// Takes a job and has it run, now or later. What it throws reaches the caller who found the value.
using BackgroundRunner = std::function<void(std::string_view key, BackgroundJob)>;

}  // namespace cairn
