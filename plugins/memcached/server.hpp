// One server: a bounded pool of connections, and a breaker that keeps callers away while it is
// down.
//
// A caller borrows a connection for one exchange:
//
//     Exchange exchange(server, deadline);
//     const memcached_return_t code = exchange->set(...);
//     exchange.end(code);  // throws unless the server answered
//
// Threads: a Server any method, any thread; an Exchange is its caller's. Errors: Error(unavailable)
// at once while the breaker is open, Error(timeout), Error(rejected); all begin with the server's
// name.
#pragma once

#include "connection.hpp"

#include <cairn/support/circuit_breaker.hpp>

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace cairn::memcached {

using Clock = CircuitBreaker::Clock;

class Server {
 public:
  Server(const Address& address, const Settings& settings, const Services& services)
      : address_(address), settings_(settings), services_(services), breaker_(settings.breaker) {}
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  std::string name() const { return address_.name(); }
  bool is_up() const noexcept { return breaker_.is_closed(); }
  std::size_t connections() const;

 private:
  friend class Exchange;
  std::unique_ptr<Connection> take(Clock::time_point deadline);
  void give_back(std::unique_ptr<Connection> connection) noexcept;
  void forget_one() noexcept;
  void drop_idle() noexcept;

  const Address& address_;
  const Settings& settings_;
  const Services services_;
  CircuitBreaker breaker_;

  mutable std::mutex mutex_;
  std::condition_variable returned_;
  std::vector<std::unique_ptr<Connection>> idle_;  // guarded by mutex_; the last was used last
  std::size_t open_ = 0;                           // guarded by mutex_: idle or borrowed
};

class Exchange {
 public:
  /// `deadline`: for the connection and for all answers together. Errors: Error(timeout), too, if it
  /// has passed: then nothing is sent.
  Exchange(Server& server, Clock::time_point deadline);
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;
  /// An exchange that was not ended closes the connection, for nobody knows what is still to come
  /// on it.
  ~Exchange();

  Connection* operator->() noexcept { return connection_.get(); }
  Connection& connection() noexcept { return *connection_; }

  /// Lets what follows wait for what is left of the time. To be called before each of several
  /// requests or answers.
  void mind_deadline() {
    const std::int64_t tick =
        coarse_now_ns();  // of some milliseconds: a batch takes less, and asks often
    if (tick == minded_ns_) return;
    minded_ns_ = tick;
    connection_->set_timeout(deadline_ - Clock::now());
  }
  /// Whether a request that ended with `code` is to be sent again: an idle connection had been
  /// closed (a server that was restarted). Once, and then on a new connection.
  bool goes_again(memcached_return_t code);
  /// What the server answered, or an Error. Afterwards the exchange is over.
  void end(memcached_return_t code);

 private:
  [[noreturn]] void fail(memcached_return_t code, Verdict verdict);
  static std::int64_t coarse_now_ns() noexcept;

  Server& server_;
  const Clock::time_point deadline_;
  std::int64_t minded_ns_ = 0;
  CircuitBreaker::Admission admission_;
  std::unique_ptr<Connection> connection_;
  bool hurried_ = false;  // by its deadline, to much less than `timeout`
  bool has_gone_again_ = false;
  bool ended_ = false;
};

/// One request, sent again if need be: `request(Connection&)` gives its code, which is good if this
/// returns.
template <class Request>
memcached_return_t exchange_with(Server& server, Clock::time_point deadline, Request&& request) {
  Exchange exchange(server, deadline);
  memcached_return_t code = request(exchange.connection());
  if (exchange.goes_again(code)) code = request(exchange.connection());
  exchange.end(code);
  return code;
}

}  // namespace cairn::memcached
