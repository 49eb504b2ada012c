// Where the memory of small records comes from: regions of 2 MiB, which the kernel is asked to make one
// page each (transparent huge pages), cut into slabs of 16 KiB.
//
// That is for hits. Those of a large cache go anywhere in its memory: with pages of 4 KiB many of them
// would wait for the address of the page before they can wait for the record. And which places of its cache
// the processor may use for a page of 4 KiB depends on where the kernel has put it; in a large page all
// of them serve equally.
//
// Slabs are taken from the region that has fewest free. When many are free all the same, the regions with
// most of them *leave*: nothing is taken from them any more, the records that are still there are to
// move (see Cells::worth_moving), and the memory goes back to the system as a whole.
//
// What is noted about the slabs of a region takes up one of them: in each region another one, so that the
// notes do not compete for the same few places of the processor's cache.
//
// Threads: any. The kernel, which may take some milliseconds for a region, is asked without the lock.
#pragma once

#include "chain.hpp"
#include "lock.hpp"
#include "prefetch.hpp"
#include "sanitizing.hpp"

#include <sys/mman.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <new>

namespace cairn::memory {

class Cells;

/// What is noted about a slab.
struct alignas(cache_line) Slab {
  Slab* previous;  // in the chain that it is in
  Slab* next;
  std::atomic<bool> leaving;  // its region is

  // Of whoever has taken it (cells.hpp).
  Cells* user;
  std::uint16_t cell_bytes;
  std::uint16_t room;  // so many cells
  std::uint16_t used;  // of which so many are taken
  std::uint16_t cut;   // and the first so many were taken at least once
  std::uint16_t free;  // the first of those given back: its place in grains, and one; 0: none
  std::uint8_t size;   // of the cells: which of all sizes
  bool has_room;       // and is in the chain of those
};
static_assert(sizeof(Slab) == cache_line);

class Regions {
 public:
  static constexpr std::size_t region_bytes = std::size_t{2} << 20;
  static constexpr std::size_t slab_bytes = std::size_t{16} << 10;
  /// With its share of the one that the notes take up.
  static constexpr std::size_t slab_cost = region_bytes / (region_bytes / slab_bytes - 1);

  Regions() = default;
  Regions(const Regions&) = delete;
  Regions& operator=(const Regions&) = delete;

  /// Errors: std::bad_alloc.
  Slab& take() {
    std::unique_lock lock(lock_);
    if (free_ == 0 && !leaving_.empty()) stay(*leaving_.first);
    if (free_ == 0) {
      lock.unlock();
      Region& fresh = make();
      lock.lock();
      ++mapped_;
      offer(fresh);
    }
    Region& region = fullest();
    withdraw(region);
    Slab& slab = *region.free.first;
    region.free.remove(slab);
    --region.free_slabs;
    if (region.free_slabs != 0) offer(region);
    ++taken_;
    return slab;
  }
  /// True: it was the last one, and close() was called: nothing is left.
  bool give_back(Slab& slab) noexcept {
    Chain<Region> gone{};
    bool done = false;
    {
      const std::lock_guard guard(lock_);
      --taken_;
      take_back(region_of(slab), slab, gone);
      while (free_ > usual_free()) {
        Region* sparse = sparsest();
        if (sparse == nullptr) break;
        leave(*sparse);
      }
      done = closed_ && taken_ == 0;
      if (done) let_go_of_all(gone);
    }
    unmap(gone);
    return done;
  }

  /// No more slabs are wanted. True: nothing is left. Else whoever gives the last slab back is told.
  bool close() noexcept {
    Chain<Region> gone{};
    bool done = false;
    {
      const std::lock_guard guard(lock_);
      closed_ = true;
      done = taken_ == 0;
      if (done) let_go_of_all(gone);
    }
    unmap(gone);
    return done;
  }
  /// As new, after nothing was left.
  void reopen() noexcept { closed_ = false; }

  /// How many bytes are taken in regions that leave.
  std::size_t leaving_bytes() const noexcept {
    return leaving_bytes_.load(std::memory_order_relaxed);
  }
  /// A user begins, or no longer needs, to tidy up.
  void note_untidy_user(bool begins) noexcept {
    untidy_users_.fetch_add(begins ? 1u : ~0u, std::memory_order_relaxed);
  }
  /// Whether some users should, or some regions leave.
  bool untidy() const noexcept {
    return untidy_users_.load(std::memory_order_relaxed) != 0 || leaving_bytes() != 0;
  }
  /// How many bytes of slabs are taken, and how many there are in all regions.
  std::size_t taken_bytes() const noexcept {
    const std::lock_guard guard(lock_);
    return taken_ * slab_bytes;
  }
  std::size_t mapped_bytes() const noexcept {
    const std::lock_guard guard(lock_);
    return mapped_ * region_bytes;
  }

  /// The one that `at` is in.
  static Slab& slab_of(const void* at) noexcept {
    const auto address = reinterpret_cast<std::uintptr_t>(at);
    return notes(address & ~(region_bytes - 1)).slab[address % region_bytes / slab_bytes];
  }
  static char* memory_of(const Slab& slab) noexcept {
    const Region& region = region_of(slab);
    return region.start + static_cast<std::size_t>(&slab - region.slab) * slab_bytes;
  }

 private:
  static constexpr std::size_t slabs = region_bytes / slab_bytes;
  static constexpr std::size_t usable = slabs - 1;

