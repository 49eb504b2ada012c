// Sleeping on one word until it changes or a moment has come: std::atomic::wait has no deadline.
#pragma once

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdint>

namespace cairn::redis {

/// Returns when `word` is no longer `value`, when woken, at `until`, or for no reason.
inline void futex_wait(std::atomic<std::uint32_t>& word, std::uint32_t value,
                       std::chrono::steady_clock::time_point until) noexcept {
  const auto since_boot = until.time_since_epoch();
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(since_boot);
  const timespec at{seconds.count(), (since_boot - seconds).count()};
  // With a bit set, the time is absolute, on CLOCK_MONOTONIC.
  syscall(SYS_futex, &word, FUTEX_WAIT_BITSET_PRIVATE, value, &at, nullptr, FUTEX_BITSET_MATCH_ANY);
}

/// The word may be gone already: then nobody sleeps on it.
inline void futex_wake_one(std::atomic<std::uint32_t>* word) noexcept {
  syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0);
}

}  // namespace cairn::redis
