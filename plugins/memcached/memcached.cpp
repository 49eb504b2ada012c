// memcached: entries in one or several memcached servers, shared with programs in other languages.
//
// Names, flags, distribution and creation locks are those of dogpile.cache's Python clients. See
// docs/reference/plugins/memcached.md.

#include "placement.hpp"
#include "server.hpp"
#include "settings.hpp"
#include "wire.hpp"

#include <cairn/plugin.hpp>

#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <deque>
#include <numeric>
#include <random>
#include <thread>

namespace {

using namespace cairn;
namespace mc = cairn::memcached;
using mc::Clock;
using mc::Connection;
using mc::Exchange;
using mc::Server;
using mc::WireKey;

// Names that are asked for in one request: what both sides can buffer, so that neither waits for
// the other to read.
constexpr std::size_t largest_request = 1000;

// Values from here on are stored with an answer each, also in a batch.
constexpr std::size_t largest_unanswered = std::size_t{32} << 10;

// One instance's servers. A forked child makes its own, and leaves the parent's sockets alone.
struct Servers {
  Servers(const mc::Settings& settings, const Services& services) : placement(settings) {
    for (const mc::Address& address : settings.servers)
      servers.emplace_back(address, settings, services);
  }
  mc::Placement placement;
  std::deque<Server> servers;
};

struct Counters {
  std::atomic<std::uint64_t> hits{0}, misses{0}, sets{0}, removes{0}, rejected{0}, mangled{0},
      failures{0};
};

// The keys of a batch, by server.
struct Part {
  Server* server;
  std::vector<std::size_t> keys;  // their indexes, in order
};

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

  explicit Memcached(const Context& context)
      : services_(context.services()),
        settings_(mc::Settings::from(context.options())),
        servers_(std::make_unique<Servers>(settings_, services_)) {}

  std::optional<Entry> get(Key key, Call call) override {
    const WireKey wire = name_of(key);
    const std::string_view item_name = wire.view();
    std::optional<Entry> found;
    counting_failures([&] {
      exchange(item_name, call, [&](Connection& connection) {
        memcached_return_t code = connection.ask({&item_name, 1});
        if (code != MEMCACHED_SUCCESS) return code;
        while (const auto item = connection.next(code)) {
          if (item->name != item_name) return MEMCACHED_PROTOCOL_ERROR;
          found = entry_in(*item);
        }
        return code;
      });
    });
    count(found ? counters_.hits : counters_.misses, 1);
    return found;
  }

  void set(Key key, const Entry& entry, const SetOptions& how, Call call) override {
    check_size(entry);
    const WireKey wire = name_of(key);
    const std::time_t exptime = exptime_of(how);
    counting_failures([&] {
      exchange(wire.view(), call, [&](Connection& connection) {
        return connection.set(wire.view(), entry.bytes(), exptime, settings_.flags);
      });
    });
    count(counters_.sets, 1);
  }

  bool remove(Key key, Call call) override {
    const WireKey wire = name_of(key);
    memcached_return_t code = MEMCACHED_SUCCESS;
    counting_failures([&] {
      code = exchange(wire.view(), call,
                      [&](Connection& connection) { return connection.remove(wire.view()); });
    });
    count(counters_.removes, 1);
    return code != MEMCACHED_NOTFOUND;
  }

  void get_multi(Keys keys, Results results, Call call) override {
    Names names(*this, keys);
    for (std::size_t i = 0; i < keys.size(); ++i) {
      if (names.refused[i]) results.fail(i, Errc::rejected);
    }
    const std::vector<Part> parts = parts_of(names);
    for (std::size_t first = 0; first < keys.size(); first += largest_request) {
      if (!get_some(parts, names, first, results, call)) break;
    }
    std::uint64_t hits = 0;
    for (std::size_t i = 0; i < keys.size(); ++i) hits += results.is_hit(i);
    count(counters_.hits, hits);
    count(counters_.misses, keys.size() - hits);
  }

