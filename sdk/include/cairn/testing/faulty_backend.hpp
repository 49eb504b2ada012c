// A backend that fails when told to: what a layer or a program does when its store breaks.
//
//     MapBackend map;
//     FaultyBackend store(map);
//     store.fail(Errc::timeout);            // every call from here on
//     store.fail_after(3, Errc::timeout);   // the fourth call from here on, and those after it
//     store.recover();
//
// Threads: any method, any thread, any time. Lifetimes: the backend behind it outlives it.
#pragma once

#include <cairn/proxy_backend.hpp>

#include <atomic>
#include <limits>

namespace cairn::testing {

class FaultyBackend final : public ProxyBackend {
 public:
  static constexpr const char* text = "faulty: told to fail";

  explicit FaultyBackend(Backend& behind) noexcept : ProxyBackend(behind) {}

  void fail(Errc code) noexcept { fail_after(0, code); }
  void fail_after(std::int64_t calls, Errc code) noexcept {
    code_ = code;
    left_ = calls;
  }
  void recover() noexcept { left_ = forever; }

  OptionalEntry get(Key k, Call c) override { return check(), next().get(k, c); }
  void set(Key k, const Entry& e, const SetOptions& o, Call c) override {
    check(), next().set(k, e, o, c);
  }
  bool remove(Key k, Call c) override { return check(), next().remove(k, c); }
  void get_multi(Keys k, Results r, Call c) override { check(), next().get_multi(k, r, c); }
  void set_multi(Keys k, std::span<const Entry> e, const SetOptions& o, Statuses s,
                 Call c) override {
    check(), next().set_multi(k, e, o, s, c);
  }
  void remove_multi(Keys k, Statuses s, Call c) override { check(), next().remove_multi(k, s, c); }
  std::optional<Token> lock(Key k, Nanoseconds t, Call c) override {
    return check(), next().lock(k, t, c);
  }
  bool renew(Key k, Token t, Nanoseconds n, Call c) override {
    return check(), next().renew(k, t, n, c);
  }
  bool unlock(Key k, Token t, Call c) override { return check(), next().unlock(k, t, c); }
  bool await_unlock(Key k, Nanoseconds n, Call c) override {
    return check(), next().await_unlock(k, n, c);
  }
  Document stats(Call c) override { return check(), next().stats(c); }

 private:
  static constexpr std::int64_t forever = std::numeric_limits<std::int64_t>::max() / 2;

  void check() {
    if (left_.fetch_sub(1) <= 0) throw Error::from_layer(code_, text, 0);
  }

  std::atomic<std::int64_t> left_{forever};
  std::atomic<Errc> code_{Errc::unavailable};
};

}  // namespace cairn::testing
