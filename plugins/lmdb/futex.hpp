// Sleeping on a word of memory until somebody changes it and wakes who sleeps there.
#pragma once

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <climits>
#include <cstdint>
#include <ctime>

namespace cairn::lmdb {

/// Who may sleep and wake there.
enum class Futex { in_process, between_processes };

namespace detail {
inline int futex_operation(int operation, Futex scope) noexcept {
  return scope == Futex::in_process ? operation | FUTEX_PRIVATE_FLAG : operation;
}
}  // namespace detail

/// Sleeps for `time` at most while the word is `expected`; may return early.
inline void futex_wait(const std::atomic<std::uint32_t>& word, std::uint32_t expected,
                       std::chrono::nanoseconds time, Futex scope) noexcept {
  timespec limit;
  limit.tv_sec = static_cast<time_t>(time.count() / 1'000'000'000);
  limit.tv_nsec = static_cast<long>(time.count() % 1'000'000'000);
  syscall(SYS_futex, &word, detail::futex_operation(FUTEX_WAIT, scope), expected, &limit, nullptr,
          0);
}

/// Wakes all who sleep on the word. Of the word only the address is used.
inline void futex_wake(const std::atomic<std::uint32_t>* word, Futex scope) noexcept {
  syscall(SYS_futex, word, detail::futex_operation(FUTEX_WAKE, scope), INT_MAX, nullptr, nullptr,
          0);
}

}  // namespace cairn::lmdb
