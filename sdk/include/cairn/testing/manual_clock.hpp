// A clock that stands still until told otherwise, and the host services that carry it to a
// component: time passes in a test because the test says so, never because it slept.
//
//     ManualClock clock;
//     Mine mine(Context(Options(nullptr), clock.services("mine")));
//     clock.advance(std::chrono::hours(1));
//
// Threads: any method, any thread, any time. Lifetimes: outlives the components made with it.
#pragma once

#include <cairn/options.hpp>

#include <atomic>

namespace cairn::testing {

class ManualClock {
 public:
  explicit ManualClock(Time start = Time(std::chrono::seconds(1'700'000'000))) noexcept {
    host_.size = sizeof(cairn_host);
    host_.abi_major = CAIRN_ABI_MAJOR;
    host_.abi_minor = CAIRN_ABI_MINOR;
    host_.name = "test";
    host_.version = "0";
    host_.log_level = &silent_;
    host_.log = [](const cairn_host*, std::int32_t, const char*, cairn_bytes) noexcept {};
    host_.now_ns = [](const cairn_host* host) noexcept {
      return static_cast<const Host*>(host)->now.load();
    };
    host_.now = start.time_since_epoch().count();
  }
  ManualClock(const ManualClock&) = delete;
  ManualClock& operator=(const ManualClock&) = delete;

  Time now() const noexcept { return Time(std::chrono::nanoseconds(host_.now.load())); }
  void advance(std::chrono::nanoseconds time) noexcept { host_.now += time.count(); }

  /// For a component's Context.
  Services services(const char* component) const noexcept { return Services(&host_, component); }
  /// For a component's `create`.
  const cairn_host& host() const noexcept { return host_; }

 private:
  struct Host : cairn_host {
    std::atomic<std::int64_t> now{0};
  };
  static constexpr std::int32_t silent_ = CAIRN_LOG_ERROR + 1;
  Host host_{};
};

}  // namespace cairn::testing