  struct Region {
    Slab slab[slabs];  // all but that of the notes
    char* start;
    Region* previous;  // in the chain that it is in
    Region* next;
    Chain<Slab> free;
    std::size_t free_slabs;
    bool leaving;
  };
  static_assert(sizeof(Region) <= slab_bytes);

  static std::size_t number_of_notes(std::uintptr_t start) noexcept {
    return start / region_bytes % slabs;
  }
  static Region& notes(std::uintptr_t start) noexcept {
    return *reinterpret_cast<Region*>(start + number_of_notes(start) * slab_bytes);
  }
  static Region& region_of(const Slab& slab) noexcept {
    return *reinterpret_cast<Region*>(reinterpret_cast<std::uintptr_t>(&slab) & ~(slab_bytes - 1));
  }

  // ---- with the lock ----

  void offer(Region& region) noexcept {
    with_free_[region.free_slabs].add_first(region);
    free_ += region.free_slabs;
  }
  void withdraw(Region& region) noexcept {
    with_free_[region.free_slabs].remove(region);
    free_ -= region.free_slabs;
  }
  // Precondition: some slab is free.
  Region& fullest() const noexcept {
    std::size_t n = 1;
    while (with_free_[n].empty()) ++n;
    return *with_free_[n].first;
  }
  // That is worth leaving, or null.
  Region* sparsest() const noexcept {
    std::size_t n = usable - 1;
    while (n != 0 && with_free_[n].empty()) --n;
    return n >= usable / 8 ? with_free_[n].first : nullptr;
  }
  std::size_t usual_free() const noexcept { return mapped_ * usable / 16 + usable; }

  void leave(Region& region) noexcept {
    withdraw(region);
    leaving_.add_first(region);
    set_leaving(region, true);
  }
  void stay(Region& region) noexcept {
    leaving_.remove(region);
    set_leaving(region, false);
    offer(region);
  }
  void set_leaving(Region& region, bool whether) noexcept {
    region.leaving = whether;
    for (Slab& slab : region.slab) slab.leaving.store(whether, std::memory_order_relaxed);
    const std::size_t bytes = (usable - region.free_slabs) * slab_bytes;
    leaving_bytes_.store(leaving_bytes() + (whether ? bytes : 0 - bytes),
                         std::memory_order_relaxed);
  }

  void take_back(Region& region, Slab& slab, Chain<Region>& gone) noexcept {
    if (region.leaving) {
      leaving_bytes_.store(leaving_bytes() - slab_bytes, std::memory_order_relaxed);
    } else if (region.free_slabs != 0) {
      withdraw(region);
    }
    region.free.add_first(slab);
    ++region.free_slabs;
    const bool empty = region.free_slabs == usable;
    if (region.leaving) {
      if (!empty) return;
      leaving_.remove(region);
    } else if (!empty || with_free_[usable].empty()) {  // one that nobody uses is kept
      return offer(region);
    }
    --mapped_;
    gone.add_first(region);
  }
  // Precondition: nothing is taken.
  void let_go_of_all(Chain<Region>& gone) noexcept {
    while (free_ != 0) {
      Region& region = fullest();
      withdraw(region);
      --mapped_;
      gone.add_first(region);
    }
  }

  // ---- without it ----

  static void* map(std::size_t bytes) {
    void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) throw std::bad_alloc();
    return memory;
  }
  // At a multiple of its size. The kernel mostly puts one beside the last, so that it is at once.
  static char* map_region() {
    const auto misplaced = [](void* at) {
      return reinterpret_cast<std::uintptr_t>(at) % region_bytes;
    };
    auto* at = static_cast<char*>(map(region_bytes));
    if (misplaced(at) != 0) {
      munmap(at, region_bytes);
      at = static_cast<char*>(map(2 * region_bytes));
      const std::size_t before = (region_bytes - misplaced(at)) % region_bytes;
      if (before != 0) munmap(at, before);
      at += before;
      munmap(at + region_bytes, region_bytes - before);
    }
    madvise(at, region_bytes, MADV_HUGEPAGE);  // refused where there are none: all works without
    has_pointers(at, region_bytes);
    return at;
  }
  static Region& make() {
    char* start = map_region();
    const auto address = reinterpret_cast<std::uintptr_t>(start);
    Region& region = notes(address);  // zeros
    region.start = start;
    region.free_slabs = usable;
    for (std::size_t i = slabs; i-- > 0;) {
      if (i != number_of_notes(address)) region.free.add_first(region.slab[i]);
    }
    return region;
  }
  static void unmap(Chain<Region>& gone) noexcept {
    while (!gone.empty()) {
      char* start = gone.first->start;
      gone.remove(*gone.first);
      is_gone(start, region_bytes);
      munmap(start, region_bytes);
    }
  }

  mutable Lock lock_;
  std::array<Chain<Region>, slabs> with_free_{};  // by how many; those that do not leave
  Chain<Region> leaving_{};
  std::size_t mapped_ = 0;  // regions
  std::size_t free_ = 0;    // slabs that can be taken
  std::size_t taken_ = 0;
  bool closed_ = false;
  // Looked at all the time, and hardly ever changed.
  alignas(cache_line) std::atomic<std::size_t> leaving_bytes_{0};
  std::atomic<unsigned> untidy_users_{0};
};

}  // namespace cairn::memory
