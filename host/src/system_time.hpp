// A clock of the system, as a Time. In a header, since every hit asks the coarse one.
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

}  // namespace cairn::hosting
