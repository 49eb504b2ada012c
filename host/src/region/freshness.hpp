// Freshness: what a stored value is good for. The rules of dogpile.cache, with its traps put right:
// see docs/reference/parity.md.
//
//   missing  cannot be used: absent, of another version, hard-invalidated, or made at an unknown time
//   stale    may be served while somebody makes a new one: too old, or soft-invalidated
//   fresh    good
#pragma once

#include <cairn/entry.hpp>
#include <cairn/host/clock.hpp>
#include <cairn/host/invalidation.hpp>
#include <cairn/host/region_options.hpp>
#include <cairn/host/region_policy.hpp>

#include <cstdint>
#include <string_view>

namespace cairn::hosting {

enum class State : std::uint8_t { fresh, stale, missing };
enum class Reason : std::uint8_t { none, absent, expired, invalidated, version, unreadable, error };

struct Verdict {
  State state;
  Reason reason;             // why it is not fresh
  bool refresh_due = false;  // it is, and one caller may make a new one ahead of time

  /// Nobody need create anything.
  bool is_hit() const noexcept { return state == State::fresh && !refresh_due; }
};

/// Ages in nanoseconds; max: never.
class Lifetime {
 public:
  static constexpr std::int64_t never = INT64_MAX;

  /// The rules for one call. `override_` is the call's own expiration, if it has one.
  Lifetime(const RegionPolicy& policy, const std::optional<Expiration>& override_) noexcept;
  Lifetime() noexcept = default;

  /// Which clock an age is to be taken from: the coarse one, where being a few milliseconds late changes
  /// no answer that matters; none, where nothing is ever too old.
  enum class Asks : std::uint8_t { nothing, coarse, exact };
  Asks clock() const noexcept { return clock_; }
  /// The age up to which every value is fresh and needs no refresh, whatever its key and kind. Nearly
  /// every hit is that young; what follows is for the others.
  std::int64_t surely_fresh() const noexcept { return surely_fresh_; }
  /// "There is none" has an age of its own.
  bool has_two_ages() const noexcept { return negative_ != expiration_; }
  /// The age from which the value is stale, jitter included.
  std::int64_t expiration_of(std::string_view key, std::int64_t created_ns,
                             bool negative) const noexcept {
    const std::int64_t whole = negative ? negative_ : expiration_;
    return jitter_ <= 0 || whole == never ? whole : whole - jitter_of(whole, key, created_ns);
  }
  /// The age from which a value that is still fresh is refreshed; never if it is not.
  std::int64_t refresh_of(std::string_view key, std::int64_t created_ns,
                          bool negative) const noexcept {
    if (refresh_at_ <= 0 || refresh_at_ >= 1) return never;
    const std::int64_t expiration = expiration_of(key, created_ns, negative);
    return expiration == never
               ? never
               : static_cast<std::int64_t>(static_cast<double>(expiration) * refresh_at_);
  }

 private:
  std::int64_t surely_fresh_of(std::int64_t shortest) const noexcept;
  std::int64_t jitter_of(std::int64_t whole, std::string_view key,
                         std::int64_t created_ns) const noexcept;

  std::int64_t surely_fresh_ = never;
  std::int64_t expiration_ = never;
  std::int64_t negative_ = never;
  double jitter_ = 0;
  double refresh_at_ = 0;  // 0: off
  Asks clock_ = Asks::nothing;
};

/// The age at `now` of what was created then; the nearest there is, if what a store says of it is far off.
constexpr std::int64_t age_at(Time now, std::int64_t created_ns) noexcept {
  std::int64_t age_ns = 0;
  if (!__builtin_sub_overflow(now.time_since_epoch().count(), created_ns, &age_ns)) return age_ns;
  return created_ns < 0 ? INT64_MAX : INT64_MIN;
}

/// Whether a value of `age_ns` is past `expiration_ns`. An expiration of 0 is always past.
constexpr bool is_past(std::int64_t age_ns, std::int64_t expiration_ns) noexcept {
  return expiration_ns != Lifetime::never && (age_ns > expiration_ns || expiration_ns <= 0);
}

}  // namespace cairn::hosting