  // All but the last of each server without an answer: then that of the last says that all are
  // done. What the server has no room for it drops, and the old value with it, as it may at any
  // time.
  void set_multi(Keys keys, std::span<const Entry> entries, const SetOptions& how,
                 Statuses statuses, Call call) override {
    Names names(*this, keys);
    for (std::size_t i = 0; i < keys.size(); ++i) {
      if (entries[i].size() > settings_.max_value) {
        count(counters_.rejected, 1);
        names.refused[i] = true;
      }
    }
    const std::time_t exptime = exptime_of(how);
    write_all(names, statuses, call, [&](Connection& connection, std::size_t i, bool quiet) {
      const std::string_view value = entries[i].bytes();
      return connection.set(names.views[i], value, exptime, settings_.flags,
                            quiet && value.size() < largest_unanswered);
    });
    count(counters_.sets, keys.size());
  }

  // Likewise; so only the last key of each server says whether it was there.
  void remove_multi(Keys keys, Statuses statuses, Call call) override {
    Names names(*this, keys);
    for (std::size_t i = 0; i < keys.size(); ++i) statuses.done(i);
    write_all(names, statuses, call, [&](Connection& connection, std::size_t i, bool quiet) {
      return connection.remove(names.views[i], quiet);
    });
    count(counters_.removes, keys.size());
  }

  // ---- creation locks: an item `_lock<key>`, made by `add`, as dogpile.cache's ----
  //
  // Python's hold "1" and are removed by whoever unlocks. Ours hold a token, and are removed and
  // renewed only by compare-and-swap of an item with that token, so that a late holder does not
  // take the next one's lock away.

  std::optional<Token> lock(Key key, Nanoseconds lease, Call call) override {
    const std::string item_name = name_of(key).lock();
    const Token token = new_token();
    memcached_return_t code = MEMCACHED_FAILURE;
    counting_failures([&] {
      Exchange exchange(server_of(item_name), deadline(call));
      // Not sent again when the connection is lost: the first may have taken the lock.
      code =
          exchange->add(item_name, TokenText(token), mc::lease_to_exptime(lease), settings_.flags);
      exchange.end(code);
    });
    if (code != MEMCACHED_SUCCESS && code != MEMCACHED_STORED) return std::nullopt;
    return token;
  }

  bool renew(Key key, Token token, Nanoseconds lease, Call call) override {
    return replace_lock(key, token, mc::lease_to_exptime(lease), call);
  }

  bool unlock(Key key, Token token, Call call) override {
    return replace_lock(key, token, mc::exptime_in_the_past, call);
  }

  // memcached tells nobody, so this looks: first often, then every few milliseconds.
  bool await_unlock(Key key, Nanoseconds wait, Call call) override {
    const std::string item_name = name_of(key).lock();
    const std::string_view view = item_name;
    const auto begin = Clock::now();
    const auto end = begin + call.remaining(wait);
    for (;;) {
      bool held = false;
      counting_failures([&] {
        exchange(item_name, call, [&](Connection& connection) {
          held = false;
          memcached_return_t code = connection.ask({&view, 1});
          while (code == MEMCACHED_SUCCESS && connection.next(code)) held = true;
          return code;
        });
      });
      if (!held) return true;
      const auto now = Clock::now();
      if (now >= end) return false;
      constexpr Nanoseconds shortest = std::chrono::microseconds(500);
      constexpr Nanoseconds longest = std::chrono::milliseconds(4);
      std::this_thread::sleep_for(std::min<Nanoseconds>(
          std::clamp<Nanoseconds>((now - begin) / 8, shortest, longest), end - now));
    }
  }

  Document stats(Call) override {
    std::uint64_t connections = 0, down = 0;
    for (const Server& server : servers_->servers) {
      connections += server.connections();
      down += !server.is_up();
    }
    return Document::build([&](Writer out) {
      auto map = out.map(10);
      map.key("hits").unsigned_integer(counters_.hits);
      map.key("misses").unsigned_integer(counters_.misses);
      map.key("sets").unsigned_integer(counters_.sets);
      map.key("removes").unsigned_integer(counters_.removes);
      map.key("rejected").unsigned_integer(counters_.rejected);
      map.key("mangled").unsigned_integer(counters_.mangled);
      map.key("failures").unsigned_integer(counters_.failures);
      map.key("connections").unsigned_integer(connections);
      map.key("servers").unsigned_integer(servers_->servers.size());
      map.key("servers_down").unsigned_integer(down);
    });
  }

  // The parent's connections are not closed, for libmemcached would say goodbye in the parent's
  // name.
  void after_fork() override {
    (void)servers_.release();
    servers_ = std::make_unique<Servers>(settings_, services_);
  }

