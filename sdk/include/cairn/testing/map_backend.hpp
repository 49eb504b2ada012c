// The plainest backend that keeps every word of the contract: a map behind a mutex, with times to
// live and locks. What the other doubles stand in front of, and what a new backend can be compared
// with.
//
// Threads: any method, any thread, any time. Time comes from a ManualClock if one is given.
#pragma once

#include <cairn/backend.hpp>
#include <cairn/testing/manual_clock.hpp>

#include <map>
#include <mutex>
#include <string>

namespace cairn::testing {

class MapBackend : public Backend {
 public:
  /// `clock` outlives this; null: the system's.
  explicit MapBackend(const ManualClock* clock = nullptr) noexcept : clock_(clock) {}

  OptionalEntry get(Key key, Call) override {
    const std::lock_guard guard(mutex_);
    const auto it = items_.find(std::string(key.view()));
    if (it == items_.end() || it->second.ends <= now()) return std::nullopt;
    return it->second.entry;
  }
  void set(Key key, const Entry& entry, const SetOptions& options, Call) override {
    Item item{entry.to_owned(), ends_in(options.ttl)};
    const std::lock_guard guard(mutex_);
    std::swap(items_[std::string(key.view())], item);  // the old entry dies after the guard
  }
  bool remove(Key key, Call) override {
    decltype(items_)::node_type removed;  // likewise
    const std::lock_guard guard(mutex_);
    removed = items_.extract(std::string(key.view()));
    return !removed.empty() && removed.mapped().ends > now();
  }

  std::optional<Token> lock(Key key, Nanoseconds lease, Call) override {
    const std::lock_guard guard(mutex_);
    Lock& lock = locks_[std::string(key.view())];
    if (lock.token != 0 && lock.ends > now()) return std::nullopt;
    lock = {++last_token_, ends_in(lease)};
    return lock.token;
  }
  bool renew(Key key, Token token, Nanoseconds lease, Call) override {
    const std::lock_guard guard(mutex_);
    const auto it = held(key, token);
    if (it == locks_.end()) return false;
    it->second.ends = ends_in(lease);
    return true;
  }
  bool unlock(Key key, Token token, Call) override {
    const std::lock_guard guard(mutex_);
    const auto it = held(key, token);
    if (it == locks_.end()) return false;
    locks_.erase(it);
    return true;
  }
  bool await_unlock(Key key, Nanoseconds, Call) override {
    const std::lock_guard guard(mutex_);
    const auto it = locks_.find(std::string(key.view()));
    return it == locks_.end() || it->second.ends <= now();
  }

  Document stats(Call) override {
    const std::lock_guard guard(mutex_);
    return Document::build(
        [&](Writer out) { out.map(1).key("items").unsigned_integer(items_.size()); });
  }

  /// What is kept under `key`, whatever its time to live; for looking behind a proxy.
  OptionalEntry peek(Key key) const {
    const std::lock_guard guard(mutex_);
    const auto it = items_.find(std::string(key.view()));
    return it == items_.end() ? std::nullopt : std::optional(it->second.entry);
  }

 private:
  struct Item {
    Entry entry;
    Time ends;
  };
  struct Lock {
    Token token = 0;
    Time ends;
  };

  Time now() const noexcept {
    return clock_ != nullptr
               ? clock_->now()
               : std::chrono::time_point_cast<Nanoseconds>(std::chrono::system_clock::now());
  }
  Time ends_in(Nanoseconds time) const noexcept {
    const Time from = now();
    return time.count() == 0 || time > Time::max() - from ? Time::max() : from + time;
  }
  std::map<std::string, Lock>::iterator held(Key key, Token token) {
    const auto it = locks_.find(std::string(key.view()));
    return it != locks_.end() && it->second.token == token && it->second.ends > now()
               ? it
               : locks_.end();
  }

  const ManualClock* const clock_;
  mutable std::mutex mutex_;
  std::map<std::string, Item> items_;
  std::map<std::string, Lock> locks_;
  Token last_token_ = 0;
};

}  // namespace cairn::testing
