// What a region writes to the host's log, under its name.
//
// Threads: any method, any thread, any time.
#pragma once

#include "freshness.hpp"
#include "services.hpp"

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <string>
#include <string_view>

namespace cairn::hosting {

class RegionLog {
 public:
  /// `services` outlive it.
  RegionLog(const std::string& region, HostServices& services)
      : who_("region " + region), services_(services) {}

  bool at(LogLevel level) const noexcept { return services_.logs(level); }
  void write(LogLevel level, const std::string& text) const { services_.log(level, who_, text); }

  // ---- at level debug ----

  /// Why a creator is needed.
  void miss(std::string_view key, Reason reason) const {
    if (at(LogLevel::debug)) [[unlikely]]
      write_miss(key, reason);
  }
  /// `keys` names them.
  void created(const std::string& keys, std::chrono::nanoseconds took) const;

  // ---- warnings ----

  /// Once a minute for each operation and code, however many fail, so that a frequent failure does not hide
  /// a rare one.
  void store_failed(std::string_view doing, Errc code, std::string_view why) const;
  /// Whether an operation was said to fail for a store that may come back (unavailable, timeout), and not yet to work again.
  bool is_down(std::string_view doing) const noexcept;
  bool is_anything_down() const noexcept { return down_.load(std::memory_order_relaxed) != 0; }
  /// Once for each store_failed() that was written and says that it is down.
  void store_works(std::string_view doing) const;
  /// An entry that is not a value of the type asked for. Once a minute.
  void unreadable(const char* why) const;
  /// `what` was to be created.
  void background_failed(const std::string& what, const std::exception_ptr& error,
                         std::chrono::milliseconds pause) const;

 private:
  void write_miss(std::string_view key, Reason reason) const;
  // Whether a minute has passed since what has this hash was last said. Two that share a slot share the minute.
  bool may_say(std::size_t hash) const;

  // The bit of an operation in down_.
  static unsigned bit_of(std::string_view doing) noexcept;

  const std::string who_;
  HostServices& services_;
  mutable std::atomic<unsigned> down_{0};
  mutable std::array<std::atomic<std::int64_t>, 8> down_since_ns_{};  // by bit; steady time
  mutable std::array<std::atomic<std::int64_t>, 64> said_ns_{};       // steady time; 0: never
};

/// A key in a log line: control characters as \xNN, and at most 300 bytes of it.
std::string shown_key(std::string_view key);

}  // namespace cairn::hosting
