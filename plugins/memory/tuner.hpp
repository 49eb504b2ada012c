// What the policies of all shards learn together: how old the store is, in units of its own size,
// and how large the window of new entries should be.
//
// The window is the right size when its last byte earns as many hits as a byte more for the main
// part would. Both can be seen when an entry reaches the end of its list: either it was hit
// meanwhile, and the bytes that it took have earned something, or not. So every policy adds up, for
// the window and for the probation part, one over the bytes of the list for each entry that is
// spared because of a hit, and the window moves towards the side where a byte earns more. That
// needs no hit counted per segment, and finds its way within a few fillings of the cache, where
// comparing hit ratios from one period to the next (as in Einziger, Eytan, Friedman, Manes,
// "Adaptive Software Cache Management", 2018) needs tens. An average byte of the window earns more
// than its last one does, so the main part's evidence counts twice; the figures behind that and the
// other constants are in docs/explanation/performance.md.
//
// All shards see the same load, so there is one tuner: it has the most to go by.
// Threads: any time.
#pragma once

#include "policy.hpp"
#include "read_counts.hpp"

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <mutex>

namespace cairn::memory {

/// What readers and policies look at.
struct alignas(64) Tuning {
  static constexpr double first_window = 0.10;

  std::atomic<unsigned> age{0};
  std::atomic<double> window{first_window};  // the share of the bytes that is for entries on trial
};

class Tuner {
 public:
  static constexpr unsigned insertions_per_call = 32;

  const Tuning& tuning() const noexcept { return tuning_; }

  /// Call it after every so many insertions into a shard of about so many bytes (or a multiple of them, if
  /// they came at once), with what its policy has learnt meanwhile. `entries`: of the whole store.
  void adapt(const ReadCounts& reads, std::uint64_t entries, std::uint64_t shard_bytes,
             std::uint64_t insertions, Policy::Evidence evidence) noexcept {
    const std::lock_guard lock(mutex_);
    insertions_ += insertions;
    evidence_ += evidence;
    const ReadCounts::Totals totals = reads.totals();
    // Who never reads, or reads elsewhere first, is as old as what he has set.
    const std::uint64_t accesses = totals.hits + std::max(totals.misses, insertions_);
    const std::uint64_t size = std::max<std::uint64_t>(entries, 16);
    if (accesses >= next_step_) {
      next_step_ = accesses + size;
      step(static_cast<double>(shard_bytes) / static_cast<double>(size));
    }
    if (accesses >= next_age_) {
      next_age_ = accesses + size * accesses_per_age;
      tuning_.age.fetch_add(1, std::memory_order_relaxed);
    }
  }

 private:
  static constexpr std::uint64_t accesses_per_age = 8;  // per entry
  static constexpr double smallest = 0.01, largest = 0.95;
  static constexpr double longest_step = 0.25;
  static constexpr double main_weight = 2;
  static constexpr double convincing = 0.2;  // earned by all bytes together, per access
  static constexpr double memory = 0.95;     // of evidence, from one step to the next

  // `scale`: bytes of a shard per access to the store since the last step.
  void step(double scale) noexcept {
    steps_ += 1;
    const double main = evidence_.probation * main_weight, sum = evidence_.window + main;
    if (sum > 0) {
      const double lean = (evidence_.window - main) / sum;
      const double trust = std::min(1.0, sum * scale / steps_ / convincing);
      const double window = tuning_.window.load(std::memory_order_relaxed);
      const double target = window + lean * trust * longest_step +
                            (Tuning::first_window - window) * (1 - trust) * 0.1;
      tuning_.window.store(std::clamp(target, smallest, largest), std::memory_order_relaxed);
    }
    evidence_.window *= memory;
    evidence_.probation *= memory;
    steps_ *= memory;
  }

  Tuning tuning_;
  std::mutex mutex_;
  std::uint64_t insertions_ = 0;
  Policy::Evidence evidence_;
  double steps_ = 0;  // that the evidence is from
  std::uint64_t next_step_ = 0, next_age_ = 0;
};

}  // namespace cairn::memory
