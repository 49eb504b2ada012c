#include "envelope.hpp"

#include <nlohmann/json.hpp>

#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>

namespace cairn::hosting {

namespace {

// Longest head that is looked at: far above what anybody writes, so that a payload without one is
// refused without searching all of it.
constexpr std::size_t max_head = 16 * 1024;

Time from_seconds(double seconds) {
  if (!(seconds > 0)) return Time();
  constexpr auto most = std::numeric_limits<std::int64_t>::max();
  const double ns = seconds * 1e9;
  return Time(std::chrono::nanoseconds(
      ns >= static_cast<double>(most) ? most : static_cast<std::int64_t>(std::llround(ns))));
}

bool skip(const char*& at, const char* end, std::string_view text) {
  if (static_cast<std::size_t>(end - at) < text.size() ||
      std::memcmp(at, text.data(), text.size()) != 0) {
    return false;
  }
  at += text.size();
  return true;
}

// The form that dogpile.cache and we write.
std::optional<EnvelopeHead> read_usual(const char* begin, const char* end) {
  const char* at = begin;
  double seconds = 0;
  int version = 0;
  if (!skip(at, end, "{\"ct\": ")) return std::nullopt;
  const auto ct = std::from_chars(at, end, seconds);
  if (ct.ec != std::errc()) return std::nullopt;
  at = ct.ptr;
  if (!skip(at, end, ", \"v\": ")) return std::nullopt;
  const auto v = std::from_chars(at, end, version);
  if (v.ec != std::errc()) return std::nullopt;
  at = v.ptr;
  if (!skip(at, end, "}") || at != end) return std::nullopt;
  return EnvelopeHead{from_seconds(seconds), version, 0};
}

std::optional<EnvelopeHead> read_any(std::string_view text) {
  if (text.substr(0, 3) == "\xef\xbb\xbf") text.remove_prefix(3);
  const nlohmann::json head = nlohmann::json::parse(text.begin(), text.end(), nullptr, false);
  if (!head.is_object()) return std::nullopt;
  const auto ct = head.find("ct");
  if (ct == head.end() || !ct->is_number()) return std::nullopt;
  EnvelopeHead result{from_seconds(ct->get<double>()), 0, 0};
  if (const auto v = head.find("v"); v != head.end() && v->is_number()) {
    const double version = v->get<double>();
    if (version == std::floor(version) && std::abs(version) < 1e9) {
      result.value_version = static_cast<int>(version);
    }
  }
  return result;
}

}  // namespace

std::optional<EnvelopeHead> read_envelope(std::string_view stored) {
  const std::size_t bar = stored.substr(0, max_head).find('|');
  if (bar == std::string_view::npos) return std::nullopt;
  std::optional<EnvelopeHead> head = read_usual(stored.data(), stored.data() + bar);
  if (!head) head = read_any(stored.substr(0, bar));
  if (head) head->size = bar + 1;
  return head;
}

Entry write_envelope(const Entry& payload) {
  char head[96];
  char* at = head;
  const auto put = [&](std::string_view text) {
    std::memcpy(at, text.data(), text.size());
    at += text.size();
  };
  put("{\"ct\": ");
  const double seconds = static_cast<double>(payload.raw().created_ns) / 1e9;
  const char* const number = at;
  at = std::to_chars(at, head + 64, seconds, std::chars_format::fixed).ptr;
  if (std::memchr(number, '.', static_cast<std::size_t>(at - number)) == nullptr) put(".0");
  put(", \"v\": ");
  at = std::to_chars(at, head + sizeof head - 2, payload.value_version()).ptr;
  put("}|");

  const std::string_view bytes = payload.bytes();
  const auto head_size = static_cast<std::size_t>(at - head);
  ByteBuffer buffer(head_size + bytes.size());
  std::memcpy(buffer.data(), head, head_size);
  if (!bytes.empty()) std::memcpy(buffer.data() + head_size, bytes.data(), bytes.size());
  Entry stored(std::move(buffer));
  return std::move(stored.with_metadata_of(payload));
}

}  // namespace cairn::hosting