 private:
  // A token as it stands in a lock item.
  class TokenText {
   public:
    explicit TokenText(Token token) noexcept {
      for (std::size_t i = 0; i < sizeof text_; ++i) {
        text_[i] = "0123456789abcdef"[(token >> (60 - 4 * i)) & 15];
      }
    }
    operator std::string_view() const noexcept { return {text_, sizeof text_}; }  // NOLINT

   private:
    char text_[16];
  };

  // The names of a batch.
  struct Names {
    Names(Memcached& self, Keys keys) : views(keys.size()), refused(keys.size()) {
      wires.reserve(keys.size());
      for (std::size_t i = 0; i < keys.size(); ++i) {
        try {
          wires.push_back(self.name_of(keys[i]));
        } catch (const Error&) {
          wires.emplace_back("refused", true);
          refused[i] = true;
        }
      }
      for (std::size_t i = 0; i < keys.size(); ++i) views[i] = wires[i].view();
    }
    std::vector<WireKey> wires;
    std::vector<std::string_view> views;
    std::vector<bool> refused;
  };

  WireKey name_of(Key key) {
    try {
      const WireKey wire(key, settings_.mangles);
      if (wire.is_mangled()) count(counters_.mangled, 1);
      return wire;
    } catch (const Error&) {
      count(counters_.rejected, 1);
      throw;
    }
  }
  void check_size(const Entry& entry) {
    if (entry.size() <= settings_.max_value) return;
    count(counters_.rejected, 1);
    throw Error(Errc::rejected,
                "a value of " + std::to_string(entry.size()) +
                    " bytes is too large: `max_value` is " + std::to_string(settings_.max_value) +
                    " (wrap the backend in `zstd`, or raise it and the servers' -I)");
  }
  Entry entry_in(const Connection::Item& item) const {
    return mc::to_entry(item.value, item.flags, 16 * settings_.max_value);
  }
  std::time_t exptime_of(const SetOptions& how) const {
    return mc::to_exptime(how.ttl.count() != 0 ? how.ttl : settings_.ttl);
  }
  Clock::time_point deadline(Call call) const {
    return Clock::now() + call.remaining(settings_.timeout);
  }

  Server& server_of(std::string_view item_name) {
    std::deque<Server>& servers = servers_->servers;
    Server& server = servers[servers_->placement.server_of(item_name)];
    if (!settings_.fails_over || server.is_up()) [[likely]]
      return server;
    for (int attempt = 1; attempt <= 10; ++attempt) {
      Server& other = servers[servers_->placement.stand_in_for(item_name, attempt)];
      if (other.is_up()) return other;
    }
    return server;
  }

  template <class Request>
  memcached_return_t exchange(std::string_view item_name, Call call, Request&& request) {
    return mc::exchange_with(server_of(item_name), deadline(call), request);
  }

  template <class Body>
  void counting_failures(Body&& body) {
    try {
      body();
    } catch (const Error& error) {
      count(error.code() == Errc::rejected ? counters_.rejected : counters_.failures, 1);
      throw;
    }
  }

  std::vector<Part> parts_of(const Names& names) {
    std::vector<Part> parts;
    for (Server& server : servers_->servers) parts.push_back({&server, {}});
    for (std::size_t i = 0; i < names.views.size(); ++i) {
      if (names.refused[i]) continue;
      Server& server = server_of(names.views[i]);
      std::find_if(parts.begin(), parts.end(), [&](const Part& part) {
        return part.server == &server;
      })->keys.push_back(i);
    }
    std::erase_if(parts, [](const Part& part) { return part.keys.empty(); });
    return parts;
  }

  // What is asked of one server at a time.
  class Question {
   public:
    Question(Memcached& self, Server& server, std::span<const std::size_t> keys, const Names& names,
             Clock::time_point deadline)
        : self_(self), keys_(keys), exchange_(server, deadline) {
      for (const std::size_t i : keys) names_.push_back(names.views[i]);
      code_ = exchange_->ask(names_);
    }
    void answer(Results results) {
      take(results);
      if (exchange_.goes_again(code_)) {
        code_ = exchange_->ask(names_);
        take(results);
      }
      exchange_.end(code_);
    }

