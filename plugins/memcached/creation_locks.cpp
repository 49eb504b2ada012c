#include "creation_locks.hpp"

#include <unistd.h>

#include <algorithm>
#include <random>
#include <thread>

namespace cairn::memcached {
namespace {

// A token as it stands in the item.
class TokenText {
 public:
  explicit TokenText(Backend::Token token) noexcept {
    for (std::size_t i = 0; i < sizeof text_; ++i) {
      text_[i] = "0123456789abcdef"[(token >> (60 - 4 * i)) & 15];
    }
  }
  std::string_view view() const noexcept { return {text_, sizeof text_}; }

 private:
  char text_[16];
};

// Of this process and moment, and never twice in it.
Backend::Token new_token() {
  static const std::uint64_t seed =
      std::uint64_t{std::random_device()()} << 32 | std::random_device()();
  static std::atomic<std::uint64_t> next{0};
  std::uint64_t token =
      (seed ^ static_cast<std::uint64_t>(getpid())) + ++next * 0x9e3779b97f4a7c15u;
  token = (token ^ (token >> 30)) * 0xbf58476d1ce4e5b9u;
  token = (token ^ (token >> 27)) * 0x94d049bb133111ebu;
  token ^= token >> 31;
  return token != 0 ? token : 1;
}

}  // namespace

std::optional<CreationLocks::Token> CreationLocks::lock(Key key, Nanoseconds lease, Call call) {
  const std::string item_name = cluster_.name_of(key).lock();
  const Token token = new_token();
  memcached_return_t code = MEMCACHED_FAILURE;
  cluster_.counting([&] {
    Exchange exchange(cluster_.server_of(item_name), cluster_.deadline(call));
    // Not sent again when the connection is lost: the first may have taken the lock.
    code = exchange->add(item_name, TokenText(token).view(), lease_to_exptime(lease),
                         cluster_.settings().flags);
    exchange.end(code);
  });
  if (code != MEMCACHED_SUCCESS && code != MEMCACHED_STORED) return std::nullopt;
  return token;
}

bool CreationLocks::renew(Key key, Token token, Nanoseconds lease, Call call) {
  return replace(key, token, lease_to_exptime(lease), call);
}

bool CreationLocks::unlock(Key key, Token token, Call call) {
  return replace(key, token, exptime_in_the_past, call);
}

bool CreationLocks::await_unlock(Key key, Nanoseconds wait, Call call) {
  constexpr Nanoseconds shortest = std::chrono::microseconds(500);
  constexpr Nanoseconds longest = std::chrono::milliseconds(4);
  constexpr Nanoseconds longest_wait = std::chrono::hours(24 * 365);  // the clock holds no more
  const std::string item_name = cluster_.name_of(key).lock();
  const auto begin = Clock::now();
  const auto end = begin + std::min(wait, longest_wait);
  for (auto now = begin; now < call.deadline(); now = Clock::now()) {
    if (!is_held(item_name, call)) return true;
    now = Clock::now();
    if (now >= end) return false;
    const auto nap = std::clamp<Nanoseconds>((now - begin) / 8, shortest, longest);
    std::this_thread::sleep_for(std::min<Nanoseconds>(nap, std::min(end, call.deadline()) - now));
  }
  return false;
}

bool CreationLocks::is_held(std::string_view item_name, Call call) {
  bool held = false;
  cluster_.exchange(item_name, call, [&](Connection& connection) {
    held = false;
    return connection.get(item_name, [&](const Connection::Item&) { held = true; });
  });
  return held;
}

bool CreationLocks::replace(Key key, Token token, std::time_t exptime, Call call) {
  const std::string item_name = cluster_.name_of(key).lock();
  const TokenText text(token);
  bool replaced = false;
  cluster_.exchange(item_name, call, [&](Connection& connection) {
    memcached_return_t code = MEMCACHED_FAILURE;
    const auto held = connection.get_with_cas(item_name, code);
    if (!held || held->value != text.view()) return code;
    code = connection.replace(item_name, text.view(), exptime, held->flags, held->cas);
    replaced = code == MEMCACHED_SUCCESS || code == MEMCACHED_STORED;
    return code;
  });
  return replaced;
}

}  // namespace cairn::memcached
