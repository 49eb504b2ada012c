#include "units.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <utility>

namespace cairn::hosting {

namespace {

// Wide enough for every count of nanoseconds or bytes to be exact.
using Real = long double;

template <std::size_t n>
using Units = std::array<std::pair<std::string_view, Real>, n>;

constexpr Units<8> duration_units{{{"w", 604800e9L},
                                   {"d", 86400e9L},
                                   {"h", 3600e9L},
                                   {"m", 60e9L},
                                   {"s", 1e9L},
                                   {"ms", 1e6L},
                                   {"us", 1e3L},
                                   {"ns", 1.0L}}};
constexpr Real kibi = 1024.0L;
constexpr Units<9> size_units{{{"TiB", kibi* kibi* kibi* kibi},
                               {"GiB", kibi* kibi* kibi},
                               {"MiB", kibi* kibi},
                               {"KiB", kibi},
                               {"B", 1.0L},
                               {"TB", 1e12L},
                               {"GB", 1e9L},
                               {"MB", 1e6L},
                               {"kB", 1e3L}}};

// Counts are passed on as signed 64-bit numbers.
constexpr Real most = 9223372036854775807.0L;

// A number without sign or exponent; advances `text`.
std::optional<Real> take_number(std::string_view& text) {
  const std::size_t length = std::min(text.find_first_not_of("0123456789."), text.size());
  Real value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + length, value);
  if (length == 0 || error != std::errc() || end != text.data() + length) return std::nullopt;
  text.remove_prefix(length);
  return value;
}

template <std::size_t n>
std::optional<Real> take_unit(std::string_view& text, const Units<n>& units) {
  const std::size_t length = std::min(text.find_first_of("0123456789."), text.size());
  for (const auto& [name, factor] : units) {
    if (text.substr(0, length) == name) {
      text.remove_prefix(length);
      return factor;
    }
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::chrono::nanoseconds> parse_duration(std::string_view text) {
  if (text == "0") return std::chrono::nanoseconds(0);
  Real total = 0;
  Real last_unit = std::numeric_limits<Real>::infinity();
  do {
    const auto number = take_number(text);
    if (!number) return std::nullopt;
    const auto unit = take_unit(text, duration_units);
    if (!unit || *unit >= last_unit) return std::nullopt;  // "30m1h" and "1m2m" are slips
    last_unit = *unit;
    total += *number * *unit;
  } while (!text.empty());
  if (total > most) return std::nullopt;
  return std::chrono::nanoseconds(std::llround(total));
}

std::optional<std::uint64_t> parse_size(std::string_view text) {
  if (text == "0") return 0;
  const auto number = take_number(text);
  if (!number) return std::nullopt;
  const auto unit = take_unit(text, size_units);
  if (!unit || !text.empty() || *number * *unit > most) return std::nullopt;
  return static_cast<std::uint64_t>(std::llround(*number * *unit));
}

std::optional<double> parse_percent(std::string_view text) {
  const auto number = take_number(text);
  if (!number || text != "%") return std::nullopt;
  return static_cast<double>(*number / 100.0L);
}

std::string format_duration(std::chrono::nanoseconds duration) {
  auto left = duration.count();
  if (left == 0) return "0s";
  std::string text;
  for (const auto& [name, factor] : duration_units) {
    const auto unit = static_cast<std::int64_t>(factor);
    if (left >= unit && name != "w") {
      text += std::to_string(left / unit);
      text += name;
      left %= unit;
    }
  }
  return text;
}

std::string format_size(std::uint64_t bytes) {
  for (const auto& [name, factor] : size_units) {
    const auto unit = static_cast<std::uint64_t>(factor);
    if (bytes != 0 && bytes % unit == 0) return std::to_string(bytes / unit) + std::string(name);
  }
  return std::to_string(bytes) + "B";
}

}  // namespace cairn::hosting
