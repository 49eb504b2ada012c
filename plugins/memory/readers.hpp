// How readers use records without a lock while writers throw records away.
//
// The problem: a reader finds a pointer in the index, and before it has counted its reference a
// writer unlinks the record and frees it. The solution is a hazard pointer (Maged Michael, 2004):
//
//   reader   1. loads the pointer p from its slot in the index
//            2. claims a stripe: compare-and-swaps p into it where there was nothing
//            3. loads the slot again: if it no longer says p, gives the claim back and starts over
//            4. uses the record, takes its own reference if it wants to keep it, clears the stripe
//   writer   a. takes p out of the index (under the lock of its shard)
//            b. later looks through all stripes, and drops the store's reference on p only if it is
//            in
//               none of them; otherwise it tries again another time
//
// 2, 3, a and b are sequentially consistent. If 3 still sees p, then 3 comes before a, so 2 comes
// before b, and b sees the claim unless the reader is done. As the store's reference is intact as
// long as b has not happened, step 4 may count its own. Clearing (release) and b (acquire) order
// the reader's last look at the record before its end.
//
// A stripe has one owner at a time, so the claim is also a lock on the rest of its line: hits are
// counted there without further atomics. Threads keep to "their" stripe, so a hit costs one
// uncontended read-modify-write and never writes a line that another thread needs. What can be
// waiting for readers is bounded: one record per stripe, however long a reader is descheduled.
#pragma once

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstdint>
#include <memory>
#include <thread>

namespace cairn::memory {

/// One line: what a thread is looking at, and what it counted. Two lines apart, since adjacent
/// lines are fetched in pairs.
struct alignas(128) Stripe {
  std::atomic<const void*> claim{nullptr};
  std::atomic<std::uint64_t> hits{0};    // written by the owner of the claim
  std::atomic<std::uint64_t> misses{0};  // written by anybody
  const void* favourite = nullptr;       // of the owner of the claim: see vote()
  std::uint32_t votes = 0;

  void count_hit() noexcept {
    hits.store(hits.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  }
  /// Finds records that are more than a fifth of the hits of this stripe (a weighted majority vote,
  /// Boyer and Moore 1981). True once per a few thousand hits on such a record.
  bool vote(const void* record) noexcept {
    if (record == favourite) {
      votes += 4;
      if (votes < 16384) return false;
      votes = 0;
      return true;
    }
    if (votes == 0) {
      favourite = record;
    } else {
      --votes;
    }
    return false;
  }
  void release() noexcept { claim.store(nullptr, std::memory_order_release); }
};

class Readers {
 public:
  Readers() : Readers(std::bit_ceil(4 * std::max(std::thread::hardware_concurrency(), 1u))) {}

  unsigned count() const noexcept { return mask_ + 1; }
  Stripe& stripe(unsigned i) noexcept { return stripes_[i]; }
  unsigned number_of(const Stripe& stripe) const noexcept {
    return static_cast<unsigned>(&stripe - stripes_.get());
  }
  Stripe& mine() noexcept { return stripes_[thread_number() & mask_]; }

  /// Step 2. Never waits long: there are more stripes than threads that run.
  Stripe& claim(const void* record) noexcept {
    for (unsigned i = thread_number();; ++i) {
      Stripe& stripe = stripes_[i & mask_];
      const void* nothing = nullptr;
      if (stripe.claim.compare_exchange_strong(nothing, record, std::memory_order_seq_cst,
                                               std::memory_order_relaxed)) [[likely]] {
        return stripe;
      }
    }
  }

  /// Step b: one look at all stripes, good for everything that was taken out before it.
  class Snapshot {
   public:
    bool contains(const void* record) const noexcept {
      if (size_ > capacity) return true;  // unheard of, and safe
      return std::find(claims_, claims_ + size_, record) != claims_ + size_;
    }

   private:
    friend class Readers;
    static constexpr unsigned capacity = 64;
    const void* claims_[capacity];
    unsigned size_ = 0;
  };
  Snapshot snapshot() const noexcept {
    Snapshot result;
    for (unsigned i = 0; i <= mask_; ++i) {
      const void* claim = stripes_[i].claim.load(std::memory_order_seq_cst);
      if (claim == nullptr) continue;
      if (result.size_ < Snapshot::capacity) result.claims_[result.size_] = claim;
      ++result.size_;
    }
    return result;
  }

  struct Totals {
    std::uint64_t hits = 0, misses = 0;
  };
  Totals totals() const noexcept {
    Totals sum;
    for (unsigned i = 0; i <= mask_; ++i) {
      sum.hits += stripes_[i].hits.load(std::memory_order_relaxed);
      sum.misses += stripes_[i].misses.load(std::memory_order_relaxed);
    }
    return sum;
  }

 private:
  explicit Readers(unsigned count)
      : mask_(count - 1), stripes_(std::make_unique<Stripe[]>(count)) {}

  // A small number per thread, in the order of their first call. The initial-exec model makes it
  // one load: eight bytes of the room that the C library keeps for libraries loaded later.
  static unsigned thread_number() noexcept {
    [[gnu::tls_model("initial-exec")]] static thread_local unsigned number = 0;
    if (number == 0) [[unlikely]] {
      static std::atomic<unsigned> threads{0};
      number = threads.fetch_add(1, std::memory_order_relaxed) + 1;
    }
    return number;
  }

  const unsigned mask_;
  const std::unique_ptr<Stripe[]> stripes_;
};

}  // namespace cairn::memory
