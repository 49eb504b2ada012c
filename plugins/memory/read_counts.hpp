// How many hits and misses a store had. Each of the first threads has a line of its own and counts
// there without atomic read-modify-writes; the threads after them share lines, with.
//
// Threads: any.
#pragma once

#include "pins.hpp"

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstdint>
#include <memory>
#include <thread>

namespace cairn::memory {

class ReadCounts {
 public:
  [[gnu::always_inline]] void hit(const Reader& reader) noexcept { count(reader, &Line::hits); }
  void miss(const Reader& reader) noexcept { count(reader, &Line::misses); }

  struct Totals {
    std::uint64_t hits = 0, misses = 0;
  };
  Totals totals() const noexcept {
    Totals sum;
    for (unsigned i = 0; i < 2 * half_; ++i) {
      sum.hits += lines_[i].hits.load(std::memory_order_relaxed);
      sum.misses += lines_[i].misses.load(std::memory_order_relaxed);
    }
    return sum;
  }

 private:
  // Two lines apart, since adjacent lines are fetched in pairs.
  struct alignas(128) Line {
    std::atomic<std::uint64_t> hits{0}, misses{0};
  };

  [[gnu::always_inline]] void count(const Reader& reader,
                                    std::atomic<std::uint64_t> Line::*what) noexcept {
    const unsigned number = reader.number();
    if (number < half_) [[likely]] {
      std::atomic<std::uint64_t>& mine = lines_[number].*what;
      mine.store(mine.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    } else {
      (lines_[half_ + number % half_].*what).fetch_add(1, std::memory_order_relaxed);
    }
  }

  const unsigned half_ =
      std::clamp(std::bit_ceil(2 * std::max(std::thread::hardware_concurrency(), 1u)), 4u, 64u);
  const std::unique_ptr<Line[]> lines_ = std::make_unique<Line[]>(2 * half_);
};

}  // namespace cairn::memory
