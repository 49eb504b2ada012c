// A hierarchical timing wheel (Varghese and Lauck, 1987): finds what has expired without looking at
// what has not. A wheel has buckets of 1.07 s, coarser ones of 1.15 min, 1.22 h and 1.63 days; a
// record trickles down to finer buckets as its end comes nearer. All steps are O(1).
//
// Time only comes in through the arguments. Threads: under the lock of the shard.
#pragma once

#include "record.hpp"

#include <array>
#include <cstdint>

namespace cairn::memory {

class Wheel {
 public:
  Wheel() noexcept {
    for (Timed& bucket : buckets_) clear(bucket);
  }
  Wheel(const Wheel&) = delete;
  Wheel& operator=(const Wheel&) = delete;

  bool empty() const noexcept { return size_ == 0; }

  void add(Record& record, std::int64_t now_ns) noexcept {
    if (size_++ == 0) now_ns_ = now_ns;
    insert(record.time());
  }
  void remove(Record& record) noexcept {
    unlink(record.time());
    --size_;
  }

  /// Takes out what is due, each with a call of `expire(record)`. Due means: its bucket is over,
  /// which may be a second after its time. The clock may have been set back.
  template <class Expire>
  void advance(std::int64_t now_ns, Expire expire) {
    const std::int64_t before = now_ns_;
    now_ns_ = now_ns;
    if (now_ns <= before) {
      // A bucket that is passed too early costs a look. Too late would be what was overdue before: it
      // was put where the clock was then.
      return drain(bucket(levels[0], before >> levels[0].shift), expire);
    }
    for (const Level& level : levels) {
      const std::int64_t from = before >> level.shift, to = now_ns >> level.shift;
      if (from == to) break;
      const std::int64_t steps = std::min<std::int64_t>(to - from + 1, level.buckets);
      for (std::int64_t i = 0; i < steps; ++i) drain(bucket(level, from + i), expire);
    }
  }

 private:
  struct Level {
    int shift;    // a bucket is 2^shift nanoseconds
    int buckets;  // a power of two
    int first;    // in buckets_
  };
  static constexpr std::array<Level, 5> levels{
      {{30, 64, 0}, {36, 64, 64}, {42, 32, 128}, {47, 4, 160}, {49, 1, 164}}};

  Timed& bucket(const Level& level, std::int64_t tick) noexcept {
    return buckets_[static_cast<std::size_t>(level.first + (tick & (level.buckets - 1)))];
  }
  void insert(Timed& timed) noexcept {
    const std::int64_t left = timed.expires_ns - now_ns_;
    std::size_t i = 0;
    while (i + 1 < levels.size() && left >= std::int64_t{1} << levels[i + 1].shift) ++i;
    const std::int64_t at = std::max(timed.expires_ns, now_ns_);
    Timed& head = bucket(levels[i], at >> levels[i].shift);
    timed.previous = &head;
    timed.next = head.next;
    head.next->previous = &timed;
    head.next = &timed;
  }
  static void unlink(Timed& timed) noexcept {
    timed.previous->next = timed.next;
    timed.next->previous = timed.previous;
  }
  static void clear(Timed& head) noexcept { head.previous = head.next = &head; }

  template <class Expire>
  void drain(Timed& head, Expire expire) {
    Timed* timed = head.next;
    if (timed == &head) return;
    head.previous->next = nullptr;
    clear(head);
    while (timed != nullptr) {
      Timed* next = timed->next;
      if (timed->expires_ns <= now_ns_) {
        --size_;
        expire(*Record::of(*timed));
      } else {
        insert(*timed);
      }
      timed = next;
    }
  }

  std::array<Timed, 165> buckets_;
  std::int64_t now_ns_ = 0;
  std::size_t size_ = 0;
};

}  // namespace cairn::memory
