// Counts of durations, exact to 1/32 of each, in fixed memory: for percentiles of millions of
// calls.
//
// Threads: one writer each; add them up when the writers are done.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <chrono>
#include <cstdint>

namespace cairn::cli {

class Histogram {
 public:
  using Duration = std::chrono::nanoseconds;

  void add(Duration duration) noexcept {
    const auto value = static_cast<std::uint64_t>(std::max<std::int64_t>(duration.count(), 0));
    ++counts_[index_of(value)];
    ++count_;
    max_ = std::max(max_, value);
  }
  void add(const Histogram& other) noexcept {
    for (std::size_t i = 0; i < counts_.size(); ++i) counts_[i] += other.counts_[i];
    count_ += other.count_;
    max_ = std::max(max_, other.max_);
  }
  std::uint64_t count() const noexcept { return count_; }
  Duration max() const noexcept { return Duration(static_cast<std::int64_t>(max_)); }
  /// The duration that `part` (0 to 1) of all do not exceed.
  Duration percentile(double part) const noexcept {
    const auto wanted = static_cast<std::uint64_t>(part * static_cast<double>(count_));
    std::uint64_t seen = 0;
    for (std::size_t i = 0; i < counts_.size(); ++i) {
      seen += counts_[i];
      if (seen > wanted) return Duration(static_cast<std::int64_t>(std::min(top_of(i), max_)));
    }
    return max();
  }

 private:
  // Values below 32 have a bucket each; above, every power of two has 32.
  static constexpr std::size_t index_of(std::uint64_t value) noexcept {
    if (value < 32) return static_cast<std::size_t>(value);
    const int shift = static_cast<int>(std::bit_width(value)) - 6;
    return static_cast<std::size_t>(32 * (shift + 1)) +
           static_cast<std::size_t>((value >> shift) & 31u);
  }
  static constexpr std::uint64_t top_of(std::size_t index) noexcept {
    if (index < 32) return index;
    const std::size_t shift = index / 32 - 1;
    return ((32 + index % 32 + 1) << shift) - 1;
  }

  std::array<std::uint64_t, 32 * 60> counts_{};
  std::uint64_t count_ = 0;
  std::uint64_t max_ = 0;
};

}  // namespace cairn::cli
