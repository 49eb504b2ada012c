// The store: shards, what they share, and the path of a read, which takes no lock.
//
// Threads: any method, any thread. Outcomes: a hit hands out a reference on the record itself;
// nothing is copied.
#pragma once

#include "arena.hpp"
#include "hash.hpp"
#include "pins.hpp"
#include "read_counts.hpp"
#include "shard.hpp"
#include "tuner.hpp"

#include <cairn/error.hpp>
#include <cairn/key.hpp>
#include <cairn/options.hpp>

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace cairn::memory {

using PolicyMaker = std::function<std::unique_ptr<Policy>(const Tuning&, const Hasher&)>;

struct Settings {
  std::uint64_t max_bytes = 0;
  std::uint64_t max_entries = 0;  // 0: any number
  std::int64_t ttl_ns = 0;        // 0: for ever
  unsigned shards = 0;            // 0: as many as suit the machine and the size
  PolicyMaker make_policy;
};

class Store {
 public:
  Store(const Settings& settings, Services services)
      : ttl_ns_(settings.ttl_ns),
        services_(services),
        arena_(settings.max_bytes >= bytes_per_part ? Arena::open() : nullptr),
        budget_(settings.max_bytes, settings.max_entries, shards_of(settings)),
        shards_(shards_of(settings)) {
    Fences::prepare();
    while (!shards_.full()) {
      shards_.add(budget_, hasher_, settings.make_policy(tuner_.tuning(), hasher_),
                  cells_of(shards_.count()));
    }
  }

  /// Nobody calls it any more, but for the destructors of a program's own objects that are in it. Those
  /// that put something in their place time and again are left there, with the store.
  struct Close {
    void operator()(Store* store) const noexcept {
      constexpr int patience = 16;
      for (int round = 0; round < patience; ++round) {
        for (Shard& shard : store->shards_) shard.drain();
        if (store->empty()) return delete store;
      }
    }
  };
  using Owner = std::unique_ptr<Store, Close>;

  [[gnu::always_inline]] Hash hash(std::string_view key) const noexcept { return {hasher_(key)}; }

  /// Starts fetching what get() will look at: first the bucket, then the record.
  [[gnu::always_inline]] void prefetch_bucket(Hash hash) const noexcept {
    __builtin_prefetch(&shard_of(hash).index().home(hash).bucket);
  }
  [[gnu::always_inline]] void prefetch_record(Hash hash) const noexcept {
    const Bucket& bucket = shard_of(hash).index().home(hash).bucket;
    const std::uint64_t matches =
        Bucket::matches(bucket.tags.load(std::memory_order_relaxed), hash.tag());
    if (matches == 0) return;
    const std::uint64_t word = bucket.slot[Bucket::first(matches)].load(std::memory_order_relaxed);
    if (word != 0) Bucket::record(word)->prefetch();
  }

  /// True: a hit, with a reference on its owner. Errors: std::bad_alloc, on the first call of a
  /// thread.
  //
  // Inlined, and what it calls: or else `out` goes through memory field by field, is read back by the
  // caller in wider pieces, and waits for the stores that it could not be forwarded from; that alone
  // was a fifth of a hit. So the rare cases are told apart early, and are calls.
  [[gnu::always_inline]] bool get(Hash hash, std::string_view key, cairn_entry& out) {
    Reader& reader = Reader::mine();
    const Shard& shard = shard_of(hash);
    const auto [table, bucket] = shard.index().home(hash);
    // Nearly every hit is the first record in its home bucket whose tag fits, and nearly every miss finds
    // that none does, and that nothing had to go further.
    const std::uint64_t tags = bucket.tags.load(std::memory_order_acquire);
    const std::uint64_t fits = Bucket::matches(tags, hash.tag());
    if (fits == 0 && Bucket::overflow(tags) == 0 && shard.index().is_home(bucket, table, hash)) {
      return missed(reader);
    }
    if (fits != 0) [[likely]] {
      const std::atomic<std::uint64_t>& slot = bucket.slot[Bucket::first(fits)];
      const std::uint64_t word = slot.load(std::memory_order_acquire);
      if (word != 0 && Bucket::has_prefix(word, hash.prefix())) [[likely]] {
        Pin& pin = reader.pin();
        Record* record = pin_record(pin, shard, table, slot, word);
        if (record != nullptr && record->has_key(key)) [[likely]] {
          if (hand_out(reader, *record, pin, out)) return true;
          return missed(reader);
        }
        if (record != nullptr) pin.take_off();
      }
    }
    return search(reader, shard, hash, key, out) || missed(reader);
  }

  /// Errors: Error(rejected) for what can never be kept; std::bad_alloc. Then there is nothing under the
  /// key: what was there is not its value any more.
  void set(Hash hash, std::string_view key, const Entry& value, std::int64_t ttl_ns) {
    const std::size_t number = shard_number(hash);
    shards_[number].foresee(hash);
    std::int64_t now = 0;
    RecordOwner record;
    try {
      record = make(hash, key, value, ttl_ns, now);
    } catch (...) {
      remove(hash, key);
      throw;
    }
    News news;
    {
      Shard::Writer shard(shards_[number]);
      put(shard, hash, std::move(record), now, news);
    }
    after_write(number, news, now);
  }

  bool remove(Hash hash, std::string_view key) {
    return Shard::Writer(shard_of(hash))->remove(hash, key);
  }

  void clear() {
    for (Shard& shard : shards_) Shard::Writer(shard)->clear();
  }

  // ---- for batches and scans: one shard at a time ----

  std::size_t shard_count() const noexcept { return shards_.count(); }
  std::size_t shard_number(Hash hash) const noexcept { return hash.shard(shards_.count()); }
  Shard& shard(std::size_t i) noexcept { return shards_[i]; }

  /// A record for put(). `now_ns` is asked of the clock once, if at all. Errors: as of set().
  RecordOwner make(Hash hash, std::string_view key, const Entry& value, std::int64_t ttl_ns,
                   std::int64_t& now_ns) {
    if (key.size() > Record::longest_key) {
      throw Error(Errc::rejected, "a key of " + std::to_string(key.size()) +
                                      " bytes is too long: at most " +
                                      std::to_string(Record::longest_key) + " are kept");
    }
    if (value.is_object() && !value.owned()) {
      throw Error(Errc::rejected, "an object that is only borrowed cannot be kept");
    }
    if (ttl_ns == 0) ttl_ns = ttl_ns_;
    std::int64_t expires_ns = 0;
    if (ttl_ns != 0) {
      if (now_ns == 0) now_ns = this->now_ns();
      // A time to live of centuries is none.
      if (__builtin_add_overflow(now_ns, ttl_ns, &expires_ns)) expires_ns = 0;
      if (!has_timed_.load(std::memory_order_relaxed)) {
        has_timed_.store(true, std::memory_order_relaxed);
      }
    }
    // Refused before it is copied; what its bookkeeping adds is known afterwards.
    bool fits = value.size() <= budget_.max_bytes;
    RecordOwner record;
    if (fits) {
      record.reset(Record::make(key, value, expires_ns, shard_of(hash).cells()));
      fits = record->charge() <= budget_.max_bytes;
    }
    if (!fits) {
      throw Error(Errc::rejected, "an entry of " + std::to_string(value.size()) +
                                      " bytes is larger than max_bytes, which is " +
                                      std::to_string(budget_.max_bytes));
    }
    return record;
  }
  /// What others are to hear of a write.
  struct News {
    bool needs_room = false;
    std::size_t left = 0;          // records that were there before
    std::uint64_t insertions = 0;  // for the tuner; 0: there is none
    Policy::Evidence evidence;
  };
  /// Under the lock of its shard. Adds to `news`. Errors: std::bad_alloc; nothing was there, and nothing is.
  void put(Shard::Writer& shard, Hash hash, RecordOwner record, std::int64_t now_ns, News& news) {
    const Shard::Put put = shard->put(hash, *record, now_ns);
    static_cast<void>(record.release());  // it is the shard's
    news.needs_room = news.needs_room || put.needs_room;
    news.left += put.evictions + 1;
    if (put.added && shard->counters().inserted % Tuner::insertions_per_call == 0) {
      if (const auto evidence = shard->take_evidence()) {
        news.insertions += Tuner::insertions_per_call;
        news.evidence += *evidence;
      }
    }
  }
  /// What every write does once it has given the lock back: makes room where its shard had nothing
  /// to give, tidies up, and lets time pass.
  void after_write(std::size_t shard, const News& news, std::int64_t now_ns) {
    if (news.needs_room) [[unlikely]]
      make_room(shard);
    if (arena_ != nullptr && arena_->untidy()) [[unlikely]]
      tidy(news.left);
    if (news.insertions != 0) {
      tuner_.adapt(reads_, budget_.entries(), budget_.bytes() / shard_count(), news.insertions,
                   news.evidence);
    }
    if (has_timed_.load(std::memory_order_relaxed)) expire(now_ns != 0 ? now_ns : this->now_ns());
  }

  /// Visits about `limit` entries from `cursor` on (see cairn_scan) and moves it. `visit` is called
  /// without a lock.
  template <class Visit>
  void scan(std::uint64_t& cursor, std::size_t limit, Visit visit) {
    std::vector<RecordOwner> found;
    while (found.empty() && step(cursor, std::max<std::size_t>(limit, 1), found)) {
    }
    for (const RecordOwner& record : found) {
      cairn_entry entry{};
      record->hand_out(record.get(), entry);
      visit(record->key(), entry);
    }
  }

  // ---- facts ----

  /// After it budget() is exact, if nobody writes meanwhile.
  Shard::Counters counters() {
    Shard::Counters sum;
    for (Shard& shard : shards_) {
      const Shard::Writer writer(shard);
      writer->settle_budget();
      sum += writer->counters();
    }
    return sum;
  }
  std::uint64_t window_bytes() {
    std::uint64_t sum = 0;
    for (Shard& shard : shards_) sum += Shard::Writer(shard)->policy().window_bytes();
    return sum;
  }
  ReadCounts::Totals reads() const noexcept { return reads_.totals(); }
  const Budget& budget() const noexcept { return budget_; }
  /// Of the regions that small entries are in.
  std::uint64_t region_bytes() const noexcept {
    return arena_ != nullptr ? arena_->mapped_bytes() : 0;
  }
  const Tuning& tuning() const noexcept { return tuner_.tuning(); }

  /// Takes out of all shards what has expired, once per tick of the wheels. A tick less is a thread that
  /// asked the clock a little earlier; several are a clock that was set back.
  void expire(std::int64_t now_ns) {
    const std::int64_t tick = now_ns >> 30;
    std::int64_t swept = swept_.load(std::memory_order_relaxed);
    if (tick == swept || tick == swept - 1 || !swept_.compare_exchange_strong(swept, tick)) return;
    for (Shard& shard : shards_) Shard::Writer(shard)->expire(now_ns);
  }
  void expire() {
    if (has_timed_.load(std::memory_order_relaxed)) expire(now_ns());
  }

 private:
  // Of each size of cells there may be a slab that is nearly empty, in each part of the arena: not noticeable
  // beside so much. Less than that is left to the C library.
  static constexpr std::uint64_t bytes_per_part = 16 << 20;
  // Null: none.
  Cells* cells_of(std::size_t shard) const noexcept {
    if (arena_ == nullptr) return nullptr;
    return &arena_->part(shard %
                         std::min<std::uint64_t>(budget_.max_bytes / bytes_per_part, Arena::parts));
  }

  ~Store() = default;  // see Close
  bool empty() const noexcept {
    return std::all_of(shards_.begin(), shards_.end(),
                       [](Shard& shard) { return Shard::Writer(shard)->empty(); });
  }

  [[gnu::noinline]] bool missed(const Reader& reader) {
    expire();
    reads_.miss(reader);
    return false;
  }

  std::int64_t now_ns() const noexcept { return services_.now().time_since_epoch().count(); }
  Shard& shard_of(Hash hash) const noexcept { return shards_[shard_number(hash)]; }

  // Readers never wait for a shard, so shards are for writers: four per core. But each has a policy
  // of its own, which needs enough entries to tell the good ones from the bad.
  static unsigned shards_of(const Settings& settings) noexcept {
    if (settings.shards != 0) return settings.shards;
    std::uint64_t count = std::bit_ceil(4 * std::max(std::thread::hardware_concurrency(), 1u));
    count = std::min(count, settings.max_bytes / (std::uint64_t{1} << 20));
    if (settings.max_entries != 0) count = std::min(count, settings.max_entries / 4096);
    return static_cast<unsigned>(std::clamp<std::uint64_t>(count, 1, 256));
  }

  // Steps 2 and 3 of a read (pins.hpp). Null: something has changed, and nothing is pinned.
  [[gnu::always_inline]] static Record* pin_record(Pin& pin, const Shard& shard, const Table& table,
                                                   const std::atomic<std::uint64_t>& slot,
                                                   std::uint64_t word) noexcept {
    Record* record = Bucket::record(word);
    record->prefetch();
    pin.put_on(record);
    if (slot.load(std::memory_order_seq_cst) == word && shard.index().uses(table)) [[likely]] {
      return record;
    }
    pin.take_off();
    return nullptr;
  }

  // Step 4. False: it has expired.
  [[gnu::always_inline]] bool hand_out(Reader& reader, Record& record, Pin& pin,
                                       cairn_entry& out) noexcept {
    if ((record.layout & Record::timed) != 0 && record.expired(now_ns())) [[unlikely]] {
      pin.take_off();
      return false;
    }
    record.heat.touch(tuner_.tuning().age.load(std::memory_order_relaxed));
    reads_.hit(reader);
    if (reader.may_give_out(pin)) [[likely]] {
      pin.give_out();
      record.hand_out(&pin, out);
    } else {
      cairn_retain(&record);
      pin.take_off();
      record.hand_out(&record, out);
    }
    return true;
  }

  // All places where the key can be, until none of them has changed meanwhile.
  [[gnu::noinline]] bool search(Reader& reader, const Shard& shard, Hash hash, std::string_view key,
                                cairn_entry& out) noexcept {
    for (;;) {
      const Table& table = *shard.index().table();
      bool changed = false;
      for (std::size_t b = table.home(hash), seen = 0; seen < table.buckets(); ++seen) {
        const Bucket& bucket = table.bucket(b);
        const std::uint64_t tags = bucket.tags.load(std::memory_order_acquire);
        for (std::uint64_t m = Bucket::matches(tags, hash.tag()); m != 0; m &= m - 1) {
          const std::atomic<std::uint64_t>& slot = bucket.slot[Bucket::first(m)];
          const std::uint64_t word = slot.load(std::memory_order_acquire);
          if (word == 0 || !Bucket::has_prefix(word, hash.prefix())) continue;
          Pin& pin = reader.pin();
          Record* record = pin_record(pin, shard, table, slot, word);
          if (record == nullptr) {
            changed = true;
          } else if (record->has_key(key)) {
            return hand_out(reader, *record, pin, out);
          } else {
            pin.take_off();
          }
        }
        if (changed || Bucket::overflow(tags) == 0) break;
        b = table.after(b);
      }
      if (!changed && shard.index().table() == &table) return false;
    }
  }

  // All that the shard `full` had beside the newcomer was not enough: the others give, itself last.
  [[gnu::noinline]] void make_room(std::size_t full) {
    for (std::size_t i = 1; i <= shard_count() && budget_.exceeded(); ++i) {
      Shard::Writer(shards_[(full + i) % shard_count()])->make_room();
    }
  }

  // One shard after the other, since what is in the way may belong to one that nobody writes to.
  [[gnu::noinline]] void tidy(std::size_t left) {
    for (std::size_t looks = 0; looks < shard_count(); ++looks) {
      Shard& shard = shards_[next_to_tidy_.fetch_add(1, std::memory_order_relaxed) % shard_count()];
      if (shard.cells()->untidy_bytes() != 0) return Shard::Writer(shard)->tidy(left);
    }
  }

  // One home bucket of a scan. False: the end.
  bool step(std::uint64_t& cursor, std::size_t limit, std::vector<RecordOwner>& found) {
    const std::size_t number = cursor >> 32;
    if (number >= shard_count()) {
      cursor = 0;
      return false;
    }
    const Shard::Writer shard(shards_[number]);
    std::uint64_t place = cursor & 0xffffffff;
    while (place >> 32 == 0 && found.size() < limit) place = shard->collect(place, found);
    cursor =
        place >> 32 == 0 ? std::uint64_t{number} << 32 | place : std::uint64_t{number + 1} << 32;
    if (cursor >> 32 >= shard_count()) cursor = 0;
    return cursor != 0;
  }

  // Shards side by side, so that to find one takes no look into memory.
  class Shards {
   public:
    explicit Shards(unsigned room)
        : first_(std::allocator<Shard>().allocate(room)), room_(room), count_(0) {}
    Shards(const Shards&) = delete;
    Shards& operator=(const Shards&) = delete;
    ~Shards() {
      std::destroy(begin(), end());
      std::allocator<Shard>().deallocate(first_, room_);
    }
    template <class... Args>
    void add(Args&&... args) {
      std::construct_at(first_ + count_, std::forward<Args>(args)...);
      ++count_;
    }
    bool full() const noexcept { return count_ == room_; }
    unsigned count() const noexcept { return count_; }
    Shard& operator[](std::size_t i) const noexcept { return first_[i]; }
    Shard* begin() const noexcept { return first_; }
    Shard* end() const noexcept { return first_ + count_; }

   private:
    Shard* const first_;
    const unsigned room_;
    unsigned count_;
  };

  const std::int64_t ttl_ns_;
  const Services services_;
  const Arena::Owner arena_;
  const Hasher hasher_;
  Tuner tuner_;
  ReadCounts reads_;
  std::atomic<bool> has_timed_{false};
  std::atomic<std::int64_t> swept_{0};
  std::atomic<unsigned> next_to_tidy_{0};
  Budget budget_;
  Shards shards_;  // the last, as they use what is above to their end
};

}  // namespace cairn::memory
