// The times that a region gives out: when its values were made, and when it was invalidated.
//
// Values made within the clock's resolution share a time, and an invalidation comes after all that were
// given out, so that "older than the invalidation" is never in doubt.
//
// Threads: any method, any thread, any time.
#pragma once

#include <cairn/host/clock.hpp>

#include <atomic>
#include <cstdint>

namespace cairn::hosting {

class Stamps {
 public:
  /// `clock` outlives it.
  explicit Stamps(const Clock& clock) noexcept : clock_(clock) {}

  /// Not before any that was given out.
  Time for_value();
  /// After all that were given out.
  Time for_invalidation();

 private:
  const Clock& clock_;
  std::atomic<std::int64_t> last_{0};
};

}  // namespace cairn::hosting
