// What to evict: the interface of the policies, and the list that they are made of.
//
// Readers never call a policy; they leave their traces in a record's heat. So every policy here
// promotes lazily: an entry that was hit moves when eviction comes across it, not when it is hit
// ("second chance"). That is what keeps hits free of locks and shared writes, and costs next to
// nothing in hit ratio (for CLOCK against LRU see docs/explanation/performance.md).
//
// Threads: a policy belongs to one shard and is called under its lock.
#pragma once

#include "prefetch.hpp"
#include "record.hpp"

#include <algorithm>
#include <cstdint>
#include <optional>

namespace cairn::memory {

/// Records from the one put last (front) to the one to leave first (back), and what they weigh.
class List {
 public:
  bool empty() const noexcept { return back_ == nullptr; }
  std::uint64_t bytes() const noexcept { return bytes_; }
  std::size_t size() const noexcept { return size_; }
  Record* back() const noexcept { return back_; }

  void push_front(Record& record) noexcept {
    record.set_previous(nullptr);
    record.set_next(front_);
    (front_ != nullptr ? front_->set_previous(&record), 0 : (back_ = &record, 0));
    front_ = &record;
    bytes_ += record.charge();
    ++size_;
  }
  void remove(Record& record) noexcept {
    Record* previous = record.previous();
    Record* next = record.next();
    (previous != nullptr ? previous->set_next(next), 0 : (front_ = next, 0));
    (next != nullptr ? next->set_previous(previous), 0 : (back_ = previous, 0));
    bytes_ -= record.charge();
    --size_;
  }
  void replace(Record& old, Record& with) noexcept {
    Record* previous = old.previous();
    Record* next = old.next();
    with.set_previous(previous);
    with.set_next(next);
    (previous != nullptr ? previous->set_next(&with), 0 : (front_ = &with, 0));
    (next != nullptr ? next->set_previous(&with), 0 : (back_ = &with, 0));
    bytes_ += with.charge() - old.charge();
  }
  void move_to_front(Record& record) noexcept {
    if (front_ == &record) return;
    remove(record);
    push_front(record);
  }
  /// The one to leave first that was not hit since it was looked at last. Those that were go back
  /// to the front; after a few of them, take what comes: an eviction must not take long.
  Record* coldest() noexcept {
    unsigned spared = 0;
    return coldest(spared);
  }
  /// Says also how many went back.
  Record* coldest(unsigned& spared) noexcept {
    while (spared < patience && back_ != nullptr && back_->heat.take_touch()) {
      move_to_front(*back_);
      ++spared;
    }
    return back_;
  }

  /// Starts fetching the record that is next to leave; or only its head, which is enough to move it. Or the
  /// head of the one after it, for which the first must be there.
  [[gnu::always_inline]] void foresee() const noexcept {
    if (back_ != nullptr) back_->prefetch();
  }
  [[gnu::always_inline]] void foresee_head() const noexcept { __builtin_prefetch(back_); }
  [[gnu::always_inline]] void foresee_next() const noexcept {
    if (back_ != nullptr) __builtin_prefetch(back_->previous());
  }

  static constexpr unsigned patience = 64;

 private:
  Record* front_ = nullptr;
  Record* back_ = nullptr;
  std::uint64_t bytes_ = 0;
  std::size_t size_ = 0;
};

// In memory, what hardly ever changes comes first, and what every writer changes begins another line: so
// that a writer can ask for that, before he has the lock, without waiting for the one before him.
class alignas(4 * cache_line) Policy {
 public:
  Policy() = default;
  Policy(const Policy&) = delete;
  Policy& operator=(const Policy&) = delete;
  virtual ~Policy() = default;

  /// Starts fetching what every writer changes. Without the lock.
  [[gnu::always_inline]] void foresee_changes() const noexcept {
    const char* first = reinterpret_cast<const char*>(this);
    fetch_to_write(first + cache_line, first + size);
  }
  /// Starts fetching what is known of a key, before it comes: or else it would be waited for. Without the
  /// lock.
  virtual void foresee(std::uint64_t) const noexcept {}
  /// The same of the records that are the next to go: called after evictions, for those to come.
  virtual void foresee_victims() const noexcept = 0;
  /// And of those after them: called before evictions, when the first are there.
  virtual void foresee_next_victims() const noexcept = 0;
  /// A new key. `hash` is its key's.
  virtual void add(Record& record, std::uint64_t hash) = 0;
  /// Another record of the same key takes its place.
  virtual void replace(Record& old, Record& with) noexcept = 0;
  /// Its value was set, which says as much as a hit.
  virtual void note_set(Record& record) noexcept = 0;
  /// Gone, for another reason than eviction.
  virtual void remove(Record& record) noexcept = 0;
  struct Victim {
    Record* record = nullptr;  // null: there is none
    std::uint64_t hash = 0;    // of its key
    bool rejected = false;     // a newcomer, that was not worth more than what is there
  };
  /// Takes out the one that the cache can do without best.
  virtual Victim evict() noexcept = 0;
  /// After an insertion, and after the last of several calls of evict(), when there is room again.
  virtual void settle() noexcept {}

  /// What it has learnt since the last call about the worth of the window (see tuner.hpp). Null: it has
  /// no window to tune, and counts hits without regard to the age of the store, which stays 0 then.
  struct Evidence {
    double window = 0, probation = 0;

    Evidence& operator+=(const Evidence& more) noexcept {
      window += more.window;
      probation += more.probation;
      return *this;
    }
  };
  virtual std::optional<Evidence> take_evidence() noexcept { return std::nullopt; }

  /// Bytes of entries on trial.
  virtual std::uint64_t window_bytes() const noexcept { return 0; }

  static constexpr std::size_t size = 4 * cache_line;  // of each policy: so much is fetched
};

}  // namespace cairn::memory
