// The rules about creation locks.
#pragma once

#include <cairn/testing/trial.hpp>

namespace cairn::testing::rules {

constexpr std::chrono::seconds lease{30};

// The lock of `key`, taken; skips the rule if the layer has no locks.
inline Backend::Token take(Trial& t, Key key) {
  std::optional<Backend::Token> token;
  try {
    token = t.backend().lock(key, lease, t.call());
  } catch (const Error& error) {
    if (error.code() == Errc::unsupported) t.skip("it offers no locks");
    throw;
  }
  if (!token)
    throw Error(Errc::internal, "lock answers that somebody holds a key that nobody ever locked");
  t.expect(*token != 0, "lock hands out token 0, which means none");
  return *token;
}

inline void locks_exclude(Trial& t) {
  t.needs_memory();
  const std::string key = t.key("k"), other = t.key("other");
  const Backend::Token token = take(t, key);
  t.expect(!t.backend().lock(key, lease, t.call()), "lock gives the same lock away twice");
  const auto independent = t.backend().lock(other, lease, t.call());
  t.expect(independent.has_value(), "the lock of one key keeps out the lock of another");
  if (independent) t.backend().unlock(other, *independent, t.call());
  t.expect(!t.backend().get(key, t.call()), "taking a lock makes an entry appear under its key");
  t.expect(t.backend().unlock(key, token, t.call()),
           "unlock answers that the lock was lost, but it was held");
  t.expect(!t.backend().unlock(key, token, t.call()), "a lock can be given back twice");
  const auto again = t.backend().lock(key, lease, t.call());
  t.expect(again.has_value(), "a lock that was given back cannot be taken again");
  if (again) t.backend().unlock(key, *again, t.call());
}

inline void tokens_protect_locks(Trial& t) {
  t.needs_memory();
  const std::string key = t.key("k");
  const Backend::Token token = take(t, key);
  const Backend::Token wrong = token ^ 0x5555;
  t.expect(!t.backend().unlock(key, wrong, t.call()),
           "unlock answers OK to a token that it never handed out");
  t.expect(!t.backend().renew(key, wrong, lease, t.call()),
           "renew answers OK to a token that it never handed out");
  t.expect(!t.backend().lock(key, lease, t.call()),
           "unlock with another's token released the lock");
  t.expect(t.backend().renew(key, token, lease, t.call()),
           "renew answers that the lock was lost, but it was held");
  t.backend().unlock(key, token, t.call());
  t.expect(!t.backend().renew(key, token, lease, t.call()),
           "renew revives a lock that was given back");
}

inline void leases_end(Trial& t) {
  t.needs_memory();
  const std::string key = t.key("k");
  t.backend().unlock(key, take(t, key), t.call());
  const auto first = t.backend().lock(key, std::chrono::seconds(1), t.call());
  if (!first) return;
  std::optional<Backend::Token> second;
  t.passes_within(std::chrono::seconds(2), std::chrono::milliseconds(2500), [&] {
    second = t.backend().lock(key, lease, t.call());
    return second.has_value();
  });
  if (!t.expect(second.has_value(),
                "a lock with a lease of 1 s is still held after it: its holder may be dead"))
    return;
  t.expect(!t.backend().unlock(key, *first, t.call()),
           "a holder whose lease is over can release the lock of the next one");
  t.expect(!t.backend().lock(key, lease, t.call()),
           "the late unlock of the first holder freed the second's lock");
  t.backend().unlock(key, *second, t.call());
}

inline void leases_have_no_edges(Trial& t) {
  t.needs_memory();
  const std::string key = t.key("k");
  t.backend().unlock(key, take(t, key), t.call());
  constexpr auto longest = std::chrono::nanoseconds::max();
  const auto token = t.backend().lock(key, longest, t.call());
  if (!t.expect(token.has_value(), "lock refuses the longest lease (2^63 - 1 ns)")) return;
  const auto second = t.backend().lock(key, lease, t.call());
  t.expect(!second, "the longest lease (2^63 - 1 ns) ends at once: it overflows");
  if (second) {
    t.backend().unlock(key, *second, t.call());
    return;
  }
  const bool renewed = t.backend().renew(key, *token, longest, t.call());
  const auto third = t.backend().lock(key, lease, t.call());
  t.expect(renewed && !third, "renew for the longest lease (2^63 - 1 ns) loses the lock");
  t.backend().unlock(key, third.value_or(*token), t.call());
}

inline void waiting_ends(Trial& t) {
  t.needs_memory();
  const std::string key = t.key("k");
  const Backend::Token token = take(t, key);
  try {
    const auto begin = std::chrono::steady_clock::now();
    const bool is_free = t.backend().await_unlock(key, std::chrono::milliseconds(50), t.call());
    const auto took = std::chrono::steady_clock::now() - begin;
    t.expect(!is_free, "await_unlock answers that a lock is free while it is held");
    t.expect(took < std::chrono::seconds(2), "await_unlock waits much longer than it was told to");
    t.backend().unlock(key, token, t.call());
    t.expect(t.backend().await_unlock(key, std::chrono::milliseconds(50), t.call()),
             "await_unlock answers that a lock is held after it was given back");
  } catch (const Error& error) {
    t.backend().unlock(key, token, t.call());
    if (error.code() == Errc::unsupported) {
      t.violation("it offers lock but not await_unlock: answer at once if you cannot be told");
      return;
    }
    throw;
  }
}

inline void any_thread_may_unlock(Trial& t) {
  t.needs_memory();
  const std::string key = t.key("k");
  const Backend::Token token = take(t, key);
  bool unlocked = false;
  std::thread([&] {
    try {
      unlocked = t.backend().unlock(key, token, t.call());
    } catch (const std::exception& error) {
      t.violation(std::string("unlock on another thread fails with: ") + error.what());
    }
  }).join();
  t.expect(unlocked, "a lock cannot be given back by another thread than the one that took it");
}

}  // namespace cairn::testing::rules
