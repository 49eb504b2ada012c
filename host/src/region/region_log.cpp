#include "region_log.hpp"

#include <fmt/format.h>

namespace cairn::hosting {

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

void RegionLog::unreadable(const char* why) const {
  if (at(LogLevel::debug)) {
    write(LogLevel::debug, std::string("an entry could not be read: ") + why);
  }
}

void RegionLog::created(const std::string& keys, std::chrono::nanoseconds took) const {
  write(LogLevel::debug, fmt::format("creation time {:.3f} s for {}",
                                     std::chrono::duration<double>(took).count(), keys));
}

void RegionLog::store_failed(std::string_view doing, std::string_view code,
                             std::string_view why) const {
  constexpr std::int64_t pause = 60'000'000'000;
  const std::int64_t now = std::chrono::steady_clock::now().time_since_epoch().count();
  std::int64_t last = last_store_failure_ns_.load(std::memory_order_relaxed);
  if (last != INT64_MIN && now - last < pause) return;
  if (last_store_failure_ns_.compare_exchange_strong(last, now)) {
    write(LogLevel::warning,
          fmt::format("{} failed ({}): {}; going on without, and saying so once a minute", doing,
                      code, why));
  }
}

void RegionLog::background_failed(const std::string& what, const std::exception_ptr& error,
                                  std::chrono::milliseconds pause) const {
  std::string why = "something that is not a std::exception";
  try {
    std::rethrow_exception(error);
  } catch (const std::exception& exception) {
    why = exception.what();
  } catch (...) {  // named already
  }
  write(LogLevel::warning,
        fmt::format(
            "the creator of {} failed in the background: {}; next try in {} s at the earliest",
            what, why, pause.count() / 1000));
}

}  // namespace cairn::hosting
