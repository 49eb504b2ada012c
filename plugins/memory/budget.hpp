// How much a store may hold, and how much it does: what all shards have in common.
//
// To tell the others of each insertion and eviction is to pass a line to and fro between cores. So a shard
// takes some bytes ahead, and has more to tell only when they are used up, or when it has given back as many.
// What is told is never less than what is there: the bound holds, and a thousandth of it may be unused.
//
// Threads: any; a Change belongs to its shard.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>

namespace cairn::memory {

/// How much more there is than a shard has told, modulo 2^64. Mostly less: what it has taken ahead.
struct Change {
  std::uint64_t bytes = 0, entries = 0;
};

class Budget {
 public:
  Budget(std::uint64_t most_bytes, std::uint64_t most_entries, unsigned shards) noexcept
      : max_bytes(most_bytes),
        max_entries(most_entries),
        ahead_(std::min<std::uint64_t>(1024, most_bytes / 1024 / shards)) {}

  const std::uint64_t max_bytes;
  const std::uint64_t max_entries;  // 0: any number

  std::uint64_t bytes() const noexcept { return bytes_.load(std::memory_order_relaxed); }
  std::uint64_t entries() const noexcept { return entries_.load(std::memory_order_relaxed); }

  bool exceeded(Change with = {}) const noexcept {
    return bytes() + with.bytes > max_bytes ||
           (max_entries != 0 && entries() + with.entries > max_entries);
  }
  /// After every change. True: now there is too much, as another shard has grown meanwhile.
  bool note(Change& change) noexcept {
    if (0 - change.bytes <= ahead_ && (max_entries == 0 || change.entries == 0)) return false;
    const std::uint64_t more = ahead_ / 2;
    const Change ahead{0 - more, 0};
    change.bytes += more;
    tell(change);
    change = ahead;
    return exceeded(ahead);
  }
  /// Nothing more and nothing less than is there.
  void settle(Change& change) noexcept {
    tell(change);
    change = {};
  }

 private:
  void tell(Change change) noexcept {
    if (change.bytes != 0) bytes_.fetch_add(change.bytes, std::memory_order_relaxed);
    if (change.entries != 0) entries_.fetch_add(change.entries, std::memory_order_relaxed);
  }

  const std::uint64_t ahead_;  // at most, per shard
  alignas(64) std::atomic<std::uint64_t> bytes_{0};
  std::atomic<std::uint64_t> entries_{0};
};

}  // namespace cairn::memory
