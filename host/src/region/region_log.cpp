#include "region_log.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <functional>
#include <iterator>

namespace cairn::hosting {

namespace {

std::int64_t steady_now() {
  return std::chrono::steady_clock::now().time_since_epoch().count();
}

}  // namespace

std::string shown_key(std::string_view key) {
  constexpr std::size_t most = 300;
  std::string text;
  for (const char c : key.substr(0, most)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) {
      text += fmt::format("\\x{:02x}", byte);
    } else {
      text += c;
    }
  }
  return key.size() > most ? text + "..." : text;
}

void RegionLog::write_miss(std::string_view key, Reason reason) const {
  const char* why = nullptr;
  switch (reason) {
    case Reason::absent: why = "no value present"; break;
    case Reason::version: why = "value version update"; break;
    case Reason::invalidated: why = "hard invalidation detected"; break;
    default: return;
  }
  write(LogLevel::debug, fmt::format("{} for key: {}", why, shown_key(key)));
}

void RegionLog::created(const std::string& keys, std::chrono::nanoseconds took) const {
  write(LogLevel::debug, fmt::format("creation time {:.3f} s for {}",
                                     std::chrono::duration<double>(took).count(), keys));
}

bool RegionLog::may_say(std::size_t hash) const {
  constexpr std::int64_t pause = 60'000'000'000;
  const std::int64_t now = steady_now();
  std::atomic<std::int64_t>& said = said_ns_[hash % said_ns_.size()];
  std::int64_t last = said.load(std::memory_order_relaxed);
  return (last == 0 || now - last >= pause) && said.compare_exchange_strong(last, now);
}

void RegionLog::store_failed(std::string_view doing, Errc code, std::string_view why) const {
  if (!may_say(std::hash<std::string_view>()(doing) + static_cast<std::size_t>(code))) return;
  write(LogLevel::warning,
        fmt::format("{} failed ({}): {}; going on without, and saying so once a minute", doing,
                    to_string(code), why));
  // What is rejected or corrupt may be so for one key only, and says nothing of the others.
  if (code != Errc::unavailable && code != Errc::timeout) return;
  const unsigned bit = bit_of(doing);
  if ((down_.load() & bit) != 0) return;
  down_since_ns_[static_cast<std::size_t>(std::countr_zero(bit))] = steady_now();
  down_ |= bit;
}

unsigned RegionLog::bit_of(std::string_view doing) noexcept {
  constexpr std::string_view operations[] = {"get",       "set",          "remove", "get_multi",
                                             "set_multi", "remove_multi", "lock",   "await_unlock"};
  return 1u << (std::find(std::begin(operations), std::end(operations) - 1, doing) -
                std::begin(operations));
}

bool RegionLog::is_down(std::string_view doing) const noexcept {
  return (down_.load(std::memory_order_relaxed) & bit_of(doing)) != 0;
}

void RegionLog::store_works(std::string_view doing) const {
  const unsigned bit = bit_of(doing);
  if ((down_.fetch_and(~bit) & bit) == 0) return;  // somebody else has said it
  const std::int64_t since = down_since_ns_[static_cast<std::size_t>(std::countr_zero(bit))];
  write(LogLevel::warning, fmt::format("{} works again, {:.1f} s after it was said to fail", doing,
                                       static_cast<double>(steady_now() - since) / 1e9));
}

void RegionLog::unreadable(const char* why) const {
  if (!may_say(std::hash<std::string_view>()("unreadable"))) return;
  write(LogLevel::warning, fmt::format("an entry is not of the type asked for: {}; it counts as a "
                                       "miss, and is told once a minute",
                                       why));
}

void RegionLog::background_failed(const std::string& what, const std::exception_ptr& error,
                                  std::chrono::milliseconds pause) const {
  std::string why = "something that is not a std::exception";
  try {
    if (error != nullptr) std::rethrow_exception(error);  // null: not even C++'s
  } catch (const std::exception& exception) {
    const char* const text = exception.what();
    why = text != nullptr ? text : "an exception that says nothing";
  } catch (...) {  // named already
  }
  write(LogLevel::warning,
        fmt::format(
            "the creator of {} failed in the background: {}; next try in {} s at the earliest",
            what, why, pause.count() / 1000));
}

}  // namespace cairn::hosting
