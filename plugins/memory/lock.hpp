// The lock of a shard, and of its cells: held for some hundred nanoseconds at most, and taken millions of
// times a second.
//
// To give it back is a store, and not the locked instruction that a mutex needs, which would wait for
// all stores before it to land: most of what a set does is to write to lines that are not in the cache.
// What a locked instruction is for there is to see who sleeps; so whoever is about to sleep pays for both
// with a heavy fence (pins.hpp). Waiting is spinning first, as long as what a writer may take; to wake a
// sleeper takes longer than that.
//
// Threads: any. Not recursive, not fair.
#pragma once

#include "pins.hpp"

#include <linux/futex.h>

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <ctime>

#if defined(__x86_64__) || defined(__i386__)
#include <immintrin.h>
#endif

namespace cairn::memory {

class Lock {
 public:
  Lock() = default;
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;

  void lock() noexcept {
    for (int i = 0; i < spins; ++i) {
      if (try_lock()) [[likely]]
        return;
      relax();
    }
    sleep();
  }
  bool try_lock() noexcept {
    return held_.load(std::memory_order_relaxed) == 0 &&
           held_.exchange(1, std::memory_order_acquire) == 0;
  }
  void unlock() noexcept {
    Fences::store(held_, std::uint32_t{0});
    if (sleepers_.load(std::memory_order_seq_cst) != 0) [[unlikely]]
      futex(FUTEX_WAKE_PRIVATE, 1, nullptr);
  }

 private:
  static constexpr int spins = 500;  // some ten microseconds

  static void relax() noexcept {
#if defined(__x86_64__) || defined(__i386__)
    _mm_pause();
#endif
  }
  [[gnu::cold, gnu::noinline]] void sleep() noexcept {
    sleepers_.fetch_add(1);
    while (!try_lock()) {
      // From here on whoever gives it back sees the sleeper, or has given it back already. Where the fence
      // comes to be refused he may not, once: so no sleep is long.
      const timespec while_seen{0, 100'000'000}, while_unseen{0, 1'000'000};
      futex(FUTEX_WAIT_PRIVATE, 1, Fences::heavy() ? &while_seen : &while_unseen);
    }
    sleepers_.fetch_sub(1);
  }
  void futex(int operation, std::uint32_t value, const timespec* timeout) noexcept {
    const int before = errno;  // a caller of the cache does not expect it to change
    syscall(SYS_futex, &held_, operation, value, timeout, nullptr, 0);
    errno = before;
  }

  std::atomic<std::uint32_t> held_{0};
  std::atomic<std::uint32_t> sleepers_{0};
};
static_assert(sizeof(std::atomic<std::uint32_t>) == 4);

}  // namespace cairn::memory
