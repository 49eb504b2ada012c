#include "config_scalars.hpp"

#include "diagnostics.hpp"
#include "nearest_name.hpp"
#include "units.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <iterator>

namespace cairn::hosting {

namespace {

std::nullopt_t complain(const ConfigValue& value, const Wanted& wanted, Findings& findings,
                        const std::string& problem, std::string remedy = {}) {
  add_error(findings, value.origin(), backquoted(wanted.name) + ": " + problem, std::move(remedy));
  findings.back().shows_source = !wanted.secret;
  return std::nullopt;
}

std::nullopt_t unexpected(const ConfigValue& value, const Wanted& wanted, Findings& findings,
                          const std::string& expected, std::string remedy = {}) {
  return complain(value, wanted, findings,
                  "expected " + expected + ", got " + described(value, wanted.secret),
                  wanted.secret ? std::string() : std::move(remedy));
}

template <class Number>
std::optional<Number> whole_text(std::string_view text) {
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

std::string number_text(double number) {
  char buffer[40];
  const auto [end, error] = std::to_chars(buffer, buffer + sizeof buffer, number);
  return error == std::errc() ? std::string(buffer, end) : std::string();
}

// What the value's number is, if it is one and not below 0: for "write \"30s\"".
std::string number_of(const ConfigValue& value) {
  if (const auto* number = value.as_int(); number != nullptr && *number >= 0) {
    return std::to_string(*number);
  }
  if (const auto* number = value.as_real(); number != nullptr && *number >= 0) {
    return number_text(*number);
  }
  return {};
}

std::string in_quotes(std::string_view text) {
  return '"' + std::string(text) + '"';
}

// The letters at the end of "30sec".
std::string_view unit_of(std::string_view text) {
  const std::size_t last = text.find_last_of("0123456789. ");
  return last == std::string_view::npos ? text : text.substr(last + 1);
}

constexpr std::string_view duration_units = "units are ns, us, ms, s, m, h, d and w";
constexpr std::string_view size_units = "units are B, KiB, MiB, GiB, TiB and kB, MB, GB, TB";

// What people write for a duration, and what it is here.
std::string_view duration_unit_meant(std::string_view unit) {
  constexpr std::pair<std::string_view, std::string_view> slips[] = {
      {"sec", "s"},   {"secs", "s"},   {"second", "s"},  {"seconds", "s"}, {"min", "m"},
      {"mins", "m"},  {"minute", "m"}, {"minutes", "m"}, {"hr", "h"},      {"hrs", "h"},
      {"hour", "h"},  {"hours", "h"},  {"day", "d"},     {"days", "d"},    {"week", "w"},
      {"weeks", "w"}, {"msec", "ms"},  {"millis", "ms"}, {"S", "s"},       {"H", "h"},
      {"D", "d"},     {"W", "w"},      {"MS", "ms"},     {"usec", "us"}};
  for (const auto& [slip, unit_name] : slips) {
    if (slip == unit) return unit_name;
  }
  return {};
}

std::string_view size_unit_meant(std::string_view unit) {
  constexpr std::pair<std::string_view, std::string_view> slips[] = {
      {"k", "KiB"},   {"K", "KiB"},   {"m", "MiB"},   {"M", "MiB"},   {"g", "GiB"},
      {"G", "GiB"},   {"t", "TiB"},   {"T", "TiB"},   {"kb", "kB"},   {"KB", "kB"},
      {"mb", "MB"},   {"Mb", "MB"},   {"gb", "GB"},   {"Gb", "GB"},   {"Kib", "KiB"},
      {"kib", "KiB"}, {"mib", "MiB"}, {"Mib", "MiB"}, {"gib", "GiB"}, {"Gib", "GiB"},
      {"b", "B"},     {"bytes", "B"}};
  for (const auto& [slip, unit_name] : slips) {
    if (slip == unit) return unit_name;
  }
  return {};
}

// "write `30s`" where the text is a number with a unit that we know under another name.
std::string unit_remedy(std::string_view text, std::string_view meant, std::string_view units) {
  const std::string_view unit = unit_of(text);
  std::string_view number = text.substr(0, text.size() - unit.size());
  while (number.ends_with(' ')) number.remove_suffix(1);
  if (number.empty()) return std::string(units);
  if (unit.empty()) return "add a unit; " + std::string(units);
  if (meant.empty()) return std::string(units);
  return "write " + in_quotes(std::string(number) + std::string(meant)) + "; " + std::string(units);
}

std::string lowered(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return result;
}

std::string without_blanks(std::string_view text) {
  std::string result;
  std::remove_copy(text.begin(), text.end(), std::back_inserter(result), ' ');
  return result;
}

}  // namespace

std::string described(const ConfigValue& value, bool secret) {
  if (value.as_list() != nullptr) return "a list";
  if (value.as_table() != nullptr) return "a table";
  std::string kind, shown;
  if (const auto* flag = value.as_bool()) {
    kind = "the boolean";
    shown = *flag ? "true" : "false";
  } else if (const auto* number = value.as_int()) {
    kind = "the integer";
    shown = std::to_string(*number);
  } else if (const auto* real = value.as_real()) {
    kind = "the number";
    shown = number_text(*real);
  } else {
    kind = "the text";
    shown = *value.as_text();
    // What came from outside the file may be anything, a secret too. Flat keys, which have no lines, say it themselves.
    if (value.interpolated() && value.origin().line != 0) return "something else";
    shown = in_quotes(shown.size() > 60 ? shown.substr(0, 60) + "..." : shown);
  }
  return secret ? "another kind of value" : kind + ' ' + shown;
}

std::optional<bool> read_bool(const ConfigValue& value, const Wanted& wanted, Findings& findings) {
  if (const auto* flag = value.as_bool()) return *flag;
  const auto* text = value.as_text();
  if (text != nullptr && value.interpolated()) {
    if (*text == "true") return true;
    if (*text == "false") return false;
  }
  std::string remedy;
  if (text != nullptr && (*text == "true" || *text == "false")) {
    remedy = "write it without quotes";
  } else if (text != nullptr && (*text == "yes" || *text == "on")) {
    remedy = "write true";
  } else if (text != nullptr && (*text == "no" || *text == "off")) {
    remedy = "write false";
  }
  return unexpected(value, wanted, findings, "true or false", remedy);
}

std::optional<std::int64_t> read_int(const ConfigValue& value, const Wanted& wanted,
                                     Findings& findings) {
  if (const auto* number = value.as_int()) return *number;
  std::string remedy;
  if (const auto* text = value.as_text()) {
    const auto number = whole_text<std::int64_t>(*text);
    if (number && value.interpolated()) return number;
    if (number) remedy = "write it without quotes";
  }
  return unexpected(value, wanted, findings, "a whole number", remedy);
}

std::optional<double> read_real(const ConfigValue& value, const Wanted& wanted,
                                Findings& findings) {
  std::optional<double> number;
  std::string remedy;
  if (const auto* integer = value.as_int()) number = static_cast<double>(*integer);
  if (const auto* real = value.as_real()) number = *real;
  if (const auto* text = value.as_text()) {
    number = whole_text<double>(*text);
    if (number && !value.interpolated()) {
      number.reset();
      remedy = "write it without quotes";
    }
  }
  if (number && std::isfinite(*number)) return number;
  return unexpected(value, wanted, findings, "a number", remedy);
}

std::optional<std::string> read_text(const ConfigValue& value, const Wanted& wanted,
                                     Findings& findings) {
  const auto* text = value.as_text();
  if (text == nullptr) {
    const std::string number = number_of(value);
    return unexpected(value, wanted, findings, "a text",
                      number.empty() ? std::string() : "write " + in_quotes(number));
  }
  if (text->find('\0') != std::string::npos) {
    return complain(value, wanted, findings, "a text cannot contain the character NUL");
  }
  return *text;
}

std::optional<std::chrono::nanoseconds> read_duration(const ConfigValue& value,
                                                      const Wanted& wanted, Findings& findings) {
  std::string remedy;
  if (const auto* text = value.as_text()) {
    if (const auto duration = parse_duration(*text)) return duration;
    remedy = unit_remedy(*text, duration_unit_meant(unit_of(*text)), duration_units);
    if (const std::string joined = without_blanks(*text);
        parse_duration(joined) && !value.interpolated()) {
      remedy = "write " + in_quotes(joined);
    }
  } else if (const std::string number = number_of(value); number == "0") {
    return std::chrono::nanoseconds(0);
  } else if (!number.empty()) {
    remedy = "write " + in_quotes(number + "s") + " if seconds are meant; " +
             std::string(duration_units);
  }
  return unexpected(value, wanted, findings, "a duration such as \"30s\"", remedy);
}

std::optional<std::int64_t> read_size(const ConfigValue& value, const Wanted& wanted,
                                      Findings& findings) {
  std::string remedy;
  if (const auto* text = value.as_text()) {
    if (const auto size = parse_size(*text)) return static_cast<std::int64_t>(*size);
    remedy = unit_remedy(*text, size_unit_meant(unit_of(*text)), size_units);
    if (const std::string joined = without_blanks(*text);
        parse_size(joined) && !value.interpolated()) {
      remedy = "write " + in_quotes(joined);
    }
  } else if (const std::string number = number_of(value); number == "0") {
    return 0;
  } else if (!number.empty()) {
    remedy = "write " + in_quotes(number + "B") + " if bytes are meant; " + std::string(size_units);
  }
  return unexpected(value, wanted, findings, "a size such as \"64MiB\"", remedy);
}

std::optional<double> read_percent(const ConfigValue& value, const Wanted& wanted,
                                   Findings& findings) {
  std::string remedy;
  if (const auto* text = value.as_text()) {
    if (const auto part = parse_percent(*text)) return part;
  } else if (const auto* number = value.as_int(); number != nullptr && *number >= 0) {
    remedy = "write " + in_quotes(number_of(value) + "%");
  } else if (const auto* real = value.as_real(); real != nullptr && *real >= 0 && *real <= 1) {
    remedy = "write " + in_quotes(number_text(std::round(*real * 1e6) / 1e4) + "%");
  }
  return unexpected(value, wanted, findings, "a percentage such as \"10%\"", remedy);
}

std::optional<std::size_t> read_choice(const ConfigValue& value, const Wanted& wanted,
                                       const std::vector<std::string_view>& choices,
                                       Findings& findings) {
  std::string remedy;
  if (const auto* text = value.as_text()) {
    for (std::size_t i = 0; i < choices.size(); ++i) {
      if (choices[i] == *text) return i;
    }
    remedy = did_you_mean(nearest_name(lowered(*text), choices));
  }
  std::string expected = "one of ";
  for (std::size_t i = 0; i < choices.size(); ++i) {
    expected += (i == 0 ? "" : ", ") + in_quotes(choices[i]);
  }
  return unexpected(value, wanted, findings, expected, remedy);
}

std::optional<std::string> read_path(const ConfigValue& value, const Wanted& wanted,
                                     std::string_view base_folder, Findings& findings) {
  const auto text = read_text(value, wanted, findings);
  if (!text) return std::nullopt;
  if (text->empty()) return complain(value, wanted, findings, "a path cannot be empty");
  if (text->starts_with('~')) {
    return complain(value, wanted, findings, "`~` is not expanded in paths",
                    "write ${HOME}, or ./~ for a file of that name");
  }
  std::filesystem::path path = *text;
  if (path.is_relative()) path = std::filesystem::path(base_folder) / path;
  if (path.is_relative()) {
    std::error_code error;
    const auto here = std::filesystem::current_path(error);
    if (error) {
      return complain(value, wanted, findings,
                      "the working directory is gone, so a relative path has no meaning",
                      "write an absolute path");
    }
    path = here / path;
  }
  return path.lexically_normal().string();
}

std::optional<ConfigValue::List> read_list(const ConfigValue& value, const Wanted& wanted,
                                           Findings& findings) {
  if (const auto* list = value.as_list()) return *list;
  const auto* text = value.as_text();
  if (text != nullptr && value.interpolated()) {
    ConfigValue::List items;
    for (std::string_view left = *text; !left.empty();) {
      const std::size_t end = std::min(left.find(','), left.size());
      std::string_view item = left.substr(0, end);
      while (item.starts_with(' ')) item.remove_prefix(1);
      while (item.ends_with(' ')) item.remove_suffix(1);
      items.push_back(ConfigValue(item).at(value.origin()).mark_interpolated());
      left.remove_prefix(std::min(end + 1, left.size()));
    }
    return items;
  }
  return unexpected(
      value, wanted, findings, "a list",
      text == nullptr ? std::string() : "write [" + in_quotes(*text) + "] for a list of one");
}

}  // namespace cairn::hosting
