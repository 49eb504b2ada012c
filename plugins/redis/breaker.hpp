// A circuit breaker: leaves a server alone for a while after it has failed.
//
// Closed, everybody may ask. After a failure it is open and nobody may, until its time is over;
// then exactly one caller may probe, and what becomes of the probe decides. Each further failure
// doubles the time, up to a limit, and jitter keeps many processes from probing together.
//
// Threads: any. `closed()` is one load.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>

namespace cairn::redis {

class Breaker {
 public:
  using Clock = std::chrono::steady_clock;
  enum class Pass { free, probe, refused };

  Breaker(std::chrono::nanoseconds first_pause, std::chrono::nanoseconds longest_pause);

  bool closed() const noexcept { return closed_.load(std::memory_order_acquire); }
  /// Whether to ask the server now. Whoever gets `probe` must see to it that succeeded(), failed()
  /// or probe_abandoned() follows.
  Pass ask(Clock::time_point now);

  /// Whether ask() would let somebody through, for who has a choice of servers.
  bool may_ask(Clock::time_point now) const;

  void succeeded() noexcept;
  void failed(Clock::time_point now, std::string_view reason) noexcept;
  /// The probe ended without a verdict: let the next caller try.
  void probe_abandoned() noexcept;

  /// Why it is open and for how much longer: for the error's text.
  std::string explain(Clock::time_point now) const;
  /// Why it is open, or was last.
  std::string reason() const;
  std::uint64_t times_opened() const noexcept { return opened_.load(std::memory_order_relaxed); }

 private:
  enum class State { closed, open, probing };

  const std::chrono::nanoseconds first_pause_;
  const std::chrono::nanoseconds longest_pause_;
  std::atomic<bool> closed_{true};
  std::atomic<std::uint64_t> opened_{0};
  mutable std::mutex mutex_;  // guards what follows
  State state_ = State::closed;
  std::chrono::nanoseconds pause_;
  Clock::time_point until_;
  char reason_[160] = "";  // no allocation: it may be memory that ran out
  std::uint64_t random_;
};

}  // namespace cairn::redis
