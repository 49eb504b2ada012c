// Where a host's and its plugins' log lines go.
#pragma once

#include <cairn/options.hpp>

#include <functional>
#include <string_view>

namespace cairn {

using LogLevel = Services::Level;

/// Called with the level, who speaks ("region users", "redis") and one line. From any thread, at any
/// time, several at once; must not call back into cairn. What it throws is swallowed.
using LogSink = std::function<void(LogLevel, std::string_view who, std::string_view text)>;

/// "2026-11-23T20:51:51Z warning redis: ..." on standard error: the default.
void log_to_stderr(LogLevel level, std::string_view who, std::string_view text);

}  // namespace cairn
