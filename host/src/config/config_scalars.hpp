// Reading one written value as what a key or an option wants: the conversions and their complaints,
// for the host's own keys and for options of plugins alike.
//
// Each function returns nothing after it has added to `findings` what was expected, what was there
// and what to write instead. A text that came from `${...}` is read as if it had been written
// without the quotes.
#pragma once

#include <cairn/host/config.hpp>

#include <chrono>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cairn::hosting {

/// What is being read: how messages call it, and whether they may show its value.
struct Wanted {
  std::string_view name;
  bool secret = false;
};

std::optional<bool> read_bool(const ConfigValue&, const Wanted&, Findings&);
std::optional<std::int64_t> read_int(const ConfigValue&, const Wanted&, Findings&);
/// Whole numbers are real ones too; not a number and infinity are neither.
std::optional<double> read_real(const ConfigValue&, const Wanted&, Findings&);
std::optional<std::string> read_text(const ConfigValue&, const Wanted&, Findings&);
std::optional<std::chrono::nanoseconds> read_duration(const ConfigValue&, const Wanted&, Findings&);
/// Bytes.
std::optional<std::int64_t> read_size(const ConfigValue&, const Wanted&, Findings&);
/// "10%" is 0.1.
std::optional<double> read_percent(const ConfigValue&, const Wanted&, Findings&);
/// One of `choices`: its index.
std::optional<std::size_t> read_choice(const ConfigValue&, const Wanted&,
                                       const std::vector<std::string_view>& choices, Findings&);
/// An absolute path; a relative one is meant from `base_folder`, or the working directory if that
/// is empty.
std::optional<std::string> read_path(const ConfigValue&, const Wanted&,
                                     std::string_view base_folder, Findings&);
/// The items of a list; a text from `${...}` is split at commas.
std::optional<ConfigValue::List> read_list(const ConfigValue&, const Wanted&, Findings&);

/// "the integer 30", "the text \"abc\"", "a list": for messages.
std::string described(const ConfigValue& value, bool secret);

}  // namespace cairn::hosting
