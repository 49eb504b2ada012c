// What an operation throws: the code, and the text as the host would log it.
#pragma once

#include <cairn/call.hpp>
#include <cairn/error.hpp>

#include <optional>
#include <string>

struct Failure {
  std::optional<cairn::Errc> code;  // none: it did not fail
  std::string text;
};

/// Runs `operation(call)`, with `time` for it (0: no deadline).
template <class Operation>
Failure failure_of(Operation operation,
                   std::chrono::nanoseconds time = std::chrono::nanoseconds(0)) {
  cairn_call raw{};
  raw.size = sizeof raw;
  if (time.count() > 0) {
    raw.deadline_ns = (cairn::Call::Clock::now() + time).time_since_epoch().count();
  }
  try {
    operation(cairn::Call(&raw));
    return {};
  } catch (const cairn::Error& error) {
    return {error.code(), error.what()};
  }
}
