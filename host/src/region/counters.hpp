// What a region counts: RegionStatistics, as they grow.
#pragma once

#include "freshness.hpp"
#include "pin.hpp"

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

struct Counters {
  // What happens all the time is counted by stripes, on a line of the thread's own.
  struct alignas(64) Stripe {
    Counter hits;
  };
  std::array<Stripe, stripe_count> stripes;
  Counter absent, expired, invalidated, other_version, unreadable, store_errors;
  Counter stale_served;
  Counter creations, creation_errors, creation_time, refreshes;
  Counter waits, wait_timeouts, wait_time;
  Counter locks_lost, lock_errors;

  void hit(std::size_t stripe, std::uint64_t by = 1) noexcept { stripes[stripe].hits.add(by); }
  void miss(Reason reason) noexcept;
  RegionStatistics read() const;
};

}  // namespace cairn::hosting
