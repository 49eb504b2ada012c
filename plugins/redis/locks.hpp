// Creation locks, as Python's dogpile.cache and redis-py take them: the key is the lock prefix and
// the key, the value a token of the acquisition, set only if absent, with a time to live; release
// and renewal compare the token on the server. Each side excludes the other.
//
// Our tokens look like theirs (32 hexadecimal digits) but say 8 where a time-based UUID says 1. So
// a waiter can tell whether the holder will publish its release, as we do, or must be polled.
//
// Threads: any. Errors: cairn::Error.
#pragma once

#include "counters.hpp"
#include "listener.hpp"
#include "recent_keys.hpp"
#include "router.hpp"

#include <cairn/backend.hpp>

#include <atomic>
#include <optional>
#include <string>

namespace cairn::redis {

/// Whether a value under a lock's name is a lock, ours or that of Python's client.
bool looks_like_a_lock(std::string_view value) noexcept;

class Locks {
 public:
  using Token = std::uint64_t;

  Locks(Router& router, const Settings& settings, Counters& counters);

  /// Tries once. `lease` 0: until unlocked. Errors: also Error(rejected) if await_unlock() saw a moment ago
  /// that something else lies under the lock's name, which nobody will unlock.
  std::optional<Token> lock(Key key, std::chrono::nanoseconds lease, Clock::time_point deadline);
  bool renew(Key key, Token token, std::chrono::nanoseconds lease, Clock::time_point deadline);
  bool unlock(Key key, Token token, Clock::time_point deadline);
  /// True: it seems to be free. Waits up to `wait` if the holder will tell; `call_deadline` bounds
  /// it.
  bool await_unlock(Key key, std::chrono::nanoseconds wait, Clock::time_point call_deadline);
  /// Whether locks work here, and whether waiters are told of their release; if not, why.
  struct Support {
    std::string locks;  // empty: they do
    std::string news;
  };
  /// Takes a lock that nobody else wants, and releases it.
  Support try_out(Clock::time_point deadline);

 private:
  std::string name_of(Key key) const;
  std::string value_of(Token token) const;
  bool run_script(std::string_view script, const std::string& name, Token token,
                  std::string_view argument, Clock::time_point deadline);
  /// What a look at the lock says.
  enum class Seen { free, told, silent };  // told: the holder publishes its release
  [[noreturn]] static void refuse(const std::string& name);
  Seen look(const std::string& name, std::chrono::nanoseconds& lease_left,
            Clock::time_point deadline);

  Router& router_;
  Counters& counters_;
  const std::string prefix_;
  const std::chrono::nanoseconds timeout_;
  const std::string instance_;  // the first half of every token's text
  std::atomic<Token> next_token_;
  RecentKeys not_locks_;  // names under which something else lies
  Listener listener_;
};

}  // namespace cairn::redis
