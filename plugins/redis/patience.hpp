// Whether to wait for a server nearby by yielding the processor, or by sleeping.
//
// Yielding is sooner: waking a sleeper costs more than the server takes to answer. But where another
// program keeps our core busy, who yields comes back only when that program's turn is over, some
// milliseconds later, while a sleeper is let in as soon as the answer is there. Several waits that
// took so long show it; then waiters sleep for a while, and longer each time that it is still so.
//
// Threads: answered() by one at a time; yields() by any.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>

namespace cairn::redis {

class Patience {
 public:
  bool yields() const noexcept { return yields_.load(std::memory_order_relaxed); }

  /// Answers came after so long a wait.
  void answered(std::chrono::nanoseconds waited) noexcept {
    if (!yields()) {
      if (--asleep_ <= 0) yields_.store(true, std::memory_order_relaxed);
    } else if (waited < a_turn_of_others) {
      disturbed_ = std::max(disturbed_ - 1, 0);
      if (disturbed_ == 0) next_sleep_ = shortest_sleep;
    } else if ((disturbed_ += one_disturbance) >= too_much) {
      disturbed_ = too_much - one_disturbance;  // the next one is enough
      asleep_ = next_sleep_;
      next_sleep_ = std::min(2 * next_sleep_, longest_sleep);
      yields_.store(false, std::memory_order_relaxed);
    }
  }

 private:
  // Many threads of ours that yield to each other take tens of microseconds.
  static constexpr auto a_turn_of_others = std::chrono::milliseconds(2);
  // Three close together; a machine has single hiccups all the time.
  static constexpr int one_disturbance = 16;
  static constexpr int too_much = 3 * one_disturbance;
  // In waits.
  static constexpr int shortest_sleep = 16;
  static constexpr int longest_sleep = 4096;

  std::atomic<bool> yields_{true};
  int disturbed_ = 0;
  int asleep_ = 0;  // waits that are left to sleep through
  int next_sleep_ = shortest_sleep;
};

}  // namespace cairn::redis
