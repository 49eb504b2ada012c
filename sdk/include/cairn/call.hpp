// The context of one call: until when it may take, and where an error's text goes.
//
// A Call is a pointer, passed by value and passed on: `next().get(key, call)`. `Call()` has no
// deadline and drops the text.
#pragma once

#include <cairn/abi.h>

#include <algorithm>
#include <chrono>

namespace cairn {

class Call {
 public:
  using Clock = std::chrono::steady_clock;  // CLOCK_MONOTONIC, as the contract says

  Call() noexcept = default;
  explicit Call(cairn_call* raw) noexcept : raw_(raw) {}

  bool has_deadline() const noexcept { return raw_ != nullptr && raw_->deadline_ns != 0; }
  Clock::time_point deadline() const noexcept {
    return has_deadline() ? Clock::time_point(std::chrono::nanoseconds(raw_->deadline_ns))
                          : Clock::time_point::max();
  }
  /// What is left of `timeout` when the deadline is minded too; never negative.
  std::chrono::nanoseconds remaining(std::chrono::nanoseconds timeout) const {
    if (!has_deadline()) return timeout;
    const std::chrono::nanoseconds left = deadline() - Clock::now();
    return std::clamp(left, std::chrono::nanoseconds(0), timeout);
  }

  cairn_call* raw() const noexcept { return raw_; }

 private:
  cairn_call* raw_ = nullptr;
};

/// How to store: a time to live, or none to leave it to the store's own options.
struct SetOptions {
  std::chrono::nanoseconds ttl{0};  ///< never negative where a Backend is called
};

}  // namespace cairn
