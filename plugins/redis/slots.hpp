// Which of a cluster's 16384 slots a key belongs to.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace cairn::redis {

inline constexpr std::size_t slot_count = 16384;

/// CRC16 (XMODEM) of each byte.
inline constexpr auto crc_of_byte = [] {
  std::array<std::uint16_t, 256> table{};
  for (unsigned byte = 0; byte < table.size(); ++byte) {
    unsigned crc = byte << 8;
    for (int bit = 0; bit < 8; ++bit) crc = (crc & 0x8000) != 0 ? (crc << 1) ^ 0x1021 : crc << 1;
    table[byte] = static_cast<std::uint16_t>(crc);
  }
  return table;
}();

/// CRC16 (XMODEM) of the key, or of what stands between the first `{` and the next `}` if that is
/// not empty: keys with the same tag share a slot.
constexpr std::uint16_t slot_of(std::string_view key) noexcept {
  if (const std::size_t open = key.find('{'); open != std::string_view::npos) {
    const std::size_t close = key.find('}', open + 1);
    if (close != std::string_view::npos && close > open + 1) {
      key = key.substr(open + 1, close - open - 1);
    }
  }
  std::uint16_t crc = 0;
  for (const char c : key) {
    const auto next = static_cast<unsigned char>((crc >> 8) ^ static_cast<unsigned char>(c));
    crc = static_cast<std::uint16_t>((crc << 8) ^ crc_of_byte[next]);
  }
  return crc % slot_count;
}
static_assert(slot_of("123456789") == 0x31c3);
static_assert(slot_of("{user1000}.following") == slot_of("user1000"));
static_assert(slot_of("foo{}{bar}") != slot_of("bar"));

}  // namespace cairn::redis
