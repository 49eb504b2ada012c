// A word that threads wait on until another thread changes it: Linux's futex, with a deadline.
//
// A condition variable has everybody whom it wakes take its mutex again, one after the other. Here there is
// nothing to take: who is woken goes on.
//
// What was written before change_to() is seen by whoever has seen the new value.
// Threads: any method, any thread. Lifetimes: the word outlives its last change_to().
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

namespace cairn::hosting {

class FutexWord {
 public:
  using Deadline = std::chrono::steady_clock::time_point;
  static constexpr Deadline for_ever = Deadline::max();

  explicit FutexWord(std::uint32_t value) noexcept : word_(value) {}
  FutexWord(const FutexWord&) = delete;
  FutexWord& operator=(const FutexWord&) = delete;

  std::uint32_t value() const noexcept { return word_.load(std::memory_order_acquire); }
  /// Waits while the word is `value`, at most until `deadline`; returns what it is then.
  std::uint32_t wait_while(std::uint32_t value, Deadline deadline) const noexcept;
  /// Wakes everybody who waits.
  void change_to(std::uint32_t value) noexcept;

 private:
  std::atomic<std::uint32_t> word_;
  static_assert(sizeof word_ == 4 && std::atomic<std::uint32_t>::is_always_lock_free);
};

}  // namespace cairn::hosting
