// One server: a few connections that callers share, and a breaker that leaves it alone when it is
// ill.
//
// Threads: any. Outcomes: as Connection's; a request that was lost with its connection is tried
// once more if it was not sent, or may be sent twice.
#pragma once

#include "breaker.hpp"
#include "connection.hpp"

#include <memory>
#include <vector>

namespace cairn::redis {

class Node {
 public:
  struct Limits {
    std::size_t connections = 1;
    std::chrono::nanoseconds retry_after{};
    std::chrono::nanoseconds retry_after_at_most{};
  };
  /// What start() hands to finish().
  struct Ticket {
    Connection* connection = nullptr;  // null: refused, and answered already
    bool is_probe = false;
  };

  Node(Endpoint endpoint, const Limits& limits, Counters& counters);
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  /// Queues the request. With `push`, also sends it if that can be done without waiting.
  Ticket start(Request& request, bool push = false) noexcept;
  /// Waits for the answers. `repeatable`: doing it twice is as good as once.
  void finish(Request& request, const Ticket& ticket, bool repeatable) noexcept;
  void run(Request& request, bool repeatable) noexcept {
    finish(request, start(request), repeatable);
  }

  const Endpoint& endpoint() const noexcept { return endpoint_; }
  Breaker& breaker() noexcept { return breaker_; }
  const Breaker& breaker() const noexcept { return breaker_; }

 private:
  Connection& least_busy() noexcept;
  bool admit(Request& request, Ticket& ticket) noexcept;

  const Endpoint endpoint_;
  Counters& counters_;
  Breaker breaker_;
  std::vector<std::unique_ptr<Connection>> connections_;
};

}  // namespace cairn::redis
