// What a host does for its plugins and regions: the time, and the log.
//
// Plugins keep a pointer to the C table as long as the process lives, so a HostServices is never
// destroyed: it is made with make(), and retired when its Host goes, after which it logs nothing.
// Threads: any method, any thread.
#pragma once

#include <cairn/host/clock.hpp>
#include <cairn/host/log.hpp>

#include <memory>
#include <mutex>
#include <string_view>

namespace cairn::hosting {

class HostServices {
 public:
  static HostServices& make(std::shared_ptr<const Clock> clock, LogSink sink, LogLevel level);
  HostServices(const HostServices&) = delete;
  HostServices& operator=(const HostServices&) = delete;

  const cairn_host* table() const noexcept { return &table_; }
  const Clock& clock() const noexcept { return *clock_; }
  bool logs(LogLevel level) const noexcept { return static_cast<std::int32_t>(level) >= level_; }
  void log(LogLevel level, std::string_view who, std::string_view text) const noexcept;
  void retire();
  void after_fork();

 private:
  HostServices(std::shared_ptr<const Clock> clock, LogSink sink, LogLevel level);

  struct Table : cairn_host {
    HostServices* services;
  };

  const std::shared_ptr<const Clock> clock_;
  const std::int32_t level_;
  Table table_{};
  mutable std::mutex mutex_;
  std::shared_ptr<const LogSink> sink_;  // guarded by mutex_; null: retired
};

}  // namespace cairn::hosting
