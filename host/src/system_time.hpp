// The clocks of the system, as a Time. In a header, since every hit asks one.
#pragma once

#include <cairn/entry.hpp>

#include <chrono>
#include <ctime>

namespace cairn::hosting {

inline Time system_time(clockid_t clock) noexcept {
  timespec now{};
  clock_gettime(clock, &now);
  return Time(std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec));
}

/// When the second ends that CLOCK_REALTIME_COARSE is in: a bound on it, for a fraction of its price.
inline Time end_of_this_second() noexcept {
  return Time(std::chrono::seconds(std::time(nullptr) + 1));
}

}  // namespace cairn::hosting
