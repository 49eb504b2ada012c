// The hash of a key: 64 bits, seeded at random per store, so that nobody outside the process can
// choose keys that collide.
//
// Multiply-and-fold in the manner of wyhash (Wang Yi, 2019) and XXH3 (Yann Collet, 2019): two 64-bit
// words per multiplication. Up to 64 bytes all multiplications are independent of each other, so
// that they overlap.
#pragma once

#include <cstdint>
#include <cstring>
#include <random>
#include <string_view>

namespace cairn::memory {

class Hasher {
 public:
  Hasher() {
    std::random_device random;
    for (std::uint64_t& word : secret_) word = (std::uint64_t{random()} << 32 | random()) | 1;
  }

  [[gnu::always_inline]] std::uint64_t operator()(std::string_view key) const noexcept {
    const char* at = key.data();
    const std::size_t size = key.size();
    std::uint64_t a, b, sum = 0;
    if (size >= 8) {
      if (size > 16) sum = size <= 64 ? longer(at, size) : longest(at, size);
      a = word(at);
      b = word(at + size - 8);
    } else if (size >= 4) {
      a = half(at);
      b = half(at + size - 4);
    } else if (size > 0) {
      a = static_cast<unsigned char>(at[0]);
      b = std::uint64_t{static_cast<unsigned char>(at[size / 2])} << 8 |
          static_cast<unsigned char>(at[size - 1]);
    } else {
      a = b = 0;
    }
    return fold(fold(a ^ secret_[0], b ^ secret_[1] ^ size) + sum, secret_[2]);
  }

 private:
  __extension__ using Wide = unsigned __int128;

  static std::uint64_t fold(std::uint64_t a, std::uint64_t b) noexcept {
    const Wide product = static_cast<Wide>(a) * b;
    return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
  }
  // What is between the first and the last eight bytes, of 17 to 64. The pieces may overlap; which
  // do depends on the size alone, which is hashed too.
  [[gnu::always_inline]] std::uint64_t longer(const char* at, std::size_t size) const noexcept {
    const char* end = at + size;
    std::uint64_t sum = fold(word(at + 8) ^ secret_[3], word(end - 16) ^ secret_[4]);
    if (size > 32) {
      sum += fold(word(at + 16) ^ secret_[5], word(end - 24) ^ secret_[6]);
      sum ^= fold(word(at + 24) ^ secret_[7], word(end - 32) ^ secret_[8]);
    }
    return sum;
  }
  [[gnu::noinline]] std::uint64_t longest(const char* at, std::size_t size) const noexcept {
    const char* end = at + size;
    std::uint64_t state = secret_[3];
    for (std::size_t left = size; left > 16; left -= 16, at += 16) {
      state = fold(word(at) ^ secret_[4], word(at + 8) ^ state);
    }
    return fold(state ^ word(end - 16), secret_[5]);
  }

  static std::uint64_t word(const char* at) noexcept {
    std::uint64_t result;
    std::memcpy(&result, at, sizeof result);
    return result;
  }
  static std::uint64_t half(const char* at) noexcept {
    std::uint32_t result;
    std::memcpy(&result, at, sizeof result);
    return result;
  }

  std::uint64_t secret_[9];
};

}  // namespace cairn::memory
