// What the policies of all shards learn together: how old the store is, in units of its own size,
// and how large the window of new entries should be.
//
// The window is moved by a hill climber (Einziger, Eytan, Friedman, Manes: "Adaptive Software Cache
// Management", 2018): after every ten accesses per entry it compares the hit ratio with the one
// before, and goes on in the same direction if it did not fall, else turns round, by steps that get
// smaller; a jump of the hit ratio means that the load has changed, and steps are large again. All
// shards see the same load, so there is one climber: it has the most to go by.
//
// Threads: tuning() any time; the rest any time too, one thread does it and the others pass by.
#pragma once

#include "readers.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdint>
#include <mutex>

namespace cairn::memory {

/// What readers and policies look at.
struct alignas(64) Tuning {
  std::atomic<unsigned> age{0};
  std::atomic<double> window{0.10};  // the share of entries on trial
};

class Tuner {
 public:
  static constexpr unsigned insertions_per_call = 32;

  const Tuning& tuning() const noexcept { return tuning_; }

  /// Call it once every so many insertions.
  void maybe_adapt(const Readers& readers, std::uint64_t entries) noexcept {
    insertions_.fetch_add(insertions_per_call, std::memory_order_relaxed);
    const Sample now = take(readers);
    if (now.accesses < next_.load(std::memory_order_relaxed)) return;
    const std::unique_lock lock(mutex_, std::try_to_lock);
    if (!lock || now.accesses < next_.load(std::memory_order_relaxed)) return;

    const std::uint64_t size = std::max<std::uint64_t>(entries, 16);
    if (before_.accesses != 0) climb(now, size);
    before_ = now;
    next_.store(now.accesses + std::max(size * accesses_per_sample, fewest_accesses),
                std::memory_order_relaxed);
    if (now.accesses >= next_age_) {
      next_age_ = now.accesses + size * accesses_per_age;
      tuning_.age.fetch_add(1, std::memory_order_relaxed);
    }
  }

 private:
  static constexpr std::uint64_t accesses_per_sample = 2, fewest_accesses = 1000;
  static constexpr std::uint64_t accesses_per_age = 10;
  static constexpr double first_step = 0.0625, decay = 0.98, jump = 0.05;
  static constexpr double smallest = 0.005, largest = 0.80;

  struct Sample {
    std::uint64_t accesses = 0;  // reads, or insertions if there are more of them
    std::uint64_t hits = 0, reads = 0;
  };
  Sample take(const Readers& readers) const noexcept {
    const Readers::Totals totals = readers.totals();
    const std::uint64_t inserted = insertions_.load(std::memory_order_relaxed);
    return {totals.hits + std::max(totals.misses, inserted), totals.hits,
            totals.hits + totals.misses};
  }

  void climb(const Sample& now, std::uint64_t) noexcept {
    const std::uint64_t reads = now.reads - before_.reads;
    if (reads == 0) return;
    const double ratio = static_cast<double>(now.hits - before_.hits) / static_cast<double>(reads);
    const double change = ratio - ratio_before_;
    ratio_before_ = ratio;
    if (change < 0) step_ = -step_;
    const double window = tuning_.window.load(std::memory_order_relaxed);
    tuning_.window.store(std::clamp(window + step_, smallest, largest), std::memory_order_relaxed);
    step_ = std::abs(change) >= jump ? std::copysign(first_step, step_) : step_ * decay;
  }

  Tuning tuning_;
  std::atomic<std::uint64_t> insertions_{0};
  std::atomic<std::uint64_t> next_{1000};
  std::mutex mutex_;
  std::uint64_t next_age_ = 0;
  Sample before_;
  double ratio_before_ = 0;
  double step_ = first_step;
};

}  // namespace cairn::memory
