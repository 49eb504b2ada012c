// Where the memory of small records comes from: regions of 2 MiB, which the kernel is asked to make one
// page each (transparent huge pages), cut into slabs of 16 KiB.
//
// That is for hits. Those of a large cache go anywhere in its memory: with pages of 4 KiB many of them
// would wait for the address of the page before they can wait for the record. And which places of its cache
// the processor may use for a page of 4 KiB depends on where the kernel has put it; in a large page all
// of them serve equally.
//
// What is noted about the slabs of a region fills one of them: in each region another one, so that the
// notes do not compete for the same few places of the processor's cache.
//
// Threads: any.
#pragma once

#include "lock.hpp"
#include "prefetch.hpp"

#include <sys/mman.h>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/lsan_interface.h>
#endif

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <new>

namespace cairn::memory {

class Cells;

/// What is noted about a slab. Between take() and give_back() it is the user's, see cells.hpp.
struct alignas(cache_line) Slab {
  Slab* previous;  // in the list that it is in
  Slab* next;
  Cells* user;
  std::uint16_t cell_bytes, room, used, made, free;
  std::uint8_t size_class;
};
static_assert(sizeof(Slab) == cache_line);

struct SlabList {
  Slab* first;

  void add(Slab& slab) noexcept {
    slab.previous = nullptr;
    slab.next = first;
    if (first != nullptr) first->previous = &slab;
    first = &slab;
  }
  void remove(Slab& slab) noexcept {
    (slab.previous != nullptr ? slab.previous->next : first) = slab.next;
    if (slab.next != nullptr) slab.next->previous = slab.previous;
  }
};

class Regions {
 public:
  static constexpr std::size_t region_bytes = std::size_t{2} << 20;
  static constexpr std::size_t slab_bytes = std::size_t{16} << 10;
  /// With its share of the one that the notes fill.
  static constexpr std::size_t slab_cost = region_bytes / (region_bytes / slab_bytes - 1);

  Regions() = default;
  Regions(const Regions&) = delete;
  Regions& operator=(const Regions&) = delete;

  /// Errors: std::bad_alloc.
  Slab& take() {
    const std::lock_guard guard(lock_);
    if (first_ == nullptr) add(make());
    Region& region = *first_;
    Slab& slab = *region.free.first;
    region.free.remove(slab);
    if (--region.free_slabs == 0) remove(region);
    ++taken_;
    return slab;
  }
  /// True: it was the last one, and close() was called: nothing is left.
  bool give_back(Slab& slab) noexcept {
    const std::lock_guard guard(lock_);
    Region& region = region_of(slab);
    region.free.add(slab);
    if (++region.free_slabs == 1) add(region);
    --taken_;
    // One region that nobody uses is kept.
    if (region.free_slabs == usable && (region.next != nullptr || region.previous != nullptr)) {
      unmap(region);
    }
    return unmap_all_if_done();
  }

  /// No more slabs are wanted. True: nothing is left. Else whoever gives the last slab back is told.
  bool close() noexcept {
    const std::lock_guard guard(lock_);
    closed_ = true;
    return unmap_all_if_done();
  }
  /// As new, after nothing was left.
  void reopen() noexcept { closed_ = false; }

  /// How many bytes of slabs are taken.
  std::size_t taken_bytes() const noexcept {
    const std::lock_guard guard(lock_);
    return taken_ * slab_bytes;
  }

  /// That `at`, which is in a slab, belongs to.
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
    Region* previous;  // of those with free slabs
    Region* next;
    SlabList free;
    std::size_t free_slabs;
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

  static void* map(std::size_t bytes) {
    void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) throw std::bad_alloc();
    return memory;
  }
  // At a multiple of its size: the one after another mostly is, as it is next to it.
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
    madvise(at, region_bytes, MADV_HUGEPAGE);  // without it, it is slower
#if defined(__SANITIZE_ADDRESS__)
    __lsan_register_root_region(at, region_bytes);
#endif
    return at;
  }
  static Region& make() {
    char* start = map_region();
    const auto address = reinterpret_cast<std::uintptr_t>(start);
    Region& region = notes(address);  // zeros
    region.start = start;
    region.free_slabs = usable;
    for (std::size_t i = slabs; i-- > 0;) {
      if (i != number_of_notes(address)) region.free.add(region.slab[i]);
    }
    return region;
  }
  void unmap(Region& region) noexcept {
    remove(region);
#if defined(__SANITIZE_ADDRESS__)
    __lsan_unregister_root_region(region.start, region_bytes);
#endif
    munmap(region.start, region_bytes);
  }
  bool unmap_all_if_done() noexcept {
    if (!closed_ || taken_ != 0) return false;
    while (first_ != nullptr) unmap(*first_);
    return true;
  }

  void add(Region& region) noexcept {
    region.previous = nullptr;
    region.next = first_;
    if (first_ != nullptr) first_->previous = &region;
    first_ = &region;
  }
  void remove(Region& region) noexcept {
    (region.previous != nullptr ? region.previous->next : first_) = region.next;
    if (region.next != nullptr) region.next->previous = region.previous;
  }

  mutable Lock lock_;
  Region* first_ = nullptr;
  std::size_t taken_ = 0;
  bool closed_ = false;
};

}  // namespace cairn::memory
