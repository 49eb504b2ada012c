// redis: entries in Redis, shared by every process that reaches it, Python's dogpile.cache
// included.
//
// What is stored is the entry's bytes and nothing else; a stack that delivers documents or objects
// puts a codec above. Creation locks follow the protocol of dogpile.cache on the same server.
//
// Threads: any; callers' requests are sent together over a few connections. Errors: cairn::Error,
// with the server's address in the text: `unavailable` quickly while a server is left alone after a
// failure, `timeout` after the option of that name or the call's deadline, whichever is earlier.

#include "facts.hpp"
#include "locks.hpp"
#include "recent_keys.hpp"
#include "router.hpp"
#include "scan.hpp"
#include "settings.hpp"
#include "tls.hpp"

#include <cairn/extensions/facts.h>
#include <cairn/extensions/scan.h>
#include <cairn/plugin.hpp>

#include <algorithm>
#include <memory>
#include <vector>

namespace cairn::redis {

namespace {

// A batch travels in parts of at most so many commands and bytes, one after the other, so that
// other callers of the same connection have their turn in between.
constexpr std::size_t batch_commands = 1000;
constexpr std::size_t batch_bytes = 1 << 20;

// Of a reply that is not what the command asked for.
Errc code_of(const Reply& reply) noexcept {
  if (reply.is(Reply::Type::failure)) return reply.code;
  return reply.is(Reply::Type::error) ? code_of_error(reply.text()) : Errc::corrupt;
}

class Redis final : public Backend {
 public:
  static constexpr auto name = "redis";
  static constexpr auto help =
      "Redis: one server, Sentinel or Cluster, shared with other processes.";
  static constexpr auto accepts = Kinds::bytes;
  static constexpr const auto& options = option_list;

  static void check_options(const Options& options) {
    make_tls_context(read_settings(options).tls);  // reads its files
  }
  explicit Redis(const Context& context)
      : settings_(read_settings(context.options())), parts_(std::make_unique<Parts>(settings_)) {}

  OptionalEntry get(Key key, Call call) override;
  void set(Key key, const Entry& entry, const SetOptions& how, Call call) override;
  bool remove(Key key, Call call) override;
  void get_multi(Keys keys, Results results, Call call) override;
  void set_multi(Keys keys, std::span<const Entry> entries, const SetOptions& how,
                 Statuses statuses, Call call) override;
  void remove_multi(Keys keys, Statuses statuses, Call call) override;

  std::optional<Token> lock(Key key, Nanoseconds lease, Call call) override {
    auto token = parts_->locks.lock(key, lease, until(call));
    if (token) remember(key);
    return token;
  }
  bool renew(Key key, Token token, Nanoseconds lease, Call call) override {
    return parts_->locks.renew(key, token, lease, until(call));
  }
  bool unlock(Key key, Token token, Call call) override {
    return parts_->locks.unlock(key, token, until(call));
  }
  bool await_unlock(Key key, Nanoseconds wait, Call call) override {
    const bool free = parts_->locks.await_unlock(key, wait, call.deadline());
    if (free) remember(key);
    return free;
  }

  Document stats(Call call) override;
  const void* extension(const char* id) override {
    if (std::string_view(id) == CAIRN_SCAN_ID) return &scan_table;
    if (std::string_view(id) == CAIRN_FACTS_ID) return &facts_table;
    return nullptr;
  }
  void after_fork() override;

 private:
  // All that holds sockets, locks and randomness: a child after fork starts afresh.
  struct Parts {
    explicit Parts(const Settings& settings)
        : router(make_router(settings, counters, descriptors)),
          locks(*router, settings, counters) {}
    Counters counters;
    const std::shared_ptr<Descriptors> descriptors = std::make_shared<Descriptors>();
    std::unique_ptr<Router> router;
    Locks locks;
    // Whose value may be so new that replicas do not have it: their locks were taken or found free a
    // moment ago, and the look that follows must not miss what another process has just stored.
    RecentKeys recent;
  };

  Clock::time_point until(Call call) const {
    return std::min(call.deadline(), Clock::now() + settings_.timeout);
  }
  void remember(Key key) {
    if (settings_.read_from_replica) parts_->recent.add(key, Clock::now());
  }
  // Whether a replica will do.
  bool may_be_behind(Keys keys) const {
    if (!settings_.read_from_replica) return true;  // there are none
    const auto now = Clock::now();
    return std::none_of(keys.begin(), keys.end(),
                        [&](Key key) { return parts_->recent.has(key, now); });
  }
  void add_set(CommandBuffer& to, Key key, const Entry& entry, const SetOptions& how) const;
  template <class Add, class Answer>
  void run_batch(Keys keys, bool reads, Call call, Add add, Answer answer);
  void get_sharded(Keys keys, Results results, Call call);

