// A backend that takes its time, for real: whether a layer minds its deadline, and what waits on
// what.
//
// It minds deadlines itself: a call whose deadline comes first ends then, with Error(timeout).
// Threads: any method, any thread, any time. Lifetimes: the backend behind it outlives it.
#pragma once

#include <cairn/proxy_backend.hpp>

#include <atomic>
#include <thread>

namespace cairn::testing {

class SlowBackend final : public ProxyBackend {
 public:
  SlowBackend(Backend& behind, std::chrono::nanoseconds delay) noexcept
      : ProxyBackend(behind), delay_(delay.count()) {}

  void set_delay(std::chrono::nanoseconds delay) noexcept { delay_ = delay.count(); }

  OptionalEntry get(Key k, Call c) override { return wait(c), next().get(k, c); }
  void set(Key k, const Entry& e, const SetOptions& o, Call c) override {
    wait(c), next().set(k, e, o, c);
  }
  bool remove(Key k, Call c) override { return wait(c), next().remove(k, c); }
  void get_multi(Keys k, Results r, Call c) override { wait(c), next().get_multi(k, r, c); }
  void set_multi(Keys k, std::span<const Entry> e, const SetOptions& o, Statuses s,
                 Call c) override {
    wait(c), next().set_multi(k, e, o, s, c);
  }
  void remove_multi(Keys k, Statuses s, Call c) override { wait(c), next().remove_multi(k, s, c); }
  std::optional<Token> lock(Key k, Nanoseconds t, Call c) override {
    return wait(c), next().lock(k, t, c);
  }
  bool renew(Key k, Token t, Nanoseconds n, Call c) override {
    return wait(c), next().renew(k, t, n, c);
  }
  bool unlock(Key k, Token t, Call c) override { return wait(c), next().unlock(k, t, c); }
  bool await_unlock(Key k, Nanoseconds n, Call c) override {
    return wait(c), next().await_unlock(k, n, c);
  }
  Document stats(Call c) override { return wait(c), next().stats(c); }

 private:
  void wait(Call call) const {
    const std::chrono::nanoseconds delay(delay_.load());
    const std::chrono::nanoseconds allowed = call.remaining(delay);
    std::this_thread::sleep_for(allowed);
    if (allowed < delay) throw Error(Errc::timeout, "slow: the deadline passed");
  }

  std::atomic<std::int64_t> delay_;
};

}  // namespace cairn::testing
