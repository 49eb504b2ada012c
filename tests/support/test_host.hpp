// A host from a configuration text, on a clock that the test moves.
//
//     TestHost host(plain + "serve_stale = false\n");
//     host.region().set("k", 1);
//     host.clock.advance(1h);
#pragma once

#include <cairn/cairn.hpp>

#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

/// A region `r` in memory, whose values are good for ten seconds.
inline const std::string plain = R"(
[region.r]
backend = "memory"
expiration_time = "10s"
)";

/// What a creator of many values is asked for.
using Names = std::span<const std::string_view>;

struct TestHost {
  explicit TestHost(const std::string& toml, cairn::LogLevel level = cairn::LogLevel::warning)
      : clock_ptr(std::make_shared<cairn::ManualClock>()), clock(*clock_ptr) {
    cairn::HostOptions options;
    options.clock = clock_ptr;
    options.log_level = level;
    options.log = [lines = lines](cairn::LogLevel, std::string_view who, std::string_view text) {
      const std::lock_guard lock(lines->mutex);
      lines->text.push_back(std::string(who) + ": " + std::string(text));
    };
    host = std::make_unique<cairn::Host>(cairn::Config::from_text(toml), options);
  }
  cairn::Host* operator->() const noexcept { return host.get(); }
  cairn::Region& region(std::string_view name = "r") const { return host->region(name); }
  std::vector<std::string> log() const {
    const std::lock_guard lock(lines->mutex);
    return lines->text;
  }

  struct Lines {
    std::mutex mutex;
    std::vector<std::string> text;
  };
  std::shared_ptr<Lines> lines = std::make_shared<Lines>();
  std::shared_ptr<cairn::ManualClock> clock_ptr;
  cairn::ManualClock& clock;
  std::unique_ptr<cairn::Host> host;
};