  static cairn_status scan(void* self, cairn_call* call, std::uint64_t* cursor, std::size_t limit,
                           cairn_scan_visit visit, void* user) noexcept;
  static cairn_status facts(void* self, cairn_call* call, cairn_entry* out) noexcept;
  static constexpr cairn_scan scan_table{sizeof(cairn_scan), 0, &scan};
  static constexpr cairn_facts facts_table{sizeof(cairn_facts), 0, &facts};

  const Settings settings_;
  std::unique_ptr<Parts> parts_;
};

OptionalEntry Redis::get(Key key, Call call) {
  CommandBuffer command;
  command.add({"GET", key});
  const bool reads = may_be_behind({&key, 1});
  Reply reply = parts_->router->run({key, command.bytes(), reads}, until(call));
  if (reply.is_string()) return std::move(reply.bytes);
  if (!reply.is_nil()) unexpected(reply, "GET");
  return std::nullopt;
}

// The time to live is rounded down: an entry never outlives it.
void Redis::add_set(CommandBuffer& to, Key key, const Entry& entry, const SetOptions& how) const {
  if (!entry.is_bytes()) throw Error(Errc::rejected, "stores bytes only: put a codec above");
  if (entry.size() > largest_value) throw Error(Errc::rejected, "an entry of more than 512 MiB");
  const auto ttl = how.ttl.count() > 0 ? how.ttl : settings_.ttl;
  to.reserve(key.size() + entry.size() + 64);
  if (ttl.count() <= 0) {
    to.add({"SET", key, entry.bytes()});
    return;
  }
  const auto milliseconds = std::chrono::duration_cast<std::chrono::milliseconds>(ttl).count();
  to.add(
      {"SET", key, entry.bytes(), "PX", std::to_string(std::max<std::int64_t>(1, milliseconds))});
}

void Redis::set(Key key, const Entry& entry, const SetOptions& how, Call call) {
  CommandBuffer command;
  add_set(command, key, entry, how);
  const Reply reply = parts_->router->run({key, command.bytes()}, until(call));
  if (!reply.is(Reply::Type::status)) unexpected(reply, "SET");
}

bool Redis::remove(Key key, Call call) {
  CommandBuffer command;
  command.add({"DEL", key});
  const Reply reply = parts_->router->run({key, command.bytes()}, until(call));
  if (!reply.is(Reply::Type::integer)) unexpected(reply, "DEL");
  return reply.integer > 0;
}

// One command per key, `add`ed to the buffer and `answer`ed one by one.
template <class Add, class Answer>
void Redis::run_batch(Keys keys, bool reads, Call call, Add add, Answer answer) {
  std::vector<std::size_t> ends;
  std::vector<Command> commands;
  std::vector<Reply> replies;
  for (std::size_t begin = 0; begin < keys.size();) {
    CommandBuffer buffer;
    ends.clear();
    std::size_t i = begin;
    for (; i < keys.size() && ends.size() < batch_commands && buffer.size() < batch_bytes; ++i) {
      add(buffer, i);
      ends.push_back(buffer.size());
    }
    commands.clear();
    for (std::size_t n = 0, from = 0; n < ends.size(); from = ends[n++]) {
      commands.push_back({keys[begin + n], buffer.bytes().substr(from, ends[n] - from), reads});
    }
    replies.assign(commands.size(), Reply());
    parts_->router->run_all(commands, replies, until(call));
    // Nothing of a first part was done: say why, once, instead of a code for each.
    const auto failed = [](const Reply& reply) { return reply.is(Reply::Type::failure); };
    if (begin == 0 && std::all_of(replies.begin(), replies.end(), failed)) {
      throw_if_refused(replies.front());
    }
    for (std::size_t n = 0; n < replies.size(); ++n) answer(begin + n, std::move(replies[n]));
    begin = i;
  }
}

void Redis::get_multi(Keys keys, Results results, Call call) {
  if (parts_->router->is_sharded()) return get_sharded(keys, results, call);
  for (std::size_t begin = 0; begin < keys.size();) {
    std::size_t bytes = 0;
    std::size_t end = begin;
    for (; end < keys.size() && end - begin < batch_commands && bytes < batch_bytes; ++end) {
      bytes += keys[end].size() + 16;
    }
    const Keys part = keys.subspan(begin, end - begin);
    CommandBuffer command;
    command.reserve(bytes + 32);
    command.begin(part.size() + 1).word("MGET");
    for (const Key key : part) command.word(key);
    Reply reply =
        parts_->router->run({part.front(), command.bytes(), may_be_behind(part)}, until(call));
    const bool good = reply.is(Reply::Type::array) && reply.items.size() == part.size();
    if (!good && begin == 0) unexpected(reply, "MGET");
    for (std::size_t i = 0; i < part.size(); ++i) {
      if (!good) {
        results.fail(begin + i, code_of(reply));
      } else if (reply.items[i].is_string()) {
        results.hit(begin + i, std::move(reply.items[i].bytes));
      }
    }
    begin = end;
  }
}

// In a cluster nearly every key has a slot of its own, and MGET takes keys of one slot only.
void Redis::get_sharded(Keys keys, Results results, Call call) {
  run_batch(
      keys, may_be_behind(keys), call,
      [&](CommandBuffer& to, std::size_t i) {
        to.add({"GET", keys[i]});
      },
      [&](std::size_t i, Reply reply) {
        if (reply.is_string()) {
          results.hit(i, std::move(reply.bytes));
        } else if (!reply.is_nil()) {
          results.fail(i, code_of(reply));
        }
      });
}

void Redis::set_multi(Keys keys, std::span<const Entry> entries, const SetOptions& how,
                      Statuses statuses, Call call) {
  run_batch(
      keys, /*reads=*/false, call,
      [&](CommandBuffer& to, std::size_t i) { add_set(to, keys[i], entries[i], how); },
      [&](std::size_t i, const Reply& reply) {
        if (!reply.is(Reply::Type::status)) statuses.fail(i, code_of(reply));
      });
}

void Redis::remove_multi(Keys keys, Statuses statuses, Call call) {
  run_batch(
      keys, /*reads=*/false, call,
      [&](CommandBuffer& to, std::size_t i) {
        to.add({"DEL", keys[i]});
      },
      [&](std::size_t i, const Reply& reply) {
        if (!reply.is(Reply::Type::integer)) {
          statuses.fail(i, code_of(reply));
        } else if (reply.integer > 0) {
          statuses.done(i);
        }
      });
}

Document Redis::stats(Call) {
  const Counters& c = parts_->counters;
  const Router::Health health = parts_->router->health();
  const std::pair<const char*, std::uint64_t> values[] = {
      {"commands", c.commands.value()},
      {"writes", c.writes.value()},
      {"connects", c.connects.value()},
      {"connections_lost", c.connections_lost.value()},
      {"timeouts", c.timeouts.value()},
      {"retries", c.retries.value()},
      {"refused", c.refused.value()},
      {"error_replies", c.error_replies.value()},
      {"redirects", c.redirects.value()},
      {"topology_reads", c.topology_reads.value()},
      {"breaker_opened", health.breaker_opened},
      {"servers", health.servers},
      {"servers_left_alone", health.left_alone},
      {"locks_taken", c.locks_taken.value()},
      {"locks_busy", c.locks_busy.value()},
      {"locks_lost", c.locks_lost.value()},
      {"waits_notified", c.notified.value()},
  };
  return Document::build([&](Writer out) {
    auto map = out.map(std::size(values));
    for (const auto& [label, value] : values) map.key(label).unsigned_integer(value);
  });
}

cairn_status Redis::scan(void* self, cairn_call* call, std::uint64_t* cursor, std::size_t limit,
                         cairn_scan_visit visit, void* user) noexcept {
  return detail::guard(call, name, [&]() -> cairn_status {
    const auto& redis = *static_cast<const Redis*>(self);
    redis::scan(*redis.parts_->router, redis.settings_, *cursor, limit, Call(call).deadline(),
                [&](std::string_view key, const Entry& entry) {
                  visit(user, {key.data(), key.size()}, &entry.raw());
                });
    return CAIRN_OK;
  });
}

cairn_status Redis::facts(void* self, cairn_call* call, cairn_entry* out) noexcept {
  return detail::guard(call, name, [&]() -> cairn_status {
    const auto& redis = *static_cast<const Redis*>(self);
    const Document facts = facts_of(*redis.parts_->router, redis.parts_->locks, redis.settings_,
                                    redis.until(Call(call)));
    *out = Entry::of(facts).release();
    return CAIRN_OK;
  });
}

void Redis::after_fork() {
  // Threads of the parent may have held any lock at that moment, and are gone: what they guarded
  // cannot be used, nor destroyed. It is left behind, without its sockets.
  parts_->descriptors->close_inherited();
  static_cast<void>(parts_.release());
  parts_ = std::make_unique<Parts>(settings_);
}

}  // namespace
}  // namespace cairn::redis

CAIRN_PLUGIN("org.cairn.redis", "0.1.0", cairn::redis::Redis);
