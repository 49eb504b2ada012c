#include "stamps.hpp"

namespace cairn::hosting {

namespace {

// A stamp that is ahead of the clock by more than this comes from a clock that was wrong, not from
// calls within its resolution: the clock is believed again.
constexpr std::int64_t most_ahead = 1'000'000'000;

}  // namespace

Time Stamps::for_value() {
  const std::int64_t now = clock_.now().time_since_epoch().count();
  std::int64_t last = last_.load(std::memory_order_acquire);
  for (;;) {
    const std::int64_t stamp = last > now && last - now < most_ahead ? last : now;
    if (stamp == last || last_.compare_exchange_weak(last, stamp)) {
      return Time(std::chrono::nanoseconds(stamp));
    }
  }
}

Time Stamps::for_invalidation() {
  const std::int64_t now = clock_.now().time_since_epoch().count();
  std::int64_t last = last_.load(std::memory_order_relaxed);
  for (;;) {
    const std::int64_t stamp = last >= now && last - now < most_ahead ? last + 1 : now;
    if (last_.compare_exchange_weak(last, stamp)) return Time(std::chrono::nanoseconds(stamp));
  }
}

}  // namespace cairn::hosting