   private:
    void take(Results results) {
      std::size_t at = 0;  // answers come in the order of the names
      while (code_ == MEMCACHED_SUCCESS) {
        const auto item = exchange_->next(code_);
        if (!item) break;
        while (at < names_.size() && names_[at] != item->name) ++at;
        if (at == names_.size()) {
          code_ = MEMCACHED_PROTOCOL_ERROR;
          break;
        }
        try {
          results.hit(keys_[at], self_.entry_in(*item));
        } catch (const Error& error) {
          results.fail(keys_[at], error.code());
        }
        ++at;
      }
    }

    Memcached& self_;
    std::span<const std::size_t> keys_;
    std::vector<std::string_view> names_;
    Exchange exchange_;
    memcached_return_t code_ = MEMCACHED_FAILURE;
  };

  // Asks every server for up to largest_request of its keys, then takes their answers: one round
  // trip for all. Connections are taken in the order of the servers, so that batches do not wait
  // for each other in a circle. False: there was nothing left to ask.
  bool get_some(const std::vector<Part>& parts, const Names& names, std::size_t first,
                Results results, Call call) {
    const auto end = deadline(call);
    std::deque<std::pair<std::optional<Question>, std::span<const std::size_t>>> questions;
    const auto failing = [&](std::span<const std::size_t> keys, auto&& body) {
      try {
        counting_failures(body);
      } catch (const Error& error) {
        for (const std::size_t i : keys) results.fail(i, error.code());
      }
    };
    for (const Part& part : parts) {
      if (part.keys.size() <= first) continue;
      const auto keys =
          std::span(part.keys).subspan(first, std::min(largest_request, part.keys.size() - first));
      auto& question = questions.emplace_back(std::nullopt, keys).first;
      failing(keys, [&] { question.emplace(*this, *part.server, keys, names, end); });
    }
    for (auto& each : questions) {
      std::optional<Question>& question = each.first;
      if (question) failing(each.second, [&] { question->answer(results); });
    }
    return !questions.empty();
  }

  // `write(connection, key index, quiet)`, for every key, on its server.
  template <class Write>
  void write_all(const Names& names, Statuses statuses, Call call, Write&& write) {
    for (std::size_t i = 0; i < names.views.size(); ++i) {
      if (names.refused[i]) statuses.fail(i, Errc::rejected);
    }
    for (const Part& part : parts_of(names)) {
      memcached_return_t code = MEMCACHED_SUCCESS;
      try {
        counting_failures([&] {
          code = mc::exchange_with(*part.server, deadline(call), [&](Connection& connection) {
            memcached_return_t last = MEMCACHED_SUCCESS;
            for (const std::size_t i : part.keys) {
              last = write(connection, i, !settings_.binary && i != part.keys.back());
              const mc::Verdict verdict = mc::verdict_on(last);
              if (verdict == mc::Verdict::refused) {  // this one alone
                count(counters_.rejected, 1);
                statuses.fail(i, Errc::rejected);
                last = MEMCACHED_SUCCESS;
              } else if (verdict != mc::Verdict::good) {
                break;
              }
            }
            return last;
          });
        });
        if (code == MEMCACHED_NOTFOUND) statuses.miss(part.keys.back());
      } catch (const Error& error) {
        for (const std::size_t i : part.keys) statuses.fail(i, error.code());
      }
    }
  }

  // Replaces the lock if it still holds our token.
  bool replace_lock(Key key, Token token, std::time_t exptime, Call call) {
    const std::string item_name = name_of(key).lock();
    const TokenText token_text(token);
    const std::string_view text = token_text;
    bool replaced = false;
    counting_failures([&] {
      exchange(item_name, call, [&](Connection& connection) {
        memcached_return_t code = MEMCACHED_FAILURE;
        const auto held = connection.get_with_cas(item_name, code);
        if (!held || held->value != text) return code;
        code = connection.replace(item_name, text, exptime, held->flags, held->cas);
        replaced = code == MEMCACHED_SUCCESS || code == MEMCACHED_STORED;
        return code;
      });
    });
    return replaced;
  }

  Token new_token() {
    // Of this process and moment, and never twice in it.
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
  static void count(std::atomic<std::uint64_t>& counter, std::uint64_t n) noexcept {
    counter.fetch_add(n, std::memory_order_relaxed);
  }

  const Services services_;
  const mc::Settings settings_;
  std::unique_ptr<Servers> servers_;
  Counters counters_;
};

}  // namespace

CAIRN_PLUGIN("org.cairn.memcached", "0.1.0", Memcached);
