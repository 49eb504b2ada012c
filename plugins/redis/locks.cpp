#include "locks.hpp"

#include <cairn/error.hpp>

#include <algorithm>
#include <array>
#include <random>

namespace cairn::redis {

namespace {

constexpr std::size_t token_digits = 32;
constexpr std::size_t version_digit =
    12;                            // of a UUID; time-based ones, as redis-py makes, have a 1
constexpr char our_version = '8';  // RFC 9562: made up by the application

constexpr std::chrono::milliseconds longest_wait = std::chrono::hours(24);

// EVAL, not EVALSHA: one round trip whether or not the server knows the script, for 100 bytes more.
constexpr std::string_view renew_script =
    "if redis.call('get',KEYS[1])~=ARGV[1] then return 0 end "
    "if ARGV[2]=='0' then redis.call('persist',KEYS[1]) "
    "else redis.call('pexpire',KEYS[1],ARGV[2]) end return 1";
// A user who may not publish can still unlock: waiters then find out by looking.
constexpr std::string_view unlock_script =
    "if redis.call('get',KEYS[1])~=ARGV[1] then return 0 end "
    "redis.call('del',KEYS[1]) redis.pcall('publish',ARGV[2],'') return 1";

std::string hex(std::uint64_t number) {
  constexpr char digits[] = "0123456789abcdef";
  std::string text(16, '0');
  for (std::size_t i = 16; i-- > 0; number >>= 4) text[i] = digits[number & 15];
  return text;
}

std::uint64_t random_bits() {
  std::random_device device;
  return (std::uint64_t{device()} << 32) | device();
}

std::string new_instance() {
  std::string text = hex(random_bits());
  text[version_digit] = our_version;
  return text;
}

std::string milliseconds(std::chrono::nanoseconds time) {
  using std::chrono::milliseconds;
  return std::to_string(
      std::max<std::int64_t>(1, std::chrono::duration_cast<milliseconds>(time).count()));
}

}  // namespace

bool looks_like_a_lock(std::string_view value) noexcept {
  return value.size() == token_digits &&
         value.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

Locks::Locks(Router& router, const Settings& settings, Counters& counters)
    : router_(router),
      counters_(counters),
      prefix_(settings.lock_prefix),
      timeout_(settings.timeout),
      instance_(new_instance()),
      next_token_(random_bits() | 1),
      listener_(router) {}

std::string Locks::name_of(Key key) const {
  std::string name;
  name.reserve(prefix_.size() + key.size());
  return name.append(prefix_).append(key.view());
}

std::string Locks::value_of(Token token) const {
  return instance_ + hex(token);
}

std::optional<Locks::Token> Locks::lock(Key key, std::chrono::nanoseconds lease,
                                        Clock::time_point deadline) {
  listener_.tidy();
  const Token token = next_token_.fetch_add(2, std::memory_order_relaxed);  // odd: never 0
  const std::string name = name_of(key);
  if (not_locks_.has(name, Clock::now())) refuse(name);
  const std::string value = value_of(token);
  CommandBuffer set;
  if (lease.count() > 0) {
    set.add({"SET", name, value, "PX", milliseconds(lease), "NX"});
  } else {
    set.add({"SET", name, value, "NX"});
  }
  const Command take{name, set.bytes(), false, /*repeatable=*/false};
  Reply reply = router_.run(take, deadline);
  if (reply.is(Reply::Type::failure) && reply.code == Errc::unavailable) {
    // The connection broke, perhaps after the server had given us the lock: whose is it?
    CommandBuffer get;
    get.add({"GET", name});
    const Reply owner = router_.run({name, get.bytes()}, deadline);
    throw_if_refused(owner);
    if (owner.is_string() && owner.text() == value) {
      counters_.locks_taken.add();
      return token;
    }
    if (owner.is_nil()) reply = router_.run(take, deadline);
    if (owner.is_string()) reply = owner;
  }
  throw_if_refused(reply);
  if (!reply.is(Reply::Type::status)) {
    counters_.locks_busy.add();
    return std::nullopt;
  }
  counters_.locks_taken.add();
  return token;
}

bool Locks::run_script(std::string_view script, const std::string& name, Token token,
                       std::string_view argument, Clock::time_point deadline) {
  CommandBuffer eval;
  eval.add({"EVAL", script, "1", name, value_of(token), argument});
  // Not twice: the second time it would find the lock gone, and call it lost.
  const Reply reply = router_.run({name, eval.bytes(), false, /*repeatable=*/false}, deadline);
  if (!reply.is(Reply::Type::integer)) unexpected(reply, "EVAL");
  if (reply.integer == 0) counters_.locks_lost.add();
  return reply.integer != 0;
}

bool Locks::renew(Key key, Token token, std::chrono::nanoseconds lease,
                  Clock::time_point deadline) {
  return run_script(renew_script, name_of(key), token,
                    lease.count() > 0 ? milliseconds(lease) : "0", deadline);
}

bool Locks::unlock(Key key, Token token, Clock::time_point deadline) {
  listener_.tidy();
  const std::string name = name_of(key);
  return run_script(unlock_script, name, token, channel_of(name), deadline);
}

Locks::Seen Locks::look(const std::string& name, std::chrono::nanoseconds& lease_left,
                        Clock::time_point deadline) {
  CommandBuffer both;
  both.add({"GET", name});
  const std::size_t first = both.size();
  both.add({"PTTL", name});
  const std::array commands{Command{name, both.bytes().substr(0, first)},
                            Command{name, both.bytes().substr(first)}};
  std::array<Reply, 2> replies;
  router_.run_all(commands, replies, deadline);
  const Reply& owner = replies[0];
  const bool is_other_type =
      owner.is(Reply::Type::error) && code_of_error(owner.text()) == Errc::corrupt;
  if (is_other_type || (owner.is_string() && !looks_like_a_lock(owner.text()))) {
    not_locks_.add(name, Clock::now());
    refuse(name);
  }
  for (const Reply& reply : replies) throw_if_refused(reply);
  if (owner.is_nil()) return Seen::free;
  if (!owner.is_string()) unexpected(owner, "GET");
  // Negative: until it is unlocked.
  const std::int64_t left = replies[1].integer;
  const bool ends = left >= 0 && left < longest_wait.count();
  lease_left = ends ? std::chrono::milliseconds(left) : longest_wait;
  const std::string_view value = owner.text();
  return value[version_digit] == our_version ? Seen::told : Seen::silent;
}

void Locks::refuse(const std::string& name) {
  throw Error(Errc::rejected, "what lies under `" + name +
                                  "` is no lock: choose another `lock_prefix`, or keys that do not "
                                  "begin like it");
}

bool Locks::await_unlock(Key key, std::chrono::nanoseconds wait, Clock::time_point call_deadline) {
  const std::string name = name_of(key);
  const auto look_by = [&] { return std::min(call_deadline, Clock::now() + timeout_); };
  std::chrono::nanoseconds lease_left{};
  if (wait.count() <= 0) return look(name, lease_left, look_by()) == Seen::free;

  const auto wait_ends = std::min(
      call_deadline, Clock::now() + std::min<std::chrono::nanoseconds>(wait, longest_wait));
  Seen seen = Seen::silent;
  Clock::time_point lease_ends;
  const auto wait_until = [&]() -> std::optional<Clock::time_point> {
    seen = look(name, lease_left, look_by());
    if (seen != Seen::told) return std::nullopt;
    // A holder that dies tells nobody: its lease ends the wait.
    lease_ends = Clock::now() + lease_left + std::chrono::milliseconds(1);
    return std::min(wait_ends, lease_ends);
  };
  switch (listener_.wait(name, wait_ends, wait_until)) {
    case Listener::Heard::released: counters_.notified.add(); return true;
    case Listener::Heard::no_need: return seen == Seen::free;
    case Listener::Heard::failed: return look(name, lease_left, look_by()) == Seen::free;
    case Listener::Heard::nothing: break;
  }
  return Clock::now() >= lease_ends && look(name, lease_left, look_by()) == Seen::free;
}

Locks::Support Locks::try_out(Clock::time_point deadline) {
  Support support;
  const std::string key = "cairn:facts:" + instance_;
  try {
    const auto token = lock(Key(key), std::chrono::seconds(10), deadline);
    if (!token || !renew(Key(key), *token, std::chrono::seconds(10), deadline) ||
        !unlock(Key(key), *token, deadline)) {
      support.locks = "a lock that was just taken is gone";
    }
  } catch (const Error& error) {
    support.locks = error.what();
  }
  const std::string name = name_of(Key(key));
  CommandBuffer publish;
  publish.add({"PUBLISH", channel_of(name), ""});
  const Reply published = router_.run({name, publish.bytes()}, deadline);
  if (!published.is(Reply::Type::integer)) {
    support.news = published.text();
  } else if (listener_.wait(name, deadline, [] { return std::nullopt; }) ==
             Listener::Heard::failed) {
    support.news = "cannot subscribe to " + channel_of(name);
  }
  return support;
}

}  // namespace cairn::redis
