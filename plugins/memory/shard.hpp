// One shard of the store: an index that anybody reads, and behind one lock all that writers need:
// the policy's lists, the timing wheel, and the records that wait for their last reader. Writers also move
// records that fill their slabs badly.
//
// Threads: everything but index(), cells(), foresee() and drain() is called through a Shard::Writer, which holds the
// lock. Lifetime: destroyed when it is empty; see drain().
#pragma once

#include "budget.hpp"
#include "cells.hpp"
#include "hash.hpp"
#include "index.hpp"
#include "limbo.hpp"
#include "lock.hpp"
#include "policy.hpp"
#include "prefetch.hpp"
#include "tidying.hpp"
#include "wheel.hpp"

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <memory>
#include <new>
#include <optional>
#include <utility>
#include <vector>

namespace cairn::memory {

class alignas(128) Shard {
 public:
  struct Counters {
    std::uint64_t inserted = 0, replaced = 0, removed = 0;
    std::uint64_t evicted = 0, rejected = 0, expired = 0;

    Counters& operator+=(const Counters& more) noexcept {
      inserted += more.inserted;
      replaced += more.replaced;
      removed += more.removed;
      evicted += more.evicted;
      rejected += more.rejected;
      expired += more.expired;
      return *this;
    }
  };

  /// `cells`: where its small records come from; null: they do not.
  Shard(Budget& budget, const Hasher& hasher, std::unique_ptr<Policy> policy,
        Cells* cells = nullptr)
      : budget_(budget),
        hasher_(hasher),
        cells_(cells),
        policy_(std::move(policy)),
        // Not noticeable beside the bound, and not worth a look at all pins per eviction.
        limbo_(std::clamp<std::uint64_t>(budget.max_bytes / 256, 1, 32 * 1024)) {}
  Shard(const Shard&) = delete;
  Shard& operator=(const Shard&) = delete;

  const Index& index() const noexcept { return index_; }
  Cells* cells() const noexcept { return cells_; }

  /// For the end: takes out all entries and destroys them, but for what is still held, while the shard
  /// still works, as the destructors of a program's own objects may use it.
  void drain() noexcept {
    Record* garbage = nullptr;
    {
      const Writer writer(*this);
      clear();
      settle_budget();
      garbage = limbo_.drain();
    }
    Limbo::destroy(garbage);
  }

  /// Starts fetching what every writer writes to, all at once, as the writer before may have been on
  /// another core; and what is known of the key that is to come. Without the lock: it reads nothing that
  /// ever changes, or hardly ever.
  [[gnu::always_inline]] void foresee(Hash hash) const noexcept {
    const char* after_readers_line = reinterpret_cast<const char*>(&index_) + cache_line;
    fetch_to_write(after_readers_line, &wheel_);
    policy_->foresee_changes();
    policy_->foresee(hash.bits);
  }

  /// Holds the lock, and destroys what left the shard once it is given back.
  class Writer {
   public:
    explicit Writer(Shard& shard) noexcept : shard_(shard) { shard.lock_.lock(); }
    Writer(const Writer&) = delete;
    Writer& operator=(const Writer&) = delete;
    ~Writer() {
      shard_.budget_.note(shard_.change_);
      const Limbo::Leftovers left = shard_.limbo_.take_leftovers();
      shard_.lock_.unlock();
      if (left.fence) Fences::heavy();  // not while others wait for the lock
      Limbo::destroy(left.garbage);
    }
    Shard* operator->() const noexcept { return &shard_; }

   private:
    Shard& shard_;
  };

  /// After it the budget is exact, as far as this shard goes.
  void settle_budget() noexcept { budget_.settle(change_); }

  /// Whether no record is left, neither in the index nor on its way out.
  bool empty() const noexcept { return index_.size() == 0 && limbo_.empty(); }

  struct Put {
    bool added = false;       // a new key
    bool needs_room = false;  // there was not enough to evict here
    std::size_t evictions = 0;
  };
  /// Puts it under its key, replacing what is there, and makes room for it. Takes it over. Errors:
  /// std::bad_alloc, and nothing was changed.
  Put put(Hash hash, Record& record, std::int64_t now_ns) {
    policy_->foresee_next_victims();
    const Slot old = find(hash, record.key());
    if (old) {
      exchange(old, hash, record, now_ns);
      policy_->note_set(record);
      ++counters_.replaced;
    } else {
      index_.insert(hash, record, [this](const Record& r) { return hash_of(r); });
      take(record);
      if ((record.layout & Record::timed) != 0) wheel_.add(record, now_ns);
      policy_->add(record, hash.bits);
      ++counters_.inserted;
    }
    // The newcomer is not the one to go as long as other shards have something to give.
    bool has_more = true;
    std::size_t evictions = 0;
    do {
      while (budget_.exceeded(change_) && has_more) {
        has_more = index_.size() > 1 && evict();
        evictions += has_more;
      }
    } while (budget_.note(change_) && has_more);
    if (!has_more) settle_budget();
    policy_->settle();
    policy_->foresee_victims();
    return {!old, !has_more, evictions};
  }

  bool remove(Hash hash, std::string_view key) noexcept {
    const Slot slot = find(hash, key);
    if (!slot) return false;
    Record& record = *slot.record();
    policy_->remove(record);
    unlink(slot, hash, record);
    ++counters_.removed;
    return true;
  }

