// W-TinyLFU (Einziger, Friedman, Manes: "TinyLFU: A Highly Efficient Cache Admission Policy",
// 2017): new entries spend a while in a window. What leaves the window must have been wanted more
// often than what the main part would give up for it; else it goes. The main part is a segmented
// LRU: on probation, or protected after a hit, at most four fifths. How large the window is, the
// tuner finds out.
//
// Threads: under the lock of the shard, but for foresee().
#pragma once

#include "hash.hpp"
#include "policy.hpp"
#include "sketch.hpp"
#include "tuner.hpp"

#include <cstdint>
#include <optional>
#include <utility>

namespace cairn::memory {

class WTinyLfu final : public Policy {
 public:
  WTinyLfu(const Tuning& tuning, const Hasher& hasher) : tuning_(tuning), hasher_(hasher) {}

  void foresee(std::uint64_t hash) const noexcept override { sketch_.prefetch(hash); }
  void foresee_victims() const noexcept override {
    window_.foresee();
    probation_.foresee();
    protected_.foresee_head();
  }
  void foresee_next_victims() const noexcept override {
    window_.foresee_next();
    probation_.foresee_next();
    protected_.foresee_next();
  }
  void add(Record& record, std::uint64_t hash) override {
    note_departed();
    grow_old();
    sketch_.fit(window_.size() + probation_.size() + protected_.size() + 1);
    record.heat.set_count(sketch_.count(hash), age_);
    put(window_, Segment::window, record);
  }

  void replace(Record& old, Record& with) noexcept override { list_of(old).replace(old, with); }
  void note_set(Record& record) noexcept override { record.heat.touch(age_); }

  void remove(Record& record) noexcept override { list_of(record).remove(record); }

  // While the cache is too full, what overflows the window has to beat the main part's victim; it
  // faces one after the other until there is room or it has lost. A victim that was wanted more often
  // goes to the end of its line: or else one that was popular once would answer for all the others,
  // long after its time. One that was wanted as often stays, as it would in a loop.
  Victim evict() noexcept override {
    if (challenger_ == nullptr && window_.bytes() > window_share()) leave_window();
    Record* victim = main_victim();
    if (challenger_ != nullptr) {
      const bool contested = victim != nullptr && victim != challenger_;
      if (!contested || !deserves(*challenger_, *victim)) {
        if (contested && wanted_more(*victim, *challenger_)) {
          move(*victim, list_of(*victim), victim->segment);
        }
        Record* loser = std::exchange(challenger_, nullptr);
        return take_out(*loser, true);
      }
    }
    if (victim == nullptr) victim = window_.coldest();
    if (victim == nullptr) return {};
    return take_out(*victim, false);
  }

  // While there is room, all that overflows the window is welcome.
  void settle() noexcept override {
    challenger_ = nullptr;
    while (window_.bytes() > window_share()) leave_window();
    challenger_ = nullptr;
  }

  std::optional<Evidence> take_evidence() noexcept override { return std::exchange(evidence_, {}); }
  std::uint64_t window_bytes() const noexcept override { return window_.bytes(); }

 private:
  static constexpr double protected_share = 0.80;

  // By way of signed numbers, which processors convert in one instruction.
  static std::uint64_t share(std::uint64_t bytes, double of) noexcept {
    return static_cast<std::uint64_t>(
        static_cast<std::int64_t>(static_cast<double>(static_cast<std::int64_t>(bytes)) * of));
  }
  std::uint64_t main_bytes() const noexcept { return probation_.bytes() + protected_.bytes(); }
  std::uint64_t window_share() const noexcept {
    return share(window_.bytes() + main_bytes(), tuning_.window.load(std::memory_order_relaxed));
  }
  List& list_of(const Record& record) noexcept {
    switch (record.segment) {
      case Segment::probation: return probation_;
      case Segment::protected_: return protected_;
      default: return window_;
    }
  }
  static void put(List& list, Segment segment, Record& record) noexcept {
    record.segment = segment;
    list.push_front(record);
  }
  void move(Record& record, List& to, Segment segment) noexcept {
    list_of(record).remove(record);
    put(to, segment, record);
  }
  void leave_window() noexcept {
    unsigned spared = 0;
    challenger_ = window_.coldest(spared);
    if (spared != 0) evidence_.window += spared / static_cast<double>(window_.bytes());
    move(*challenger_, probation_, Segment::probation);
  }

  // The one on probation for longest that was not hit meanwhile; those that were get protection.
  Record* main_victim() noexcept {
    for (unsigned i = 0; i < List::patience; ++i) {
      Record* victim = probation_.back();
      if (victim == nullptr || (victim == challenger_ && !protected_.empty())) {
        return protected_.coldest();
      }
      if (!victim->heat.take_touch()) return victim;
      evidence_.probation += 1 / static_cast<double>(probation_.bytes());
      if (victim == challenger_) return victim;
      move(*victim, protected_, Segment::protected_);
      while (protected_.bytes() > share(main_bytes(), protected_share)) {
        move(*protected_.back(), probation_, Segment::probation);
      }
    }
    return probation_.back();
  }

  // Counts of residents are their own and exact, so nobody can make one look popular by asking for
  // keys that share its counters. Should somebody find another way to keep all newcomers out, a
  // fairly popular one still gets in by luck, rarely enough not to spoil a loop.
  bool deserves(const Record& candidate, const Record& victim) noexcept {
    if (wanted_more(candidate, victim)) return true;
    constexpr unsigned warm = 6;
    if (candidate.heat.count(age_) < warm) return false;
    random_ = random_ * 6364136223846793005 + 1442695040888963407;
    return random_ >> 52 == 0;  // 1 of 4096
  }
  bool wanted_more(const Record& a, const Record& b) const noexcept {
    return a.heat.count(age_) > b.heat.count(age_);
  }

  Victim take_out(Record& record, bool rejected) noexcept {
    list_of(record).remove(record);
    note_departed();
    departed_ = {hasher_(record.key()), record.heat.count(age_)};
    sketch_.prefetch(departed_.hash);
    return {&record, departed_.hash, rejected};
  }
  // Not before the sketch is asked for something else, as its line would be waited for.
  void note_departed() noexcept {
    if (departed_.count != 0) sketch_.raise(departed_.hash, std::exchange(departed_.count, 0u));
  }

  void grow_old() noexcept {
    for (const unsigned now = tuning_.age.load(std::memory_order_relaxed); age_ != now; ++age_) {
      sketch_.halve();
    }
  }

  struct Departed {
    std::uint64_t hash = 0;
    unsigned count = 0;
  };

  const Tuning& tuning_;
  const Hasher& hasher_;
  Sketch sketch_;
  alignas(cache_line) List window_;
  List probation_, protected_;
  Departed departed_;  // the last one to leave, of whom the sketch does not know yet; count 0: none
  Record* challenger_ = nullptr;  // has left the window and is not yet admitted: until settle()
  Evidence evidence_;
  unsigned age_ = 0;
  std::uint64_t random_ = 0x9e3779b97f4a7c15;
};
static_assert(sizeof(WTinyLfu) == Policy::size);

}  // namespace cairn::memory
