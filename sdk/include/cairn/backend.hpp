// A Backend keeps entries by key, for a while.
//
// Stores (memory, redis) implement it directly. Layers that stand in front of another one derive from
// ProxyBackend instead. A stack of layers is again a Backend, so a caller need not know how deep it is.
//
//     class Map final : public cairn::Backend {
//      public:
//       OptionalEntry get(Key key, Call) override;
//       void set(Key key, const Entry& entry, const SetOptions&, Call) override;
//       bool remove(Key key, Call) override;
//     };
//
// Outcomes: a miss is nullopt or false, an answer like any other. "We could not find out" is an
// Error, thrown. Nothing else needs to be caught: whatever an operation throws reaches the host as an
// error of this layer, and never the program.
// Threads: any method, any thread, any time; declare `static constexpr auto threads = Threads::serial;` to be
// called by one thread at a time instead.
// Lifetimes: keys and entries passed in are borrowed until the call returns. To keep an entry, keep
// `entry.to_owned()`. Entries that you return may outlive you.
#pragma once

#include <cairn/call.hpp>
#include <cairn/entry.hpp>
#include <cairn/error.hpp>
#include <cairn/key.hpp>
#include <cairn/optional_entry.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>

namespace cairn {

/// The answers to set_multi and remove_multi, one per key. Unless you say otherwise, every set is
/// done and every remove found nothing.
class Statuses {
 public:
  Statuses(cairn_status* statuses, std::size_t size) noexcept : statuses_(statuses), size_(size) {}

  std::size_t size() const noexcept { return size_; }
  void done(std::size_t i) noexcept { statuses_[i] = CAIRN_OK; }
  void miss(std::size_t i) noexcept { statuses_[i] = CAIRN_MISS; }
  void fail(std::size_t i, Errc code) noexcept { statuses_[i] = static_cast<cairn_status>(code); }
  cairn_status operator[](std::size_t i) const noexcept { return statuses_[i]; }
  cairn_status* raw() const noexcept { return statuses_; }

 private:
  cairn_status* statuses_;
  std::size_t size_;
};

/// The answers to get_multi, one per key: all misses unless you say otherwise.
class Results {
 public:
  Results(Entry* entries, cairn_status* statuses, std::size_t size) noexcept
      : entries_(entries), statuses_(statuses), size_(size) {}

  std::size_t size() const noexcept { return size_; }
  void hit(std::size_t i, Entry entry) noexcept {
    entries_[i] = std::move(entry);
    statuses_[i] = CAIRN_OK;
  }
  void miss(std::size_t i) noexcept {
    entries_[i] = Entry();
    statuses_[i] = CAIRN_MISS;
  }
  void fail(std::size_t i, Errc code) noexcept {
    entries_[i] = Entry();
    statuses_[i] = static_cast<cairn_status>(code);
  }
  bool is_hit(std::size_t i) const noexcept { return statuses_[i] == CAIRN_OK; }
  Entry& entry(std::size_t i) const noexcept { return entries_[i]; }
  cairn_status operator[](std::size_t i) const noexcept { return statuses_[i]; }
  Entry* entries() const noexcept { return entries_; }
  cairn_status* raw() const noexcept { return statuses_; }

 private:
  Entry* entries_;
  cairn_status* statuses_;
  std::size_t size_;
};

class Backend {
 public:
  using Nanoseconds = std::chrono::nanoseconds;
  using Token = std::uint64_t;

  Backend() = default;
  Backend(const Backend&) = delete;
  Backend& operator=(const Backend&) = delete;
  virtual ~Backend() = default;

  /// The entry under `key`, or nullopt if there is none or its time to live is over.
  virtual OptionalEntry get(Key key, Call call) = 0;

  /// Stores `entry` under `key`, replacing what was there. Being a cache, it may forget the entry
  /// early, but it never returns it later than `options.ttl` from now.
  virtual void set(Key key, const Entry& entry, const SetOptions& options, Call call) = 0;

  /// Forgets `key`. False: there was nothing to forget.
  virtual bool remove(Key key, Call call) = 0;

  // Batches: the same for many keys in one go, answered one by one; keys may repeat. The defaults
  // call the single operation for each. Throwing fails the whole batch, results.fail() one key.

  virtual void get_multi(Keys keys, Results results, Call call);
  virtual void set_multi(Keys keys, std::span<const Entry> entries, const SetOptions& options,
                         Statuses statuses, Call call);
  virtual void remove_multi(Keys keys, Statuses statuses, Call call);

  // Creation locks, for stores that several processes share. The defaults refuse: unsupported.

  /// Tries once to take the lock of `key` for `lease` (0: until unlocked). The token of this
  /// acquisition, never 0; or nullopt if somebody holds it. Never waits.
  virtual std::optional<Token> lock(Key key, Nanoseconds lease, Call call);
  /// Holds it for `lease` from now. False: it was lost.
  virtual bool renew(Key key, Token token, Nanoseconds lease, Call call);
  /// Gives it back, from any thread. False: it was no longer ours, and was left alone.
  virtual bool unlock(Key key, Token token, Call call);
  /// Waits up to `wait` for the lock to be free; true if it seems to be. A store that cannot be
  /// told answers at once.
  virtual bool await_unlock(Key key, Nanoseconds wait, Call call);

  /// Counters and gauges of this layer alone: a map.
  virtual Document stats(Call call);
  /// The table of functions that `id` names, living as long as this; null: no such thing.
  virtual const void* extension(const char* id);
  /// In the child after a fork, alone: forget the parent's locks and sockets. A store that does not
  /// override it answers only misses there.
  virtual void after_fork();

 protected:
  [[noreturn, gnu::cold]] static void refuse(const char* operation) {
    throw Error(Errc::unsupported, std::string(operation) + " is not offered");
  }
};

// ---- defaults ----

inline void Backend::get_multi(Keys keys, Results results, Call call) {
  for (std::size_t i = 0; i < keys.size(); ++i) {
    try {
      if (auto found = get(keys[i], call)) results.hit(i, std::move(*found));
    } catch (const Error& error) {
      results.fail(i, error.code());
    }
  }
}

inline void Backend::set_multi(Keys keys, std::span<const Entry> entries, const SetOptions& options,
                               Statuses statuses, Call call) {
  for (std::size_t i = 0; i < keys.size(); ++i) {
    try {
      set(keys[i], entries[i], options, call);
    } catch (const Error& error) {
      statuses.fail(i, error.code());
    }
  }
}

inline void Backend::remove_multi(Keys keys, Statuses statuses, Call call) {
  for (std::size_t i = 0; i < keys.size(); ++i) {
    try {
      if (remove(keys[i], call)) statuses.done(i);
    } catch (const Error& error) {
      statuses.fail(i, error.code());
    }
  }
}

inline std::optional<Backend::Token> Backend::lock(Key, Nanoseconds, Call) {
  refuse("lock");
}
inline bool Backend::renew(Key, Token, Nanoseconds, Call) {
  refuse("renew");
}
inline bool Backend::unlock(Key, Token, Call) {
  refuse("unlock");
}
inline bool Backend::await_unlock(Key, Nanoseconds, Call) {
  refuse("await_unlock");
}
inline Document Backend::stats(Call) {
  refuse("stats");
}
inline const void* Backend::extension(const char*) {
  return nullptr;
}
inline void Backend::after_fork() {}

}  // namespace cairn
