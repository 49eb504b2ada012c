// How often keys were seen lately, including those that are not in the cache: a count-min sketch
// with four-bit counters (Cormode and Muthukrishnan, 2005; in this form: Einziger, Friedman, Manes,
// "TinyLFU", 2017). The four counters of a key lie in one cache line. Everything is halved now and
// then, so that old fame fades.
//
// It answers for keys that are not resident: those carry their own count (record.hpp), so a hit
// never comes here. Threads: under the lock of the shard, but for prefetch().
#pragma once

#include "hashed_lines.hpp"

#include <algorithm>
#include <array>
#include <cstdint>

namespace cairn::memory {

class Sketch {
 public:
  static constexpr unsigned most = 15;

  /// Counts a key once more, and says how often that is. (Of its four counters only the least are raised:
  /// the others count other keys, too.)
  unsigned count(std::uint64_t hash) noexcept {
    Line& line = lines_.of(hash);
    Place at[rows];
    unsigned was[rows], least = most;
    for (unsigned row = 0; row < rows; ++row) {
      at[row] = place(hash, row);
      was[row] = read(line, at[row]);
      least = std::min(least, was[row]);
    }
    if (least == most) return most;
    for (unsigned row = 0; row < rows; ++row) {
      line[at[row].word] += std::uint64_t{was[row] == least} << at[row].shift;
    }
    return least + 1;
  }

  /// From now on at least `count`.
  void raise(std::uint64_t hash, unsigned count) noexcept {
    Line& line = lines_.of(hash);
    for (unsigned row = 0; row < rows; ++row) {
      const Place at = place(hash, row);
      const unsigned was = read(line, at);
      line[at.word] += std::uint64_t{was < count ? count - was : 0} << at.shift;
    }
  }

  [[gnu::always_inline]] void prefetch(std::uint64_t hash) const noexcept { lines_.prefetch(hash); }

  void halve() noexcept {
    for (Line& line : lines_.all()) {
      for (std::uint64_t& word : line) word = (word >> 1) & 0x7777777777777777;
    }
  }

  /// Makes it wide enough for this many keys. What it knew it still knows. Without memory for it,
  /// it is less exact.
  void fit(std::size_t keys) noexcept { lines_.fit(keys / keys_per_line + 1); }

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

  HashedLines<Line> lines_;
};

}  // namespace cairn::memory
