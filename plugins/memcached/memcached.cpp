// memcached: entries in one or several memcached servers, shared with programs in other languages.
//
// Names, flags, distribution and creation locks are those of dogpile.cache's Python clients. See
// docs/reference/plugins/memcached.md.

#include "batch.hpp"
#include "cluster.hpp"
#include "creation_locks.hpp"
#include "settings.hpp"

#include <cairn/extensions/facts.h>
#include <cairn/plugin.hpp>

#include <array>
#include <optional>
#include <utility>
#include <vector>

namespace {

using namespace cairn;
namespace mc = cairn::memcached;
using mc::Connection;
using mc::WireKey;

class Memcached final : public Backend {
 public:
  static constexpr auto name = "memcached";
  static constexpr auto help = "Keeps entries in memcached servers.";
  static constexpr auto accepts = Kinds::bytes;
  static constexpr std::array options{
      Option("servers", "list:text")
          .required()
          .help("\"host:port\" or \"unix:/path\", each with \" weight=3\" behind it if wanted."),
      Option("compatible_with", "enum:none|pylibmc|python-memcached|pymemcache|bmemcached")
          .defaults_to("none")
          .help("The Python client that shares the servers: sets distribution, hash and flags."),
      Option("protocol", "enum:ascii|binary")
          .defaults_to("ascii")
          .help("What is spoken with the servers."),
      Option("distribution", "enum:auto|ketama|modula")
          .defaults_to("auto")
          .help("How keys are distributed; auto: ketama, or as compatible_with says."),
      Option("hash",
             "enum:auto|one_at_a_time|md5|crc|fnv1_64|fnv1a_64|fnv1_32|fnv1a_32|jenkins|murmur")
          .defaults_to("auto")
          .help("The hash of keys; auto: as the distribution does."),
      Option("ttl", "duration")
          .defaults_to("0")
          .help("How long an entry is kept unless the caller says; 0: until there is no room."),
      Option("timeout", "duration")
          .defaults_to("500ms")
          .range("1ms", nullptr)
          .help("How long to wait for an answer."),
      Option("connect_timeout", "duration")
          .defaults_to("200ms")
          .range("1ms", nullptr)
          .help("How long to wait for a connection."),
      Option("max_value", "size")
          .defaults_to("1MiB")
          .range("1KiB", "1GiB")
          .help("The largest value; not above the servers' own limit (-I)."),
      Option("mangle", "enum:auto|error")
          .defaults_to("auto")
          .help("What to do with keys that memcached does not take: hash them, or refuse them."),
      Option("max_connections", "int")
          .defaults_to("16")
          .range("1", "1024")
          .help("Connections to each server, at most."),
      Option("dead_after", "int")
          .defaults_to("3")
          .range("1", "1000")
          .help("Failures in a row after which a server is given up."),
      Option("retry_after", "duration")
          .defaults_to("1s")
          .range("1ms", nullptr)
          .help("When a server that was given up is tried again; doubles up to 30s."),
      Option("failover", "enum:none|rehash")
          .defaults_to("none")
          .help("What becomes of the keys of a server that was given up: misses, or other servers "
                "have them."),
      Option("username", "text").help("For SASL; needs the binary protocol."),
      Option("password", "text").secret().help("For SASL."),
  };

  static void check_options(const Options& options) {
    mc::Placement(mc::Settings::from(options));  // whether libmemcached has what they ask for
  }
  explicit Memcached(const Context& context)
      : settings_(mc::Settings::from(context.options())),
        cluster_(settings_, context.services()),
        locks_(cluster_) {}

  OptionalEntry get(Key key, Call call) override {
    const WireKey wire = cluster_.name_of(key);
    const std::string_view item_name = wire.view();
    OptionalEntry found;
    std::optional<Error> unreadable;  // thrown once the connection has been given back
    cluster_.exchange(item_name, call, [&](Connection& connection) {
      return connection.get(item_name, [&](const Connection::Item& item) {
        try {
          found = mc::to_entry(item.value, item.flags, settings_.largest_inflated());
        } catch (const Error& error) {
          unreadable = error;
        }
      });
    });
    if (unreadable) cluster_.counting([&] { throw Error(*unreadable); });
    (found ? counters().hits : counters().misses).add(1);
    return found;
  }

  void set(Key key, const Entry& entry, const SetOptions& how, Call call) override {
    check_size(entry);
    const WireKey wire = cluster_.name_of(key);
    const std::time_t exptime = exptime_of(how);
    cluster_.exchange(wire.view(), call, [&](Connection& connection) {
      return connection.set(wire.view(), entry.bytes(), exptime, settings_.flags);
    });
    counters().sets.add(1);
  }

