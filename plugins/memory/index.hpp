// The index of one shard: from a key's hash to its record. Read by any thread without a lock,
// changed under the lock of the shard.
//
// A table is an array of buckets, one cache line each: seven slots, and a line of tags that tells
// with one load which slots to look at (as in Facebook's F14). A slot is a record's address with 16
// more bits of the hash in front, so that a wrong record is fetched once in some ten million
// lookups. A key whose bucket is full goes to the next one; each bucket that it passed counts it,
// so that a search knows when to stop, and nothing has to move when a key leaves.
//
// Nothing moves: so a reader never misses an entry that is there, unless the table itself was
// replaced by a larger one in the meantime, which it checks at the end. Replaced tables are not
// unmapped but emptied (MADV_DONTNEED): a late reader finds pages of zeros, that is no entry, and
// looks again.
#pragma once

#include "pins.hpp"
#include "record.hpp"

#include <sys/mman.h>

#include <atomic>
#include <bit>
#include <cstdint>
#include <memory>
#include <new>
#include <vector>

namespace cairn::memory {

/// A hash, cut into what its users need. The top eight bits choose the shard.
struct Hash {
  std::uint64_t bits;

  std::size_t shard(unsigned shards) const noexcept { return (bits >> 56) * shards >> 8; }
  /// Where the home bucket is in the table, as a fraction of 2^32.
  std::uint32_t place() const noexcept { return static_cast<std::uint32_t>(bits >> 24); }
  std::uint64_t tag() const noexcept {  // 1 to 255: 0 says that the slot is empty
    const std::uint64_t low = bits & 0xff;
    return low == 0 ? 1 : low;
  }
  std::uint64_t prefix() const noexcept { return (bits >> 8) << 48; }
};

struct alignas(64) Bucket {
  static constexpr unsigned slots = 7;

  std::atomic<std::uint64_t> slot[slots];
  std::atomic<std::uint64_t> tags;  // seven of them, and how many keys went further

  static constexpr std::uint64_t ones = 0x0101010101010101, highs = 0x0080808080808080;
  /// One high bit per slot whose tag is (very likely) `tag`; the lowest one is certain.
  static std::uint64_t matches(std::uint64_t tags, std::uint64_t tag) noexcept {
    const std::uint64_t x = tags ^ tag * ones;
    return (x - ones) & ~x & highs;
  }
  static unsigned first(std::uint64_t matches) noexcept {
    return static_cast<unsigned>(std::countr_zero(matches)) / 8;
  }
  static unsigned overflow(std::uint64_t tags) noexcept {
    return static_cast<unsigned>(tags >> 56);
  }

  static Record* record(std::uint64_t word) noexcept {
    return reinterpret_cast<Record*>(word & 0x0000ffffffffffff);
  }
  static bool has_prefix(std::uint64_t word, std::uint64_t prefix) noexcept {
    return (word ^ prefix) >> 48 == 0;
  }
};
static_assert(sizeof(Bucket) == 64);

/// A line that says how many buckets there are, and then the buckets: one mapping.
class alignas(64) Table {
 public:
  struct Unmap {
    void operator()(Table* table) const noexcept { munmap(table, table->bytes()); }
  };
  using Owner = std::unique_ptr<Table, Unmap>;

  /// Errors: std::bad_alloc.
  static Owner make(std::size_t buckets) {
    void* memory = mmap(nullptr, sizeof(Table) + buckets * sizeof(Bucket), PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) throw std::bad_alloc();
    return Owner(new (memory) Table(buckets));  // pages of zeros are empty buckets
  }
  Table(const Table&) = delete;
  Table& operator=(const Table&) = delete;

  std::size_t buckets() const noexcept { return buckets_; }
  std::size_t bytes() const noexcept { return sizeof(Table) + buckets_ * sizeof(Bucket); }
  Bucket& bucket(std::size_t i) const noexcept {
    return reinterpret_cast<Bucket*>(const_cast<Table*>(this) + 1)[i];
  }
  std::size_t home(Hash hash) const noexcept { return home(hash, buckets_); }
  static std::size_t home(Hash hash, std::size_t buckets) noexcept {
    return static_cast<std::size_t>(std::uint64_t{hash.place()} * buckets >> 32);
  }
  std::size_t after(std::size_t bucket) const noexcept {
    return bucket + 1 == buckets_ ? 0 : bucket + 1;
  }
  /// Gives the memory back, but for the first page, and not the addresses. A late reader finds in
  /// the first page what it must not use, and does not: see uses().
  void empty() noexcept {
    if (bytes() > page)
      madvise(reinterpret_cast<char*>(this) + page, bytes() - page, MADV_DONTNEED);
  }

  static constexpr std::size_t page = 4096;

 private:
  explicit Table(std::size_t buckets) noexcept : buckets_(buckets) {}
  const std::size_t buckets_;
};
static_assert(sizeof(Table) == sizeof(Bucket));

/// Where a record is, while the lock is held.
struct Slot {
  Table* table = nullptr;
  std::size_t bucket = 0;
  unsigned number = 0;

  explicit operator bool() const noexcept { return table != nullptr; }
  std::atomic<std::uint64_t>& word() const noexcept { return table->bucket(bucket).slot[number]; }
  Record* record() const noexcept { return Bucket::record(word().load(std::memory_order_relaxed)); }
};

class Index {
 public:
  Index() {
    tables_.push_back(Table::make(smallest));
    use(*tables_.back());
  }

  Table* table() const noexcept { return current_.load(std::memory_order_acquire); }

