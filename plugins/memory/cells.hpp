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

#include "chain.hpp"
#include "lock.hpp"
#include "prefetch.hpp"
#include "regions.hpp"
#include "sanitizing.hpp"

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
    const Size size = Cells::size(bytes);
    std::unique_lock lock(lock_);
    Slab* slab = with_room(size);
    if (slab == nullptr) [[unlikely]] {
      lock.unlock();
      Slab& fresh = new_slab(size);
      lock.lock();
      room_bytes_ += room_bytes(fresh);
      has_room(fresh);
      slab = &fresh;
    }
    char* cell = Regions::memory_of(*slab);
    if (slab->free == 0) {
      cell += std::size_t{slab->cut++} * size.bytes;
      in_use(cell, size.bytes);
    } else {
      cell += (slab->free - 1u) * grain;
      in_use(cell, size.bytes);
      std::memcpy(&slab->free, cell, sizeof slab->free);
    }
    if (++slab->used == slab->room) has_no_room(*slab);
    used_bytes_ += size.bytes;
    note_tidiness();
    return cell;
  }

  static Cells& of(const void* cell) noexcept { return *Regions::slab_of(cell).user; }
  Regions& regions() const noexcept { return regions_; }
  /// One of these. True: nothing is left of the regions, which were closed.
  bool give_back(void* cell) noexcept {
    Slab& slab = Regions::slab_of(cell);
    {
      const std::lock_guard guard(lock_);
      used_bytes_ -= slab.cell_bytes;
      if (--slab.used != 0) [[likely]] {
        std::memcpy(cell, &slab.free, sizeof slab.free);
        not_in_use(cell, slab.cell_bytes);
        const char* memory = Regions::memory_of(slab);
        const auto at = static_cast<std::size_t>(static_cast<char*>(cell) - memory);
        slab.free = static_cast<std::uint16_t>(at / grain + 1);
        if (!slab.has_room && !leaves(slab)) has_room(slab);
        note_tidiness();
        return false;
      }
      if (slab.has_room) has_no_room(slab);
      room_bytes_ -= room_bytes(slab);
      note_tidiness();
    }
    in_use(Regions::memory_of(slab), Regions::slab_bytes);
    return regions_.give_back(slab);
  }

  /// How many bytes are free in slabs that could be spared, if it is more than a sixteenth, or in use in
  /// regions that leave. 0: all is well.
  std::size_t untidy_bytes() const noexcept {
    return untidy_bytes_.load(std::memory_order_relaxed) + regions_.leaving_bytes();
  }
  /// Whether it would be one less in a slab that may become empty.
  bool worth_moving(const void* cell) const noexcept {
    const Slab& slab = Regions::slab_of(cell);
    if (leaves(slab)) return true;
    const std::lock_guard guard(lock_);
    return with_room_[slab.size].first != &slab && slab.used < slab.room - slab.room / 16;
  }

 private:
  static constexpr std::size_t grain = 8;

  // Up to 256 bytes in steps of 8; then what a slab has for each of 62 cells, of 61, and so on to 8: so that
  // next to nothing is left over at its end.
  struct Size {
    std::uint16_t bytes, cost;
    std::uint8_t number;
  };
  struct Sizes {
    std::array<Size, largest / grain + 1> of;  // so many grains
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
  static Size size(std::size_t bytes) noexcept { return sizes.of[(bytes + grain - 1) / grain]; }

  Slab& new_slab(Size size) {
    Slab& slab = regions_.take();
    slab.user = this;
    slab.cell_bytes = size.bytes;
    slab.room = static_cast<std::uint16_t>(Regions::slab_bytes / size.bytes);
    slab.used = slab.cut = slab.free = 0;
    slab.size = size.number;
    slab.has_room = false;
    not_in_use(Regions::memory_of(slab), Regions::slab_bytes);
    return slab;
  }
  static std::size_t room_bytes(const Slab& slab) noexcept {
    return std::size_t{slab.room} * slab.cell_bytes;
  }
  static bool leaves(const Slab& slab) noexcept {
    return slab.leaving.load(std::memory_order_relaxed);
  }

  // With the lock.

  // What leaves has room, but not for others.
  Slab* with_room(Size size) noexcept {
    const Chain<Slab>& chain = with_room_[size.number];
    while (!chain.empty() && leaves(*chain.first)) has_no_room(*chain.first);
    return chain.first;
  }
  void has_room(Slab& slab) noexcept {
    Chain<Slab>& chain = with_room_[slab.size];
    if (chain.empty()) ++sizes_in_use_;
    chain.add_first(slab);
    slab.has_room = true;
  }
  void has_no_room(Slab& slab) noexcept {
    Chain<Slab>& chain = with_room_[slab.size];
    chain.remove(slab);
    if (chain.empty()) --sizes_in_use_;
    slab.has_room = false;
  }
  // One slab with room per size is as it should be.
  void note_tidiness() noexcept {
    const std::size_t unused = room_bytes_ - used_bytes_;
    const std::size_t usual = room_bytes_ / 16 + sizes_in_use_ * Regions::slab_bytes;
    const std::size_t untidy = unused > usual ? unused : 0;
    const std::size_t before = untidy_bytes_.load(std::memory_order_relaxed);
    if (untidy == before) return;
    untidy_bytes_.store(untidy, std::memory_order_relaxed);
    if ((untidy == 0) != (before == 0)) regions_.note_untidy_user(before == 0);
  }

  mutable Lock lock_;
  std::atomic<std::size_t> untidy_bytes_{0};
  Regions& regions_;
  std::size_t room_bytes_ = 0, used_bytes_ = 0;  // of all cells, and of those taken
  std::size_t sizes_in_use_ = 0;                 // that have slabs with room
  std::array<Chain<Slab>, sizes.count> with_room_{};
};

}  // namespace cairn::memory
