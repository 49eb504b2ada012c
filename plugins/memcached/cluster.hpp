// The servers of one instance: which of them has an item, what came of asking it, and counters.
//
// Threads: any method, any thread, any time, but after_fork(), which has the process to itself.
// Errors: those of Exchange; Error(rejected) for keys. All are counted.
#pragma once

#include "placement.hpp"
#include "server.hpp"
#include "settings.hpp"
#include "wire.hpp"

#include <cairn/backend.hpp>

#include <atomic>
#include <deque>
#include <memory>
#include <string_view>

namespace cairn::memcached {

class Counter {
 public:
  void add(std::uint64_t n) noexcept { value_.fetch_add(n, std::memory_order_relaxed); }
  std::uint64_t value() const noexcept { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

struct Counters {
  Counter hits, misses, sets, removes, rejected, mangled, failures;
};

class Cluster {
 public:
  Cluster(const Settings& settings, const Services& services)
      : settings_(settings),
        services_(services),
        members_(std::make_unique<Members>(settings, services)) {}
  Cluster(const Cluster&) = delete;
  Cluster& operator=(const Cluster&) = delete;

  const Settings& settings() const noexcept { return settings_; }
  Counters& counters() noexcept { return counters_; }

  /// The name of the key's item. Borrows the key.
  WireKey name_of(Key key);
  /// The server of an item; with failover, one that stands in for it while it is given up.
  Server& server_of(std::string_view item_name);
  /// All, in the order of `servers`.
  std::deque<Server>& servers() noexcept { return members_->servers; }
  Clock::time_point deadline(Call call) const {
    return Clock::now() + call.remaining(settings_.timeout);
  }

  /// One request to the server of an item; see exchange_with.
  template <class Request>
  memcached_return_t exchange(std::string_view item_name, Call call, Request&& request) {
    memcached_return_t code = MEMCACHED_FAILURE;
    counting([&] { code = exchange_with(server_of(item_name), deadline(call), request); });
    return code;
  }
  /// Runs `body`, and counts the Error that it throws.
  template <class Body>
  void counting(Body&& body) {
    try {
      body();
    } catch (const Error& error) {
      (error.code() == Errc::rejected ? counters_.rejected : counters_.failures).add(1);
      throw;
    }
  }

  /// In a forked child: connections of its own. The parent's are not closed, for libmemcached would
  /// say goodbye in the parent's name.
  void after_fork();

 private:
  struct Members {
    Members(const Settings& settings, const Services& services) : placement(settings) {
      for (const Address& address : settings.servers) {
        servers.emplace_back(address, settings, services);
      }
    }
    Placement placement;
    std::deque<Server> servers;
  };

  const Settings& settings_;
  const Services services_;
  std::unique_ptr<Members> members_;
  Counters counters_;
};

}  // namespace cairn::memcached
