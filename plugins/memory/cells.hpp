// Memory for small records: slabs of 16 KiB that are cut into cells of one size each (Bonwick: "The Slab
// Allocator", 1994). A cell has no header, and the sizes are close to each other, so that a record takes up
// hardly more than it has. A slab goes back to the regions when its last cell does, and may serve for
// another size.
//
// A cell is taken from the slab that had one free last: so those that are nearly full stay full, and
// those that lose their records are left alone until they have lost all. When many have lost some, as the
// entries of a cache became larger, there are untidy_bytes(), and worth_moving() says which records should
// move together (see Shard::tidy).
//
// Threads: any. Lifetime: that of the regions, see arena.hpp.
#pragma once

#include "lock.hpp"
#include "regions.hpp"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#endif

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <mutex>

namespace cairn::memory {

class alignas(2 * cache_line) Cells {
 public:
  explicit Cells(Regions& regions) noexcept : regions_(regions) {}
  Cells(const Cells&) = delete;
  Cells& operator=(const Cells&) = delete;

  /// Bytes; more is not for cells.
  static constexpr std::size_t largest = 2048;
  /// How large a cell for so many is.
  static std::size_t size_of(std::size_t bytes) noexcept { return size(bytes).bytes; }
  /// What it costs, with its share of what a slab is short of a region, and of what is left over at its end.
  static std::size_t cost_of(std::size_t bytes) noexcept { return size(bytes).cost; }

  /// Errors: std::bad_alloc.
  void* take(std::size_t bytes) {
    const Sizes::One size = Cells::size(bytes);
    const std::lock_guard guard(lock_);
    SlabList& list = with_room_[size.number];
    if (list.first == nullptr) [[unlikely]]
      add(list, fresh(size));
    Slab& slab = *list.first;
    char* cell = Regions::memory_of(slab);
    if (slab.free == 0) {
      cell += std::size_t{slab.made++} * size.bytes;
      unpoison(cell, size.bytes);
    } else {
      cell += (slab.free - 1u) * grain;
      unpoison(cell, size.bytes);
      std::memcpy(&slab.free, cell, sizeof slab.free);
    }
    if (++slab.used == slab.room) remove(list, slab);
    used_bytes_ += size.bytes;
    look_around();
    return cell;
  }

  static Cells& of(const void* cell) noexcept { return *Regions::slab_of(cell).user; }
  Regions& regions() const noexcept { return regions_; }
  /// One of these. True: nothing is left of the regions, which were closed.
  bool give_back(void* cell) noexcept {
    Slab& slab = Regions::slab_of(cell);
    {
      const std::lock_guard guard(lock_);
      SlabList& list = with_room_[slab.size_class];
      used_bytes_ -= slab.cell_bytes;
      if (slab.used == slab.room) add(list, slab);
      if (--slab.used != 0) [[likely]] {
        std::memcpy(cell, &slab.free, sizeof slab.free);
        poison(cell, slab.cell_bytes);
        const char* memory = Regions::memory_of(slab);
        const auto at = static_cast<std::size_t>(static_cast<char*>(cell) - memory);
        slab.free = static_cast<std::uint16_t>(at / grain + 1);
        look_around();
        return false;
      }
      remove(list, slab);
      room_bytes_ -= std::size_t{slab.room} * slab.cell_bytes;
      look_around();
      unpoison(Regions::memory_of(slab), Regions::slab_bytes);
    }
    return regions_.give_back(slab);
  }

  /// How many bytes are free in slabs that others could do without; 0: no more than a sixteenth.
  std::size_t untidy_bytes() const noexcept {
    return untidy_bytes_.load(std::memory_order_relaxed);
  }
  /// Whether it would be one less in a slab that may become empty.
  bool worth_moving(const void* cell) const noexcept {
    const Slab& slab = Regions::slab_of(cell);
    const std::lock_guard guard(lock_);
    return with_room_[slab.size_class].first != &slab && slab.used < slab.room - slab.room / 16;
  }

 private:
  static constexpr std::size_t grain = 8;

  // Up to 256 bytes in steps of 8; then as many bytes as a slab has for 63 cells, for 62, and so on to 8: so
  // that nothing is left over at its end.
  struct Sizes {
    struct One {
      std::uint16_t bytes, cost;
      std::uint8_t number;
    };
    std::array<One, largest / grain + 1> of;  // by bytes wanted, in grains
    unsigned count;
  };
  static constexpr Sizes sizes = [] {
    Sizes all{};
    std::size_t before = 0;
    for (std::size_t wanted = grain; wanted <= largest; wanted += grain) {
      const std::size_t room = Regions::slab_bytes / wanted;
      const std::size_t bytes = wanted <= 256 ? wanted : Regions::slab_bytes / room / grain * grain;
      if (bytes != before) ++all.count;
      before = bytes;
      all.of[wanted / grain] = {static_cast<std::uint16_t>(bytes),
                                static_cast<std::uint16_t>(Regions::slab_cost / room),
                                static_cast<std::uint8_t>(all.count - 1)};
    }
    all.of[0] = all.of[1];
    return all;
  }();
  static constexpr const Sizes::One& size(std::size_t bytes) noexcept {
    return sizes.of[(bytes + grain - 1) / grain];
  }

  Slab& fresh(Sizes::One size) {
    Slab& slab = regions_.take();
    slab.user = this;
    slab.cell_bytes = size.bytes;
    slab.room = static_cast<std::uint16_t>(Regions::slab_bytes / size.bytes);
    slab.used = slab.made = slab.free = 0;
    slab.size_class = size.number;
    room_bytes_ += std::size_t{slab.room} * slab.cell_bytes;
    poison(Regions::memory_of(slab), Regions::slab_bytes);
    return slab;
  }
  void add(SlabList& list, Slab& slab) noexcept {
    if (list.first == nullptr) ++lists_in_use_;
    list.add(slab);
  }
  void remove(SlabList& list, Slab& slab) noexcept {
    list.remove(slab);
    if (list.first == nullptr) --lists_in_use_;
  }
  // One slab with room per size is as it should be.
  void look_around() noexcept {
    const std::size_t unused = room_bytes_ - used_bytes_;
    const std::size_t usual = room_bytes_ / 16 + lists_in_use_ * Regions::slab_bytes;
    const std::size_t untidy = unused > usual ? unused : 0;
    if (untidy != untidy_bytes_.load(std::memory_order_relaxed)) {
      untidy_bytes_.store(untidy, std::memory_order_relaxed);
    }
  }

  // To an address sanitizer a region is one piece of memory in use.
  static void poison([[maybe_unused]] void* at, [[maybe_unused]] std::size_t bytes) noexcept {
#if defined(__SANITIZE_ADDRESS__)
    __asan_poison_memory_region(at, bytes);
#endif
  }
  static void unpoison([[maybe_unused]] void* at, [[maybe_unused]] std::size_t bytes) noexcept {
#if defined(__SANITIZE_ADDRESS__)
    __asan_unpoison_memory_region(at, bytes);
#endif
  }

  mutable Lock lock_;
  std::atomic<std::size_t> untidy_bytes_{0};
  Regions& regions_;
  std::size_t room_bytes_ = 0, used_bytes_ = 0;  // of all its slabs' cells, and of those taken
  std::size_t lists_in_use_ = 0;
  std::array<SlabList, sizes.count> with_room_{};
};

}  // namespace cairn::memory
