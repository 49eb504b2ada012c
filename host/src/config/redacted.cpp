#include "redacted.hpp"

#include "option_reader.hpp"
#include "units.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace cairn::hosting {

namespace {

constexpr std::string_view digits = "0123456789";
constexpr std::string_view letters_and_digits =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

std::string without_password(std::string url) {
  for (std::size_t at = url.find("://"); at != std::string::npos; at = url.find("://", at + 3)) {
    const std::size_t begin = at + 3;
    const std::size_t end = std::min(url.find_first_of("/?# ", begin), url.size());
    const std::size_t host = url.rfind('@', end);
    if (host == std::string::npos || host < begin) continue;
    const std::size_t colon = url.find(':', begin);
    if (colon < host) url.replace(colon + 1, host - colon - 1, "***");
  }
  return url;
}

std::string real_text(double number) {
  std::string text = std::to_string(number);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.ends_with('.')) text.pop_back();
  return text;
}

std::string shown(std::string_view type, Node value) {
  switch (value.type()) {
    case Node::boolean: return value.boolean_value() ? "true" : "false";
    case Node::integer:
      if (type == "duration") return format_duration(std::chrono::nanoseconds(value.int_value()));
      if (type == "size") return format_size(static_cast<std::uint64_t>(value.int_value()));
      return std::to_string(value.int_value());
    case Node::real_number:
      if (type == "percent") return real_text(value.real_value() * 100) + '%';
      return real_text(value.real_value());
    case Node::text_string: return without_password(std::string(value.text()));
    case Node::list: {
      std::string text = "[";
      for (std::size_t i = 0; i < value.size(); ++i) {
        text += (i == 0 ? "" : ", ") + shown(items_of(type), value.item(i));
      }
      return text + ']';
    }
    default: return std::string(value.type_name());
  }
}

// Takes what is of `allowed`, and of `more`, off the front.
std::string_view take(std::string_view& text, std::string_view allowed,
                      std::string_view more = {}) {
  std::size_t size = 0;
  while (size < text.size() && (allowed.find(text[size]) != std::string_view::npos ||
                                more.find(text[size]) != std::string_view::npos)) {
    ++size;
  }
  const std::string_view taken = text.substr(0, size);
  text.remove_prefix(size);
  return taken;
}

bool take_word(std::string_view& text, std::string_view word) {
  if (!text.starts_with(word)) return false;
  text.remove_prefix(word.size());
  return true;
}

// "host", "host:6379/0", "[::1]:6379", "/path/to.sock?db=1": nothing in which a misplaced password could hide.
bool is_place(std::string_view text) {
  if (text.starts_with('/')) {
    take(text, letters_and_digits, "/._-");
  } else {
    if (take_word(text, "[")) {
      take(text, letters_and_digits, ":.%");
      if (!take_word(text, "]")) return false;
    } else {
      take(text, letters_and_digits, "._-");
    }
    if (take_word(text, ":") && take(text, digits).empty()) return false;
    if (take_word(text, "/")) take(text, digits);
  }
  if (take_word(text, "?db=") && take(text, digits).empty()) return false;
  return text.empty();
}

std::string secret_url(std::string_view url) {
  std::string_view rest = url;
  const std::string_view scheme = take(rest, letters_and_digits, "+-.");
  const bool has_scheme = !scheme.empty() && take_word(rest, "://");
  const std::size_t at = rest.rfind('@');
  const bool has_login = at != std::string_view::npos;
  const std::string_view place = has_login ? rest.substr(at + 1) : rest;
  if (!has_scheme || !is_place(place)) return "(secret)";
  return std::string(scheme).append(has_login ? "://***@" : "://").append(place);
}

bool is_url(std::string_view option) {
  return option == "url" || option.ends_with("_url");
}

}  // namespace

std::string redacted(const cairn_option& option, Node value) {
  if (!is_secret(option)) return shown(option.type, value);
  const bool is_text = value.type() == Node::text_string;
  return is_text && is_url(option.name) ? secret_url(value.text()) : "(secret)";
}

}  // namespace cairn::hosting
