// A table of cache lines, one for each hash: what a policy knows of keys that may not be there.
//
// Threads: under the lock of the shard, but for prefetch(): a writer asks for his line before he takes the
// lock.
#pragma once

#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <span>

namespace cairn::memory {

template <class Line>
class HashedLines {
  static_assert(sizeof(Line) == 64 && alignof(Line) == 64);

 public:
  HashedLines() { use(new Line[smallest](), smallest); }

  Line& of(std::uint64_t hash) noexcept { return lines_[index(hash, where())]; }
  std::span<Line> all() noexcept { return {lines_.get(), count(where())}; }

  /// Makes it at least so many lines. What one knew, all know that take its place. Without memory for it,
  /// it stays as it is.
  void fit(std::size_t lines) noexcept {
    const std::size_t wanted = std::bit_ceil(lines), there = count(where());
    if (wanted <= there) return;
    auto* wider = new (std::nothrow) Line[wanted]();
    if (wider == nullptr) return;
    for (std::size_t i = 0; i < wanted; ++i) wider[i] = lines_[i & (there - 1)];
    use(wider, wanted);
  }

  /// Starts fetching the line of a hash. Any thread; a wrong one, and no harm, while it grows.
  [[gnu::always_inline]] void prefetch(std::uint64_t hash) const noexcept {
    const std::uintptr_t where = this->where();
    __builtin_prefetch(
        reinterpret_cast<const void*>((where & ~low_bits) + index(hash, where) * sizeof(Line)));
  }

 private:
  static constexpr std::size_t smallest = 4;

  // Where the lines are and, in the bits that are free, how many: two to the power of it. One word, for those
  // who have no lock.
  static constexpr std::uintptr_t low_bits = alignof(Line) - 1;
  std::uintptr_t where() const noexcept { return where_.load(std::memory_order_relaxed); }
  static std::size_t count(std::uintptr_t where) noexcept {
    return std::size_t{1} << (where & low_bits);
  }
  // By bits that choose neither the shard nor, in the sketch, the place in the line.
  static std::size_t index(std::uint64_t hash, std::uintptr_t where) noexcept {
    return hash >> 32 & (count(where) - 1);
  }
  void use(Line* lines, std::size_t count) noexcept {
    where_.store(reinterpret_cast<std::uintptr_t>(lines) |
                     static_cast<std::uintptr_t>(std::countr_zero(count)),
                 std::memory_order_relaxed);
    lines_.reset(lines);
  }

  std::atomic<std::uintptr_t> where_;
  std::unique_ptr<Line[]> lines_;
};

}  // namespace cairn::memory
