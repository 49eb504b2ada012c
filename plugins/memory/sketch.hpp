// How often keys were seen lately, including those that are not in the cache: a count-min sketch
// with four-bit counters (Cormode and Muthukrishnan, 2005; in this form: Einziger, Friedman, Manes,
// "TinyLFU", 2017). The four counters of a key lie in one cache line. Everything is halved now and
// then, so that old fame fades.
//
// It answers for keys that are not resident: those carry their own count (record.hpp), so a hit
// never comes here. Threads: under the lock of the shard.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <memory>
#include <new>

namespace cairn::memory {

class Sketch {
 public:
  static constexpr unsigned most = 15;

  unsigned estimate(std::uint64_t hash) const noexcept {
    const Line& line = line_of(hash);
    unsigned least = most;
    for (unsigned row = 0; row < rows; ++row) least = std::min(least, read(line, place(hash, row)));
    return least;
  }

  /// From now on at least `count`.
  void raise(std::uint64_t hash, unsigned count) noexcept {
    Line& line = line_of(hash);
    for (unsigned row = 0; row < rows; ++row) {
      const Place at = place(hash, row);
      const unsigned was = read(line, at);
      if (was < count) line[at.word] += std::uint64_t{count - was} << at.shift;
    }
  }

  [[gnu::always_inline]] void prefetch(std::uint64_t hash) const noexcept {
    __builtin_prefetch(&line_of(hash));
  }

  void halve() noexcept {
    for (std::size_t i = 0; i <= mask_; ++i) {
      for (std::uint64_t& word : lines_[i]) word = (word >> 1) & 0x7777777777777777;
    }
  }

  /// Makes it wide enough for this many keys. What it knew it still knows. Without memory for it,
  /// it stays as it is, and is less exact.
  void fit(std::size_t keys) noexcept {
    const std::size_t wanted = std::bit_ceil(keys / keys_per_line + 1);
    if (wanted <= mask_ + 1) return;
    auto* wider = new (std::nothrow) Line[wanted];
    if (wider == nullptr) return;
    for (std::size_t i = 0; i < wanted; ++i) wider[i] = lines_[i & mask_];
    lines_.reset(wider);
    mask_ = wanted - 1;
  }

 private:
  static constexpr unsigned rows = 4;
  static constexpr std::size_t keys_per_line =
      16;  // 128 counters, four per key, and room for ghosts

  struct alignas(64) Line : std::array<std::uint64_t, 8> {};
  struct Place {
    unsigned word, shift;
  };

  // Row r has words 2r and 2r + 1, 32 counters: five bits of the hash each.
  static Place place(std::uint64_t hash, unsigned row) noexcept {
    const auto bits = static_cast<unsigned>(hash >> (8 * row)) & 31;
    return {2 * row + (bits >> 4), (bits & 15) * 4};
  }
  static unsigned read(const Line& line, Place at) noexcept {
    return static_cast<unsigned>(line[at.word] >> at.shift) & 15;
  }
  // Bits that neither place() uses nor the choice of the shard.
  const Line& line_of(std::uint64_t hash) const noexcept { return lines_[hash >> 32 & mask_]; }
  Line& line_of(std::uint64_t hash) noexcept { return lines_[hash >> 32 & mask_]; }

  std::size_t mask_ = 3;
  std::unique_ptr<Line[]> lines_ = std::make_unique<Line[]>(4);
};

}  // namespace cairn::memory
