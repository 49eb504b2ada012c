// Which server does what: one server, the master that sentinels name, or the nodes of a cluster.
//
// Threads: any. Outcomes: every reply is filled in; what else is thrown, besides std::bad_alloc, is said.
#pragma once

#include "asked_in_vain.hpp"
#include "counters.hpp"
#include "node.hpp"
#include "resp.hpp"
#include "settings.hpp"

#include <atomic>
#include <chrono>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

namespace cairn::redis {

/// One command about one key, or about none.
struct Command {
  std::string_view key;
  std::string_view bytes;  // as CommandBuffer wrote them
  bool reads = false;      // a replica can answer it
  bool repeatable = true;  // doing it twice is as good as once
};

class Router {
 public:
  Router() = default;
  Router(const Router&) = delete;
  Router& operator=(const Router&) = delete;
  virtual ~Router() = default;

  virtual Reply run(const Command& command, Clock::time_point deadline) = 0;
  /// Element i of `replies` answers commands[i]. The bytes of the commands follow each other in
  /// memory.
  virtual void run_all(std::span<const Command> commands, std::span<Reply> replies,
                       Clock::time_point deadline) = 0;

  /// Whether one command may only name keys of one slot.
  virtual bool is_sharded() const noexcept { return false; }
  /// Where notifications about `key` are published; null: not known now.
  virtual std::shared_ptr<Node> home_of(std::string_view key, Clock::time_point deadline) = 0;
  /// Every server that has keys of its own, in an order that stays the same while they do. Errors:
  /// Error that says why it is not known now.
  virtual std::vector<std::shared_ptr<Node>> masters(Clock::time_point deadline) = 0;
  /// Servers in use, and those that are left alone just now.
  struct Health {
    std::size_t servers = 0;
    std::size_t left_alone = 0;
    std::uint64_t breaker_opened = 0;
  };
  virtual Health health() = 0;
};

/// Runs a command on one server. `sent`: whether the server may have seen it.
Reply run_on(Node& node, const Command& command, Clock::time_point deadline, bool& sent);
/// Asks a replica, for half of the time until `deadline`, so that there is some left to ask the master.
Reply run_on_replica(Node& replica, const Command& command, Clock::time_point deadline);

/// Replicas come and go without anybody being told: says now and then, to one caller, to look
/// again.
class Reminder {
 public:
  bool is_due() noexcept {
    auto last = last_.load(std::memory_order_relaxed);
    const auto now = Clock::now().time_since_epoch();
    return now - last > every && last_.compare_exchange_strong(last, now);
  }

 private:
  static constexpr auto every = std::chrono::seconds(10);
  std::atomic<Clock::duration> last_{Clock::now().time_since_epoch()};
};

/// What callers are told who know no server to ask: that, or that they had no time to find out, and what
/// became of those who were asked.
Reply nobody_to_ask(std::string what, const AskedInVain& asked, Clock::time_point deadline);

/// Adds to an error reply which server says it.
void add_address(const Node& node, Reply& reply);

/// What all nodes of one backend have in common.
struct NodeFactory {
  const Settings& settings;
  std::shared_ptr<TlsContext> tls;
  std::shared_ptr<Descriptors> descriptors;
  Counters& counters;

  /// `role`: what ROLE must answer, or empty; `read_only`: it may be a cluster's replica.
  std::shared_ptr<Node> make(const Address& address, std::string_view role = {},
                             bool read_only = false) const;
  /// A sentinel has its own login and no databases.
  std::shared_ptr<Node> make_sentinel(const Address& address) const;

 private:
  std::shared_ptr<Node> make(Endpoint endpoint, std::size_t connections) const;
};

std::unique_ptr<Router> make_router(const Settings& settings, Counters& counters,
                                    std::shared_ptr<Descriptors> descriptors);
std::unique_ptr<Router> make_sentinel_router(const NodeFactory& factory);
std::unique_ptr<Router> make_cluster_router(const NodeFactory& factory);

}  // namespace cairn::redis
