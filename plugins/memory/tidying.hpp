// When to walk through the index of a shard, on the way tidying up the cells that its records are in.
//
// A few buckets per record that has left: in that many more records can move than it leaves holes.
// What a whole walk could do next to nothing about, as it is another shard's or not to be moved, is borne
// until it has become more.
//
// Threads: under the lock of the shard.
#pragma once

#include <algorithm>
#include <cstddef>

namespace cairn::memory {

class Tidying {
 public:
  struct Size {
    std::size_t buckets, records;
  };
  /// The next steps through an index of that size, if so many untidy bytes are worth it, after so many
  /// records have left. `visit(bucket)` says how many it has moved. True: a walk has ended.
  template <class Visit>
  bool go_on(std::size_t untidy_bytes, std::size_t left, Size index, Visit visit) {
    bearable_bytes_ = std::min(bearable_bytes_, more_than(untidy_bytes));
    if (untidy_bytes < bearable_bytes_ || untidy_bytes == 0) return false;
    const std::size_t enough = moves_ + enough_moves * left;
    for (std::size_t i = 0; i < most_buckets * left && moves_ < enough; ++i) {
      if (bucket_ >= index.buckets) {
        bearable_bytes_ = moves_ <= index.records / 16 ? more_than(untidy_bytes) : 0;
        bucket_ = moves_ = 0;
        return true;
      }
      moves_ += visit(bucket_++);
    }
    return false;
  }

  static constexpr std::size_t most_buckets = 8, enough_moves = 4;

 private:
  static std::size_t more_than(std::size_t bytes) noexcept { return bytes + bytes / 8 + 1; }

  std::size_t bucket_ = 0, moves_ = 0;  // of this walk
  std::size_t bearable_bytes_ = 0;
};

}  // namespace cairn::memory
