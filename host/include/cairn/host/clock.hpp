// Where a host takes the time from: the system, or whatever a test says it is.
#pragma once

#include <cairn/entry.hpp>

#include <atomic>
#include <chrono>

namespace cairn {

/// Unix time. Threads: any method, any thread, any time.
class Clock {
 public:
  Clock() = default;
  Clock(const Clock&) = delete;
  Clock& operator=(const Clock&) = delete;
  virtual ~Clock() = default;

  /// Exact: when a value was made, when a region was invalidated.
  virtual Time now() const = 0;
  /// At most a few milliseconds behind now(), and cheap: asked on every hit.
  virtual Time coarse_now() const { return now(); }
};

/// The system's clock.
class SystemClock final : public Clock {
 public:
  Time now() const override;
  Time coarse_now() const override;
};

/// Stands still until told otherwise: for tests.
class ManualClock final : public Clock {
 public:
  explicit ManualClock(Time start = Time(std::chrono::seconds(1'700'000'000))) noexcept
      : now_(start.time_since_epoch().count()) {}

  Time now() const override { return Time(std::chrono::nanoseconds(now_.load())); }
  void advance(std::chrono::nanoseconds time) noexcept { now_ += time.count(); }
  void set(Time time) noexcept { now_ = time.time_since_epoch().count(); }

 private:
  std::atomic<std::int64_t> now_;
};

}  // namespace cairn