  bool remove(Key key, Call call) override {
    const WireKey wire = cluster_.name_of(key);
    const memcached_return_t code = cluster_.exchange(
        wire.view(), call, [&](Connection& connection) { return connection.remove(wire.view()); });
    counters().removes.add(1);
    return code != MEMCACHED_NOTFOUND;
  }

  void get_multi(Keys keys, Results results, Call call) override {
    mc::Batch(cluster_, keys, call).get(results);
    std::uint64_t hits = 0;
    for (std::size_t i = 0; i < keys.size(); ++i) hits += results.is_hit(i);
    counters().hits.add(hits);
    counters().misses.add(keys.size() - hits);
  }

  void set_multi(Keys keys, std::span<const Entry> entries, const SetOptions& how,
                 Statuses statuses, Call call) override {
    mc::Batch(cluster_, keys, call).set(entries, exptime_of(how), statuses);
    counters().sets.add(keys.size());
  }

  void remove_multi(Keys keys, Statuses statuses, Call call) override {
    mc::Batch(cluster_, keys, call).remove(statuses);
    counters().removes.add(keys.size());
  }

  std::optional<Token> lock(Key key, Nanoseconds lease, Call call) override {
    return locks_.lock(key, lease, call);
  }
  bool renew(Key key, Token token, Nanoseconds lease, Call call) override {
    return locks_.renew(key, token, lease, call);
  }
  bool unlock(Key key, Token token, Call call) override { return locks_.unlock(key, token, call); }
  bool await_unlock(Key key, Nanoseconds wait, Call call) override {
    return locks_.await_unlock(key, wait, call);
  }

  Document stats(Call) override {
    std::uint64_t connections = 0, down = 0;
    for (const mc::Server& server : cluster_.servers()) {
      connections += server.connections();
      down += !server.is_up();
    }
    return Document::build([&](Writer out) {
      auto map = out.map(10);
      map.key("hits").unsigned_integer(counters().hits.value());
      map.key("misses").unsigned_integer(counters().misses.value());
      map.key("sets").unsigned_integer(counters().sets.value());
      map.key("removes").unsigned_integer(counters().removes.value());
      map.key("rejected").unsigned_integer(counters().rejected.value());
      map.key("mangled").unsigned_integer(counters().mangled.value());
      map.key("failures").unsigned_integer(counters().failures.value());
      map.key("connections").unsigned_integer(connections);
      map.key("servers").unsigned_integer(settings_.servers.size());
      map.key("servers_down").unsigned_integer(down);
    });
  }

  const void* extension(const char* id) override {
    return std::string_view(id) == CAIRN_FACTS_ID ? &facts_table : nullptr;
  }

  void after_fork() override { cluster_.after_fork(); }

 private:
  mc::Counters& counters() noexcept { return cluster_.counters(); }
  void check_size(const Entry& entry) {
    if (entry.size() <= settings_.max_value) return;
    counters().rejected.add(1);
    throw Error(Errc::rejected,
                "a value of " + std::to_string(entry.size()) +
                    " bytes is too large: `max_value` is " + std::to_string(settings_.max_value) +
                    " (wrap the backend in `zstd`, or raise it and the servers' -I)");
  }
  // Asks each server, so that none is taken for a memcached because it answers.
  Document facts(Call call) {
    std::vector<std::pair<std::string, std::string>> servers;
    std::string keyspace = "memcached";
    cluster_.counting([&] {
      for (mc::Server& server : cluster_.servers()) {
        std::string version;
        mc::exchange_with(server, cluster_.deadline(call), [&](Connection& connection) {
          memcached_return_t code = MEMCACHED_SUCCESS;
          version = connection.version(code);
          return code;
        });
        servers.emplace_back(server.name(), "memcached " + version);
        keyspace += " " + server.name();
      }
    });
    return Document::build([&](Writer out) {
      auto map = out.map(servers.size() + 1);
      for (const auto& [server, version] : servers) map.key(server).text(version);
      map.key("keyspace").text(keyspace);
    });
  }
  static cairn_status facts(void* self, cairn_call* call, cairn_entry* out) noexcept {
    return detail::guard(call, name, [&]() -> cairn_status {
      *out = Entry::of(static_cast<Memcached*>(self)->facts(Call(call))).release();
      return CAIRN_OK;
    });
  }
  static constexpr cairn_facts facts_table{sizeof(cairn_facts), 0, &facts};

  std::time_t exptime_of(const SetOptions& how) const {
    return mc::to_exptime(how.ttl.count() != 0 ? how.ttl : settings_.ttl);
  }

  const mc::Settings settings_;
  mc::Cluster cluster_;
  mc::CreationLocks locks_;
};

}  // namespace

CAIRN_PLUGIN("org.cairn.memcached", "0.1.0", Memcached);
