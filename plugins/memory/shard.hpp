// One shard of the store: an index that anybody reads, and behind one lock all that writers need:
// the policy's lists, the timing wheel, and the records that wait for their last reader.
//
// A record that leaves goes to limbo: it is out of the index, but a reader may be looking at it (see
// pins.hpp). When limbo holds a hundred records or some kilobytes, they wait together for a fence, until
// as many others have come: mostly one that another shard needed serves them too. Records are destroyed
// after the lock is given back, since a program's own object may do anything in its destructor, such as
// to use the cache.
//
// Threads: everything but index() and drain() is called through a Shard::Writer, which holds the lock.
// Lifetime: destroyed when it is empty; see drain().
#pragma once

#include "hash.hpp"
#include "index.hpp"
#include "pins.hpp"
#include "policy.hpp"
#include "wheel.hpp"

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#if defined(__x86_64__) || defined(__i386__)
#include <immintrin.h>
#endif

namespace cairn::memory {

/// How much more there is, modulo 2^64. A shard collects it, so that an insertion and an eviction are
/// one change to the line that all shards share, or none.
struct Change {
  std::uint64_t bytes = 0, entries = 0;
};

/// What all shards share: how much there may be, and how much there is.
struct Budget {
  const std::uint64_t max_bytes;
  const std::uint64_t max_entries;  // 0: any number
  alignas(64) std::atomic<std::uint64_t> bytes{0};
  std::atomic<std::uint64_t> entries{0};

  bool exceeded(Change with = {}) const noexcept {
    return bytes.load(std::memory_order_relaxed) + with.bytes > max_bytes ||
           (max_entries != 0 &&
            entries.load(std::memory_order_relaxed) + with.entries > max_entries);
  }
  void apply(Change& change) noexcept {
    if (change.bytes != 0) bytes.fetch_add(change.bytes, std::memory_order_relaxed);
    if (change.entries != 0) entries.fetch_add(change.entries, std::memory_order_relaxed);
    change = {};
  }
};

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

  Shard(Budget& budget, const Hasher& hasher, std::unique_ptr<Policy> policy)
      : budget_(budget),
        hasher_(hasher),
        policy_(std::move(policy)),
        // Not noticeable beside the bound, and not worth a look at all pins per eviction.
        limbo_bytes_limit_(std::clamp<std::uint64_t>(budget.max_bytes / 256, 1, 32 * 1024)) {}
  Shard(const Shard&) = delete;
  Shard& operator=(const Shard&) = delete;

  const Index& index() const noexcept { return index_; }

  /// For the end: takes out all entries and destroys them, but for what is still held, while the shard
  /// still works, as the destructors of a program's own objects may use it.
  void drain() noexcept {
    Record* garbage = nullptr;
    {
      const Writer writer(*this);
      clear();
      for (int stage = 0; stage < 3; ++stage) {  // from limbo on to waiting, to spent, to garbage
        for (Record* more = empty_limbo(); more != nullptr;) move_first(more, garbage);
      }
    }
    destroy(garbage);
  }

  /// Starts fetching what every writer writes to, all at once, as the writer before may have been on
  /// another core. Without the lock: it reads nothing that ever changes.
  [[gnu::always_inline]] void foresee() const noexcept {
    constexpr std::ptrdiff_t line = 64, policy_lines = 3;
    const char* first = reinterpret_cast<const char*>(this) + line;  // after what readers read
    const char* end = reinterpret_cast<const char*>(&wheel_);
    for (const char* at = first; at < end; at += line) fetch_to_write(at);
    const char* policy = reinterpret_cast<const char*>(policy_.get());
    for (std::ptrdiff_t i = 0; i < policy_lines; ++i) fetch_to_write(policy + i * line);
  }

  /// Holds the lock, and destroys what left the shard once it is given back.
  class Writer {
   public:
    explicit Writer(Shard& shard) noexcept : shard_(shard) { shard.lock(); }
    Writer(const Writer&) = delete;
    Writer& operator=(const Writer&) = delete;
    ~Writer() {
      shard_.budget_.apply(shard_.change_);
      Record* garbage = nested_ < deepest_nesting ? shard_.take_garbage() : nullptr;
      shard_.mutex_.unlock();
      destroy(garbage);
    }
    Shard* operator->() const noexcept { return &shard_; }

   private:
    Shard& shard_;
  };

  /// Whether no record is left, neither in the index nor on its way out.
  bool empty() const noexcept {
    return index_.size() == 0 && limbo_.first == nullptr && waiting_.first == nullptr &&
           spent_ == nullptr;
  }

