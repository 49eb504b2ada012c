#include "stamps.hpp"

namespace cairn::hosting {

namespace {

// Clocks are coarse: what is ahead of them by less may have been given out just now.
constexpr std::int64_t resolution = 1'000'000'000;
// Beyond it, they had been set by mistake, and are believed again.
constexpr std::int64_t most_ahead = 600 * resolution;

bool is_ahead(std::int64_t stamp, std::int64_t now, std::int64_t at_most) noexcept {
  return stamp > now && stamp - now < at_most;
}

}  // namespace

Time Stamps::for_value(Time invalidated) {
  const std::int64_t after = invalidated.time_since_epoch().count();
  std::int64_t now = clock_.now().time_since_epoch().count();
  if (is_ahead(after, now, most_ahead)) now = after;
  std::int64_t last = last_.load(std::memory_order_acquire);
  for (;;) {
    const std::int64_t stamp = is_ahead(last, now, resolution) ? last : now;
    const std::int64_t latest = is_ahead(last, stamp, most_ahead) ? last : stamp;
    if (latest == last || last_.compare_exchange_weak(last, latest)) {
      return Time(std::chrono::nanoseconds(stamp));
    }
  }
}

Time Stamps::for_invalidation() {
  const std::int64_t now = clock_.now().time_since_epoch().count();
  std::int64_t last = last_.load(std::memory_order_relaxed);
  for (;;) {
    const std::int64_t stamp = last == now || is_ahead(last, now, most_ahead) ? last + 1 : now;
    if (last_.compare_exchange_weak(last, stamp)) return Time(std::chrono::nanoseconds(stamp));
  }
}

}  // namespace cairn::hosting