  /// Evictions until the bound is kept, or nothing is left.
  void make_room() noexcept {
    while (budget_.exceeded(change_) && evict()) {
    }
    policy_->settle();
    settle_budget();
  }

  /// Moves some records that fill their slabs badly, if there are such; after so many have left somewhere.
  void tidy(std::size_t left) {
    const auto move_from = [this](std::size_t bucket) {
      std::size_t moves = 0;
      index_.visit_bucket(bucket, [&](Record& record) {
        if (record.in_cell && cells_->worth_moving(&record)) moves += move(record);
      });
      return moves;
    };
    if (tidying_.go_on(cells_->untidy_bytes(), left, {index_.table()->buckets(), index_.size()},
                       move_from)) {
      limbo_.hurry();  // what is left behind there keeps whole slabs
    }
  }

  /// Takes out what has expired.
  void expire(std::int64_t now_ns) noexcept {
    wheel_.advance(now_ns, [this](Record& record) {
      policy_->remove(record);
      const Hash hash = hash_of(record);
      forget(slot_of(hash, record), hash, record);
      ++counters_.expired;
    });
  }

  void clear() noexcept {
    for (std::size_t b = 0; b < index_.table()->buckets(); ++b) {
      index_.visit_bucket(b, [this](Record& record) {
        policy_->remove(record);
        const Hash hash = hash_of(record);
        unlink(slot_of(hash, record), hash, record);
        ++counters_.removed;
      });
    }
  }

  /// Adds what belongs at `place` (a hash's) and on to the end of its home bucket. Returns the place where
  /// to go on; 2^32: this was the last. Errors: std::bad_alloc.
  std::uint64_t collect(std::uint64_t place, std::vector<RecordOwner>& found) const {
    const Table& table = *index_.table();
    const std::size_t home = static_cast<std::size_t>(place * table.buckets() >> 32);
    for (std::size_t b = home, seen = 0; seen < table.buckets(); b = table.after(b), ++seen) {
      index_.visit_bucket(b, [&](Record& record) {
        const Hash hash = hash_of(record);
        if (table.home(hash) == home && hash.place() >= place) {
          found.emplace_back();  // which may fail
          cairn_retain(&record);
          found.back().reset(&record);
        }
      });
      if (Bucket::overflow(table.bucket(b).tags.load(std::memory_order_relaxed)) == 0) break;
    }
    // The first place of the next bucket, rounded up.
    return ((std::uint64_t{home + 1} << 32) + table.buckets() - 1) / table.buckets();
  }

  Hash hash_of(const Record& record) const noexcept { return {hasher_(record.key())}; }
  const Counters& counters() const noexcept { return counters_; }
  const Policy& policy() const noexcept { return *policy_; }
  std::optional<Policy::Evidence> take_evidence() noexcept { return policy_->take_evidence(); }

 private:
  Slot find(Hash hash, std::string_view key) const noexcept {
    return index_.find(hash, [key](const Record& r) { return r.key() == key; });
  }
  Slot slot_of(Hash hash, const Record& record) const noexcept {
    return index_.find(hash, [&record](const Record& r) { return &r == &record; });
  }
  void exchange(Slot slot, Hash hash, Record& with, std::int64_t now_ns) noexcept {
    Record& old = *slot.record();
    with.heat.copy(old.heat);
    with.segment = old.segment;
    take(with);
    if ((with.layout & Record::timed) != 0) wheel_.add(with, now_ns);
    policy_->replace(old, with);
    index_.replace(slot, hash, with);
    if ((old.layout & Record::timed) != 0) wheel_.remove(old);
    retire(old);
  }
  // False: there is no memory for it.
  bool move(Record& record) noexcept try {
    const Hash hash = hash_of(record);
    constexpr std::int64_t no_time = 0;  // the wheel knows it: what is to move is in it, if timed
    exchange(slot_of(hash, record), hash, *record.copy(*cells_), no_time);
    return true;
  } catch (const std::bad_alloc&) {
    return false;
  }
  // One eviction; after the last of several, policy_->settle(). False: there is nothing left.
  bool evict() noexcept {
    const Policy::Victim victim = policy_->evict();
    if (victim.record == nullptr) return false;
    const Hash hash{victim.hash};
    unlink(slot_of(hash, *victim.record), hash, *victim.record);
    ++(victim.rejected ? counters_.rejected : counters_.evicted);
    return true;
  }
  // The policy has let go of it; now the wheel and the index do.
  void unlink(Slot slot, Hash hash, Record& record) noexcept {
    if ((record.layout & Record::timed) != 0) wheel_.remove(record);
    forget(slot, hash, record);
  }
  void forget(Slot slot, Hash hash, Record& record) noexcept {
    index_.erase(slot, hash);
    retire(record);
  }
  void take(Record& record) noexcept {
    change_.bytes += record.charge();
    ++change_.entries;
  }
  void retire(Record& record) noexcept {
    const std::uint64_t charge = record.charge();
    change_.bytes -= charge;
    --change_.entries;
    limbo_.add(record, charge);
  }

  Budget& budget_;
  const Hasher& hasher_;
  Cells* const cells_;
  const std::unique_ptr<Policy> policy_;
  Index index_;  // its first line is what readers load
  // From its second line on, and up to the wheel, what writers change.
  alignas(64) Lock lock_;
  Change change_;
  Limbo limbo_;
  Counters counters_;
  Tidying tidying_;
  Wheel wheel_;
};

}  // namespace cairn::memory
