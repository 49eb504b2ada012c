// A CircuitBreaker keeps callers away from a peer that is down, and sends one of them now and then
// to see whether it is back.
//
//     const auto admission = breaker.admit(steady_clock::now());
//     if (admission == CircuitBreaker::refused) throw Error(Errc::unavailable, "the server is
//     down");
//     ... talk to the peer ...
//     breaker.succeeded();                             // or
//     breaker.failed(admission, steady_clock::now());
//
// Closed, everybody passes. `failures` in a row open it: everybody is refused, at the price of one
// load. When the pause is over exactly one caller is admitted, as the probe. Its success closes the
// breaker; its failure opens it for twice as long, up to the longest pause. A probe that never
// reports only costs its pause: then the next one is sent.
//
// Count as failures what says that the peer is unwell (no connection, no answer in time, nonsense),
// not what it answers in good health (no such key, too large). Threads: any method, any thread, any
// time. The clock is the caller's, so that tests set it.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>

namespace cairn {

class CircuitBreaker {
 public:
  using Clock = std::chrono::steady_clock;
  using Nanoseconds = std::chrono::nanoseconds;

  struct Limits {
    int failures = 3;                                      // in a row, before it opens
    Nanoseconds first_pause = std::chrono::seconds(1);     // before the first probe
    Nanoseconds longest_pause = std::chrono::seconds(30);  // the pauses double up to this
  };

  enum Admission { refused, admitted, probe };

  CircuitBreaker() noexcept : CircuitBreaker(Limits()) {}
  explicit CircuitBreaker(const Limits& limits) noexcept
      : limits_(limits), pause_(limits.first_pause.count()) {}
  CircuitBreaker(const CircuitBreaker&) = delete;
  CircuitBreaker& operator=(const CircuitBreaker&) = delete;

  /// Whether this call may go ahead.
  Admission admit(Clock::time_point now) noexcept {
    std::int64_t at = probe_at_.load(std::memory_order_acquire);
    if (at == closed) [[likely]]
      return admitted;
    const std::int64_t time = count(now);
    if (time < at) return refused;
    // Whoever moves the date is the probe; if nothing comes of it, another may try a pause later.
    const std::int64_t next = time + pause_.load(std::memory_order_relaxed);
    if (probe_at_.compare_exchange_strong(at, next, std::memory_order_acq_rel)) return probe;
    return at == closed ? admitted : refused;
  }

  /// The peer answered. True: it had been given up, and is back.
  bool succeeded() noexcept {
    if (failures_.load(std::memory_order_relaxed) != 0) {
      failures_.store(0, std::memory_order_relaxed);
    }
    if (is_closed()) [[likely]]
      return false;
    pause_.store(limits_.first_pause.count(), std::memory_order_relaxed);
    return probe_at_.exchange(closed, std::memory_order_acq_rel) != closed;
  }

  /// The peer did not answer. True: this opened the breaker. Calls that were admitted before it
  /// opened and fail later change nothing, so that a crowd does not double the pause again and
  /// again.
  bool failed(Admission how, Clock::time_point now) noexcept {
    if (how == probe) {
      const std::int64_t pause = std::min(2 * pause_.load(std::memory_order_relaxed),
                                          static_cast<std::int64_t>(limits_.longest_pause.count()));
      pause_.store(pause, std::memory_order_relaxed);
      probe_at_.store(count(now) + pause, std::memory_order_release);
      return false;
    }
    if (failures_.fetch_add(1, std::memory_order_relaxed) + 1 < limits_.failures) return false;
    std::int64_t expected = closed;
    return probe_at_.compare_exchange_strong(
        expected, count(now) + pause_.load(std::memory_order_relaxed), std::memory_order_acq_rel);
  }

  bool is_closed() const noexcept { return probe_at_.load(std::memory_order_acquire) == closed; }

 private:
  static constexpr std::int64_t closed = 0;
  static std::int64_t count(Clock::time_point time) noexcept {
    const std::int64_t since =
        std::chrono::duration_cast<Nanoseconds>(time.time_since_epoch()).count();
    return since == closed ? 1 : since;
  }

  const Limits limits_;
  std::atomic<std::int64_t> probe_at_{closed};  // when the next probe may go; `closed`: no need
  std::atomic<std::int64_t> pause_;
  std::atomic<int> failures_{0};  // in a row
};

}  // namespace cairn
