// What a region counts: RegionStatistics, as they grow.
#pragma once

#include "freshness.hpp"
#include "thread_line.hpp"

#include <cairn/host/statistics.hpp>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>

namespace cairn::hosting {

/// Threads: any method, any thread, any time.
class Counter {
 public:
  void add(std::uint64_t by = 1) noexcept { value_.fetch_add(by, std::memory_order_relaxed); }
  void add(std::chrono::nanoseconds time) noexcept {
    add(static_cast<std::uint64_t>(time.count()));
  }
  std::uint64_t value() const noexcept { return value_.load(std::memory_order_relaxed); }
  std::chrono::nanoseconds time() const noexcept {
    return std::chrono::nanoseconds(static_cast<std::int64_t>(value()));
  }

 private:
  std::atomic<std::uint64_t> value_{0};
};

/// How reads ended, by Reason, of which `none` is a hit: counted all the time, so each thread counts for
/// itself.
///
/// Threads: any method, any thread, any time. What a thread has counted stays when it has ended.
class Outcomes {
 public:
  void add(Reason reason, std::uint64_t by = 1) { add(ThreadLine::mine(), reason, by); }
  /// `line` is the calling thread's.
  void add(const ThreadLine& line, Reason reason, std::uint64_t by = 1) noexcept {
    const unsigned number = line.number();
    const auto which = static_cast<std::size_t>(reason);
    if (number < own_.size()) [[likely]] {
      // One writer: an addition that need not be atomic, and is several times as cheap for it.
      std::atomic<std::uint64_t>& mine = own_[number].counts[which];
      mine.store(mine.load(std::memory_order_relaxed) + by, std::memory_order_relaxed);
    } else {
      shared_[number % shared_.size()].counts[which].fetch_add(by, std::memory_order_relaxed);
    }
  }
  std::uint64_t of(Reason reason) const noexcept;

 private:
  static constexpr std::size_t reasons = static_cast<std::size_t>(Reason::error) + 1;

  struct alignas(64) Stripe {
    std::array<std::atomic<std::uint64_t>, reasons> counts{};
  };
  std::array<Stripe, 32> own_;     // by the number of the thread
  std::array<Stripe, 16> shared_;  // by threads beyond these
};

struct Counters {
  Outcomes outcomes;  // the errors of writes too
  Counter stale_served;
  Counter creations, creation_errors, creation_time, refreshes;
  Counter waits, wait_timeouts, wait_time;
  Counter locks_lost, lock_errors;

  RegionStatistics read() const;
};

}  // namespace cairn::hosting
