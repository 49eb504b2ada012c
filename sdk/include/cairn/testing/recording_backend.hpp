// A backend that writes down what reaches it: what a proxy really asks of the layer below.
//
//     MapBackend map;
//     RecordingBackend below(map);
//     MyProxy proxy(below);
//     proxy.get("k", Call());
//     below.calls().at(0);  // {"get", {"k"}, ...}
//
// Threads: any method, any thread, any time. Lifetimes: the backend behind it outlives it.
#pragma once

#include <cairn/proxy_backend.hpp>

#include <mutex>
#include <string>
#include <vector>

namespace cairn::testing {

struct RecordedCall {
  std::string operation;
  std::vector<std::string> keys;
  std::vector<Entry> entries;  ///< what was set, owned
  std::chrono::nanoseconds ttl{0};
  std::int64_t deadline_ns = 0;
};

class RecordingBackend final : public ProxyBackend {
 public:
  explicit RecordingBackend(Backend& behind) noexcept : ProxyBackend(behind) {}

  std::vector<RecordedCall> calls() const {
    const std::lock_guard guard(mutex_);
    return calls_;
  }
  void clear() {
    std::vector<RecordedCall> cleared;  // released after the guard
    const std::lock_guard guard(mutex_);
    calls_.swap(cleared);
  }

  OptionalEntry get(Key k, Call c) override { return note("get", {&k, 1}, c), next().get(k, c); }
  void set(Key k, const Entry& e, const SetOptions& o, Call c) override {
    note("set", {&k, 1}, c, {&e, 1}, o);
    next().set(k, e, o, c);
  }
  bool remove(Key k, Call c) override { return note("remove", {&k, 1}, c), next().remove(k, c); }
  void get_multi(Keys k, Results r, Call c) override {
    note("get_multi", k, c), next().get_multi(k, r, c);
  }
  void set_multi(Keys k, std::span<const Entry> e, const SetOptions& o, Statuses s,
                 Call c) override {
    note("set_multi", k, c, e, o);
    next().set_multi(k, e, o, s, c);
  }
  void remove_multi(Keys k, Statuses s, Call c) override {
    note("remove_multi", k, c), next().remove_multi(k, s, c);
  }
  std::optional<Token> lock(Key k, Nanoseconds t, Call c) override {
    return note("lock", {&k, 1}, c), next().lock(k, t, c);
  }
  bool renew(Key k, Token t, Nanoseconds n, Call c) override {
    return note("renew", {&k, 1}, c), next().renew(k, t, n, c);
  }
  bool unlock(Key k, Token t, Call c) override {
    return note("unlock", {&k, 1}, c), next().unlock(k, t, c);
  }
  bool await_unlock(Key k, Nanoseconds n, Call c) override {
    return note("await_unlock", {&k, 1}, c), next().await_unlock(k, n, c);
  }
  Document stats(Call c) override { return note("stats", {}, c), next().stats(c); }

 private:
  void note(const char* operation, Keys keys, Call call, std::span<const Entry> entries = {},
            const SetOptions& options = {}) {
    RecordedCall recorded{operation, {}, {}, options.ttl, 0};
    for (const Key key : keys) recorded.keys.emplace_back(key.view());
    for (const Entry& entry : entries) recorded.entries.push_back(entry.to_owned());
    if (call.has_deadline()) recorded.deadline_ns = call.raw()->deadline_ns;
    const std::lock_guard guard(mutex_);
    calls_.push_back(std::move(recorded));
  }

  mutable std::mutex mutex_;
  std::vector<RecordedCall> calls_;
};

}  // namespace cairn::testing
