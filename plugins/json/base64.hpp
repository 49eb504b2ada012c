// Base64 with padding, RFC 4648 section 4.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace cairn::json {

inline constexpr std::string_view base64_digits =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

inline void append_base64(std::string& out, std::string_view bytes) {
  std::size_t i = 0;
  const auto byte = [&](std::size_t at) -> std::uint32_t {
    return at < bytes.size() ? static_cast<unsigned char>(bytes[at]) : 0u;
  };
  for (; i < bytes.size(); i += 3) {
    const std::uint32_t three = byte(i) << 16 | byte(i + 1) << 8 | byte(i + 2);
    out += base64_digits[three >> 18];
    out += base64_digits[three >> 12 & 63];
    out += i + 1 < bytes.size() ? base64_digits[three >> 6 & 63] : '=';
    out += i + 2 < bytes.size() ? base64_digits[three & 63] : '=';
  }
}

/// Decodes into `out`, which has room for 3/4 of the text; returns the length, or -1 if it is not
/// the one encoding of some bytes.
inline std::ptrdiff_t decode_base64(std::string_view text, char* out) noexcept {
  static constexpr std::uint8_t none = 64;
  static constexpr auto values = [] {
    std::array<std::uint8_t, 256> table{};
    table.fill(none);
    for (std::size_t i = 0; i < base64_digits.size(); ++i) {
      table[static_cast<unsigned char>(base64_digits[i])] = static_cast<std::uint8_t>(i);
    }
    return table;
  }();
  if (text.size() % 4 != 0) return -1;
  std::size_t digits = text.size();
  while (digits > 0 && text.size() - digits < 2 && text[digits - 1] == '=') --digits;
  std::uint32_t bits = 0;
  int count = 0;
  char* at = out;
  for (std::size_t i = 0; i < digits; ++i) {
    const std::uint32_t value = values[static_cast<unsigned char>(text[i])];
    if (value == none) return -1;
    bits = bits << 6 | value;
    count += 6;
    if (count >= 8) {
      count -= 8;
      *at++ = static_cast<char>(bits >> count);
      bits &= (1u << count) - 1;
    }
  }
  if (bits != 0) return -1;  // what is left over of the last digit
  return at - out;
}

}  // namespace cairn::json