  /// Puts it under its key, replacing what is there, and makes room for it. Takes it over. True: it
  /// is a new key. Errors: std::bad_alloc, and nothing was changed.
  bool put(Hash hash, Record& record, std::int64_t now_ns) {
    policy_->foresee(hash.bits);
    policy_->foresee_victims();
    const Slot old = find(hash, record.key());
    if (old) {
      exchange(old, hash, record, now_ns);
      ++counters_.replaced;
    } else {
      index_.insert(hash, record, [this](const Record& r) { return hash_of(r); });
      take(record);
      if ((record.layout & Record::timed) != 0) wheel_.add(record, now_ns);
      policy_->add(record, hash.bits);
      ++counters_.inserted;
    }
    // The newcomer is not the one to go as long as other shards have something to give.
    while (budget_.exceeded(change_) && index_.size() > 1 && evict()) {
    }
    policy_->settle();
    policy_->foresee_victims();
    budget_.apply(change_);
    return !old;
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
    budget_.apply(change_);
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
  // What GCC makes of __builtin_prefetch(at, 1) fetches the line for reading, without options that not
  // every x86-64 has; the instruction does nothing where it is not known.
  static void fetch_to_write(const void* at) noexcept {
#if defined(__x86_64__)
    asm volatile("prefetchw %0" : : "m"(*static_cast<const char*>(at)));
#else
    __builtin_prefetch(at, 1);
#endif
  }

  // A writer is in here for a microsecond; waking a sleeper costs ten times as much.
  void lock() noexcept {
    for (int i = 0; i < 100; ++i) {
      if (mutex_.try_lock()) return;
#if defined(__x86_64__) || defined(__i386__)
      _mm_pause();
#endif
    }
    mutex_.lock();
  }

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
    record.set_next(limbo_.first);
    limbo_.first = &record;
    limbo_.size += (record.layout & Record::shared) != 0 ? 4 : 1;  // others may wait for an object
    limbo_.bytes += charge;
    limbo_.may_be_spent = limbo_.may_be_spent && is_small(record) && limbo_.size <= limbo_limit;
  }

  // What to destroy now, chained by next(). Small records that nobody pins any more go two by two, so
  // that whoever sets one takes up the memory that he has just given back.
  Record* take_garbage() noexcept {
    Record* garbage = nullptr;
    if (limbo_.size >= limbo_limit || limbo_.bytes >= limbo_bytes_limit_) {
      const bool much = limbo_.bytes >= 2 * limbo_bytes_limit_;  // too much to let it wait
      garbage = empty_limbo();
      if (much) {
        for (Record* more = empty_limbo(); more != nullptr;) move_first(more, garbage);
      }
    }
    for (int i = 0; i < 2 && spent_ != nullptr; ++i) move_first(spent_, garbage);
    if (spent_ != nullptr) fetch_to_write(spent_);  // for the next writer
    return garbage;
  }
  // Has those in limbo wait, and is done with those that waited: some of what is small is spent, the
  // rest is returned.
  [[gnu::noinline]] Record* empty_limbo() noexcept {
    if (waiting_.first != nullptr && !Fences::passed(waiting_since_) &&
        !(Fences::asymmetric() && Fences::heavy())) [[unlikely]] {
      // The kernel has come to refuse the fence, and a pin on these may never have been seen: they stay
      // for ever, this once.
      waiting_ = limbo_ = {};
      return std::exchange(spent_, nullptr);
    }
    const Leavers done = std::exchange(waiting_, std::exchange(limbo_, {}));
    waiting_since_ = Fences::moment();
    Record* garbage = std::exchange(spent_, nullptr);
    const bool looked = done.first != nullptr && pinned_.look();
    if (looked && pinned_.nothing() && done.may_be_spent) {
      spent_ = done.first;  // as a whole: a look at each would be waited for
      return garbage;
    }
    std::size_t spare = limbo_limit;
    for (Record* left = done.first; left != nullptr;) {
      if (!looked || !pinned_.adopt(left)) {
        limbo_.may_be_spent = false;  // how many come back is not counted
        move_first(left, limbo_.first);
      } else if (is_small(*left) && spare > 0) {
        move_first(left, spent_);
        --spare;
      } else {
        move_first(left, garbage);
      }
    }
    if (looked) pinned_.settle();
    return garbage;
  }
  static constexpr std::size_t limbo_limit = 128;  // records

  /// Records that are out of the index and perhaps pinned, chained by next().
  struct Leavers {
    Record* first = nullptr;
    std::size_t size = 0;
    std::uint64_t bytes = 0;
    bool may_be_spent = true;  // all small, and few
  };
  /// Its memory may as well be kept a while, for a record to come.
  static bool is_small(const Record& record) noexcept {
    return (record.layout & Record::shared) == 0 && record.key_size + record.value_size < 1024;
  }

  static void move_first(Record*& from, Record*& to) noexcept {
    Record* record = from;
    from = record->next();
    record->set_next(to);
    to = record;
  }
  static void destroy(Record* garbage) noexcept {
    if (garbage == nullptr) return;
    ++nested_;
    do {
      Record* next = garbage->next();
      garbage->let_go();
      garbage = next;
    } while (garbage != nullptr);
    --nested_;
  }
  // Destructors that write to a cache come back to destroy() in there. From some depth on they leave what
  // they have let go of to a later writer: or else a chain of objects, each of which removes the next,
  // would take as much stack as it is long.
  static constexpr int deepest_nesting = 8;
  [[gnu::tls_model("initial-exec")]] static inline constinit thread_local int nested_ = 0;

  Index index_;  // its first word is what readers load
  alignas(64) std::mutex mutex_;
  Budget& budget_;
  const Hasher& hasher_;
  const std::unique_ptr<Policy> policy_;
  Pinned pinned_;
  const std::uint64_t limbo_bytes_limit_;
  Change change_;
  Leavers limbo_;
  Leavers waiting_;  // until the moment has passed
  std::uint64_t waiting_since_ = 0;
  Record* spent_ = nullptr;  // not pinned any more
  Counters counters_;
  Wheel wheel_;
};

}  // namespace cairn::memory
