// Durations, sizes and percentages as people write them: "1h30m", "64MiB", "10%".
//
// Errors: nullopt; the caller knows where the text stood and what to say.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace cairn::hosting {

/// "250ms", "1.5s", "1h30m", "7d"; units ns us ms s m h d w. "0" needs none. Negative ones do not
/// exist.
std::optional<std::chrono::nanoseconds> parse_duration(std::string_view text);
/// "512B", "64KiB", "1.5MiB", "2GB"; units B KiB MiB GiB TiB and kB MB GB TB (of 1000).
std::optional<std::uint64_t> parse_size(std::string_view text);
/// "10%" is 0.1.
std::optional<double> parse_percent(std::string_view text);

/// The shortest exact form: "1h30m", "250ms".
std::string format_duration(std::chrono::nanoseconds duration);
/// In the largest unit that divides it: "64MiB", "1000B".
std::string format_size(std::uint64_t bytes);

}  // namespace cairn::hosting
