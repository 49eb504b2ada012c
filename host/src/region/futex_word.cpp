#include "futex_word.hpp"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <climits>
#include <ctime>

namespace cairn::hosting {

std::uint32_t FutexWord::wait_while(std::uint32_t value, Deadline deadline) const noexcept {
  // steady_clock is CLOCK_MONOTONIC, which is also what the kernel measures an absolute time by.
  const auto since_boot = deadline.time_since_epoch();
  const auto seconds = std::chrono::floor<std::chrono::seconds>(since_boot);
  const timespec until{static_cast<std::time_t>(seconds.count()),
                       static_cast<long>((since_boot - seconds).count())};
  for (;;) {
    const std::uint32_t now = this->value();
    if (now != value) return now;
    if (deadline != for_ever && std::chrono::steady_clock::now() >= deadline) return now;
    // However it ends, the loop looks: woken, interrupted, too late, or changed before it began.
    syscall(SYS_futex, &word_, FUTEX_WAIT_BITSET_PRIVATE, value,
            deadline == for_ever ? nullptr : &until, nullptr, FUTEX_BITSET_MATCH_ANY);
  }
}

void FutexWord::change_to(std::uint32_t value) noexcept {
  word_.store(value, std::memory_order_release);
  syscall(SYS_futex, &word_, FUTEX_WAKE_PRIVATE, INT_MAX, nullptr, nullptr, 0);
}

}  // namespace cairn::hosting
