// What a region writes to the host's log, under its name.
//
// Threads: any method, any thread, any time.
#pragma once

#include "freshness.hpp"
#include "services.hpp"

#include <atomic>
#include <chrono>
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
  void unreadable(const char* why) const;
  /// `keys` names them.
  void created(const std::string& keys, std::chrono::nanoseconds took) const;

  // ---- warnings ----

  /// Once a minute, however many fail.
  void store_failed(std::string_view doing, std::string_view code, std::string_view why) const;
  /// `what` was to be created.
  void background_failed(const std::string& what, const std::exception_ptr& error,
                         std::chrono::milliseconds pause) const;

 private:
  void write_miss(std::string_view key, Reason reason) const;

  const std::string who_;
  HostServices& services_;
  mutable std::atomic<std::int64_t> last_store_failure_ns_{INT64_MIN};
};

/// A key in a log line: control characters as \xNN, and at most 300 bytes of it.
std::string shown_key(std::string_view key);

}  // namespace cairn::hosting
