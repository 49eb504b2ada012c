// The hash of a key: 64 bits, seeded at random per store, so that nobody outside the process can
// choose keys that collide.
//
// Multiply-and-fold in the manner of wyhash (Wang Yi, 2019): two 64-bit words per multiplication,
// no loop for keys up to 16 bytes.
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

  std::uint64_t operator()(std::string_view key) const noexcept {
    const char* at = key.data();
    std::size_t left = key.size();
    std::uint64_t state = secret_[0] ^ left;
    while (left > 16) {
      state = fold(word(at) ^ secret_[1], word(at + 8) ^ state);
      at += 16;
      left -= 16;
    }
    std::uint64_t a = 0, b = 0;
    if (left >= 8) {
      a = word(at);
      b = word(at + left - 8);
    } else if (left >= 4) {
      a = half(at);
      b = half(at + left - 4);
    } else if (left > 0) {
      a = static_cast<unsigned char>(at[0]);
      b = std::uint64_t{static_cast<unsigned char>(at[left / 2])} << 8 |
          static_cast<unsigned char>(at[left - 1]);
    }
    return fold(fold(a ^ secret_[2], b ^ state), secret_[3]);
  }

 private:
  __extension__ using Wide = unsigned __int128;

  static std::uint64_t fold(std::uint64_t a, std::uint64_t b) noexcept {
    const Wide product = static_cast<Wide>(a) * b;
    return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
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

  std::uint64_t secret_[4];
};

}  // namespace cairn::memory