  /// Where to look first. Found without a look at the table itself, since the first lines of all
  /// tables begin a page, and would compete for the same few places of the processor's cache.
  /// The wrong bucket while the table is being replaced: who does not find it there searches.
  struct Home {
    const Table& table;
    const Bucket& bucket;
  };
  [[gnu::always_inline]] Home home(Hash hash) const noexcept {
    const std::size_t buckets = buckets_.load(std::memory_order_acquire);  // see use()
    const Table& table = *this->table();
    return {table, table.bucket(Table::home(hash, buckets))};
  }
  /// Step 3 of a read (pins.hpp): whether `table` is still the one that writers change.
  bool uses(const Table& table) const noexcept {
    return current_.load(std::memory_order_seq_cst) == &table;
  }
  /// What home() answered was right, and is still.
  bool is_home(const Bucket& bucket, const Table& table, Hash hash) const noexcept {
    return &bucket == &table.bucket(table.home(hash)) && uses(table);
  }
  std::size_t size() const noexcept { return size_; }
  std::size_t bytes() const noexcept { return table()->bytes(); }

  // All of these under the lock.

  /// The slot of the record for which `is(record)`, among those of this hash.
  template <class Is>
  Slot find(Hash hash, Is is) const noexcept {
    Table& t = *table();
    for (std::size_t b = t.home(hash), seen = 0; seen < t.buckets(); b = t.after(b), ++seen) {
      Bucket& bucket = t.bucket(b);
      const std::uint64_t tags = bucket.tags.load(std::memory_order_relaxed);
      for (std::uint64_t m = Bucket::matches(tags, hash.tag()); m != 0; m &= m - 1) {
        const Slot slot{&t, b, Bucket::first(m)};
        const std::uint64_t word = slot.word().load(std::memory_order_relaxed);
        if (word != 0 && Bucket::has_prefix(word, hash.prefix()) && is(*Bucket::record(word))) {
          return slot;
        }
      }
      if (Bucket::overflow(tags) == 0) break;
    }
    return {};
  }

  /// Precondition: its key is not there. Grows when it must, asking `hash_of(record)`. Errors:
  /// std::bad_alloc, and nothing was changed.
  template <class HashOf>
  void insert(Hash hash, Record& record, HashOf hash_of) {
    if ((size_ + 1) * 5 > table()->buckets() * Bucket::slots * 4) grow(hash_of);
    place(*table(), hash, record);
    ++size_;
  }
  void replace(Slot slot, Hash hash, Record& with) noexcept {
    Fences::store(slot.word(), word_of(hash, with));
  }

  void erase(Slot slot, Hash hash) noexcept {
    Table& t = *slot.table;
    for (std::size_t b = t.home(hash); b != slot.bucket; b = t.after(b)) {
      std::atomic<std::uint64_t>& tags = t.bucket(b).tags;
      const std::uint64_t word = tags.load(std::memory_order_relaxed);
      // A full count no longer knows how many it stands for, and stays.
      if (Bucket::overflow(word) != 255) {
        tags.store(word - (std::uint64_t{1} << 56), std::memory_order_release);
      }
    }
    std::atomic<std::uint64_t>& tags = t.bucket(slot.bucket).tags;
    tags.store(tags.load(std::memory_order_relaxed) & ~(std::uint64_t{0xff} << 8 * slot.number),
               std::memory_order_release);
    Fences::store(slot.word(), std::uint64_t{0});
    --size_;
  }

  /// Calls `visit(record)` for all that are in bucket `b`.
  template <class Visit>
  void visit_bucket(std::size_t b, Visit visit) const {
    const Bucket& bucket = table()->bucket(b);
    for (const auto& slot : bucket.slot) {
      if (const std::uint64_t word = slot.load(std::memory_order_relaxed); word != 0) {
        visit(*Bucket::record(word));
      }
    }
  }

 private:
  static constexpr std::size_t smallest = (Table::page - sizeof(Table)) / sizeof(Bucket);

  static std::uint64_t word_of(Hash hash, Record& record) noexcept {
    return hash.prefix() | reinterpret_cast<std::uintptr_t>(&record);
  }
  static void place(Table& t, Hash hash, Record& record) noexcept {
    for (std::size_t b = t.home(hash);; b = t.after(b)) {
      Bucket& bucket = t.bucket(b);
      const std::uint64_t tags = bucket.tags.load(std::memory_order_relaxed);
      if (const std::uint64_t free = Bucket::matches(tags, 0); free != 0) {
        const unsigned number = Bucket::first(free);
        bucket.slot[number].store(word_of(hash, record), std::memory_order_release);
        bucket.tags.store(tags | hash.tag() << 8 * number, std::memory_order_release);
        return;
      }
      if (Bucket::overflow(tags) != 255) {
        bucket.tags.store(tags + (std::uint64_t{1} << 56), std::memory_order_release);
      }
    }
  }

  template <class HashOf>
  [[gnu::noinline]] void grow(HashOf hash_of) {
    Table& from = *table();
    tables_.reserve(tables_.size() + 1);
    tables_.push_back(Table::make(from.buckets() + from.buckets() / 2));
    Table& to = *tables_.back();
    for (std::size_t b = 0; b < from.buckets(); ++b) {
      visit_bucket(b, [&](Record& record) { place(to, hash_of(record), record); });
    }
    use(to);
    from.empty();
  }
  // In this order: a number that a reader has seen is no larger than that of the table he sees then.
  void use(Table& table) noexcept {
    current_.store(&table);
    buckets_.store(table.buckets(), std::memory_order_release);
  }

  // All that readers read: writers leave its line alone.
  alignas(64) std::atomic<Table*> current_{nullptr};
  std::atomic<std::size_t> buckets_{0};
  alignas(64) std::size_t size_ = 0;
  std::vector<Table::Owner> tables_;  // the last one is in use
};

}  // namespace cairn::memory
