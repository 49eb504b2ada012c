// S3-FIFO (Yang, Zhang, Qiu, Yue, Rashmi: "FIFO queues are all you need for cache eviction", 2023):
// a small queue of a tenth, where what is not hit again soon is dropped, a main queue with
// reinsertion, and a memory of the keys that the small queue dropped, which go straight to the main
// queue when they come back.
//
// Threads: under the lock of the shard, but for foresee().
#pragma once

#include "hash.hpp"
#include "hashed_lines.hpp"
#include "policy.hpp"

#include <algorithm>
#include <cstdint>

namespace cairn::memory {

/// Which keys were dropped among the last so many: fingerprints with the number of the drop, eight
/// to a cache line. A full line forgets its oldest.
class Ghosts {
 public:
  void add(std::uint64_t hash, std::uint32_t number) noexcept {
    Line& line = lines_.of(hash);
    Ghost* oldest = &line.ghosts[0];
    for (Ghost& ghost : line.ghosts) {
      if (number - ghost.number > number - oldest->number) oldest = &ghost;
    }
    *oldest = {fingerprint(hash), number};
  }
  /// Whether it is among the last `memory` drops; if so, it is forgotten.
  bool take(std::uint64_t hash, std::uint32_t last, std::size_t memory) noexcept {
    for (Ghost& ghost : lines_.of(hash).ghosts) {
      if (ghost.fingerprint == fingerprint(hash) && ghost.number != 0 &&
          last - ghost.number < memory) {
        ghost = {};
        return true;
      }
    }
    return false;
  }
  [[gnu::always_inline]] void prefetch(std::uint64_t hash) const noexcept { lines_.prefetch(hash); }
  /// Makes room for this many. Without memory for it, it forgets sooner.
  void fit(std::size_t ghosts) noexcept { lines_.fit(ghosts / (per_line / 2) + 1); }

 private:
  static constexpr std::size_t per_line = 8;
  struct Ghost {
    std::uint32_t fingerprint = 0, number = 0;
  };
  struct alignas(64) Line {
    Ghost ghosts[per_line];
  };
  static std::uint32_t fingerprint(std::uint64_t hash) noexcept {
    return static_cast<std::uint32_t>(hash);
  }

  HashedLines<Line> lines_;
};

class S3Fifo final : public Policy {
 public:
  explicit S3Fifo(const Hasher& hasher) : hasher_(hasher) {}

  void foresee(std::uint64_t hash) const noexcept override { ghosts_.prefetch(hash); }
  void foresee_victims() const noexcept override {
    small_.foresee();
    main_.foresee();
  }
  void foresee_next_victims() const noexcept override {
    small_.foresee_next();
    main_.foresee_next();
  }
  void add(Record& record, std::uint64_t hash) override {
    ghosts_.fit(small_.size() + main_.size() + 1);
    record.heat.set_count(0, 0);
    // Until the cache is full for the first time, what the small queue has no room for is welcome.
    const bool known = ghosts_.take(hash, dropped_, main_.size()) ||
                       (!was_full_ && small_.bytes() > small_share());
    put(known ? main_ : small_, known ? Segment::protected_ : Segment::window, record);
  }
  void replace(Record& old, Record& with) noexcept override { list_of(old).replace(old, with); }
  void note_set(Record& record) noexcept override { record.heat.touch(0); }
  void remove(Record& record) noexcept override { list_of(record).remove(record); }

  Victim evict() noexcept override {
    was_full_ = true;
    for (unsigned i = 0;; ++i) {
      const bool hurry = i >= List::patience;  // then take what comes
      if (!small_.empty() && (main_.empty() || small_.bytes() > small_share())) {
        Record& oldest = *small_.back();
        if (oldest.heat.count(0) > 1 && !hurry) {
          move(oldest, main_, Segment::protected_);
          continue;
        }
        small_.remove(oldest);
        const std::uint64_t hash = hasher_(oldest.key());
        ghosts_.add(hash, ++dropped_);
        return {&oldest, hash, true};
      }
      if (main_.empty()) return {};
      Record& oldest = *main_.back();
      const unsigned count = std::min(oldest.heat.count(0), 3u);
      if (count > 0 && !hurry) {
        oldest.heat.set_count(count - 1, 0);
        main_.move_to_front(oldest);
        continue;
      }
      main_.remove(oldest);
      return {&oldest, hasher_(oldest.key()), false};
    }
  }
  std::uint64_t window_bytes() const noexcept override { return small_.bytes(); }

 private:
  std::uint64_t small_share() const noexcept { return (small_.bytes() + main_.bytes()) / 10; }
  List& list_of(const Record& record) noexcept {
    return record.segment == Segment::window ? small_ : main_;
  }
  static void put(List& list, Segment segment, Record& record) noexcept {
    record.segment = segment;
    list.push_front(record);
  }
  void move(Record& record, List& to, Segment segment) noexcept {
    list_of(record).remove(record);
    put(to, segment, record);
  }

  const Hasher& hasher_;
  Ghosts ghosts_;
  alignas(cache_line) List small_;
  List main_;
  std::uint32_t dropped_ = 0;
  bool was_full_ = false;
};
static_assert(sizeof(S3Fifo) == Policy::size);

}  // namespace cairn::memory
