// The times that a region gives out: when its values were made, and when it was invalidated.
//
// Values made within the clock's resolution share a time, and an invalidation comes after all that were
// given out, so that "older than the invalidation" is never in doubt. Nor is it when the clock goes back, or
// the one of the process that invalidated was ahead: a value that is made after an invalidation is known has
// no earlier time than that, and an invalidation none before the values made until then. All by up to ten
// minutes: what is further ahead of the clock was a mistake, and such values would not grow old.
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

  /// Not before `invalidated`, which is known.
  Time for_value(Time invalidated);
  /// After all that were given out.
  Time for_invalidation();

 private:
  const Clock& clock_;
  std::atomic<std::int64_t> last_{0};
};

}  // namespace cairn::hosting
