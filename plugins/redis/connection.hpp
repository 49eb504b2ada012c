// One connection that many callers share.
//
// Nobody owns the socket. A caller queues its request; if nobody drives the connection, it does: it
// sends everything that is queued in one write, reads the answers for all, and hands the connection
// on to one who still waits. So requests of many threads travel together, with no thread of our own
// and without a thread waiting in between for a caller alone.
//
// Waiting callers first yield the processor a while, if a server nearby answers sooner than a
// sleeping thread can be woken (patience.hpp); then they sleep, each on its own word.
//
// A driver that waits for a server nearby lets new requests gather: they leave together when the
// answers have come. If the server is further away, each new request wakes the driver and is sent
// at once.
//
// A server on our own core works while we do not. There a driver lets go of the role before it yields,
// and whoever comes back first after the server's turn reads the answers for all; the last of those
// who were answered together to ask again sends for all. So each caller has one turn per batch.
//
// A connection that has been idle is looked at before it is used: the server may have closed it.
//
// Outcomes: after finish() every reply of the request is filled in, if only with a failure that
// says why. Nothing is thrown. A caller whose deadline passes leaves, and its answers are dropped
// when they come; if the server has been silent for the whole timeout, the connection is given up
// for all. Threads: any. Lifetime: a Request lives until its finish() has returned.
#pragma once

#include "breaker.hpp"
#include "counters.hpp"
#include "endpoint.hpp"
#include "neighbour.hpp"
#include "patience.hpp"
#include "resp.hpp"
#include "transport.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace cairn::redis {

/// Commands of one caller, and where their answers go.
class Request {
 public:
  Request(std::string_view commands, std::span<Reply> answers, Clock::time_point until) noexcept
      : bytes(commands), replies(answers), deadline(until) {}
  Request(const Request&) = delete;
  Request& operator=(const Request&) = delete;

  const std::string_view bytes;
  const std::span<Reply> replies;
  const Clock::time_point deadline;

  /// The connection broke, but the server may well be there: on another connection it may work.
  bool connection_lost() const noexcept { return lost_; }
  /// Whether the server may have seen any of it.
  bool sent() const noexcept { return sent_; }
  void prepare_again() noexcept;

 private:
  friend class Connection;
  enum State : std::uint32_t { waiting, asleep, driving, done };
  static constexpr int yields_before_sleep = 150;

  std::atomic<std::uint32_t> state_{waiting};
  int yields_left_ = yields_before_sleep;
  bool gathered_ = false;  // it has let others come once
  bool attended_ = false;  // its caller is in finish(), and can be told to drive
  bool sent_ = false;
  bool lost_ = false;
};

class Connection {
 public:
  Connection(const Endpoint& endpoint, Breaker& breaker, Counters& counters);
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  /// Queues the request.
  void start(Request& request) noexcept;
  /// Sends what is queued, if that can be done without waiting: for callers who will do something
  /// else before they finish().
  void push() noexcept;
  /// Waits for the answers, or the deadline.
  void finish(Request& request) noexcept;

  /// Requests that have been started and are not done.
  std::size_t load() const noexcept { return load_.load(std::memory_order_relaxed); }
  /// The server runs on the core of those who call: it cannot work while they do.
  bool shares_core() const noexcept { return neighbour_.is_here(); }

 private:
  enum class Phase { closed, opening, greeting, ready };
  struct InFlight {
    Request* request;  // null: its caller has left
    std::size_t expected;
    std::size_t answered;
    Clock::time_point sent_at;
  };

  // What the driver came to: something was done, it had better let others run, or the deadline of its
  // own request has passed.
  enum class Step { done, let_go, too_late };

  // For the driver alone: driving.cpp.
  void drive(Request& mine) noexcept;
  Step advance(Request* mine);
  void connect();
  void take_queue();
  void write();
  bool was_lost_while_idle();
  bool gathers(Request& mine);
  bool is_awaited() const noexcept;
  Step receive(Request* mine);
  bool sleep(Clock::time_point until);
  bool give_up_waiting(Request* mine, Clock::time_point now);
  void deliver(Clock::time_point now);
  void check_greeting();
  void close() noexcept;
  void break_off(Errc code, std::string_view reason, int system_error) noexcept;
  void let_go(Request& mine) noexcept;
  void hand_on() noexcept;
  void complete(Request& request) noexcept;
  bool answers_fast() const noexcept;

  bool wait(Request& request) noexcept;
  bool take_role(Request& request) noexcept;
  bool take_over(Request& request) noexcept;
  void leave(Request& request) noexcept;
  void fail(Request& request, std::size_t from, const Reply& why) noexcept;
  /// Waiting begins with yielding.
  bool yields() const noexcept { return patience_.yields() && answers_fast(); }
  /// Before yielding, the driver lets go of the role.
  bool relays() const noexcept { return yields() && shares_core(); }

  const Endpoint& endpoint_;
  const std::string name_;  // the server's, for errors
  Breaker& breaker_;
  Counters& counters_;
  std::atomic<std::size_t> load_{0};
  Doorbell doorbell_;                           // wakes a driver asleep, to send what is new
  std::atomic<std::int64_t> round_trip_ns_{0};  // smoothed

  std::mutex mutex_;  // guards what follows
  bool driven_ = false;
  bool asleep_ = false;  // the driver is, and hears the doorbell
  std::vector<Request*> queue_;
  std::deque<InFlight> in_flight_;

  // The driver's: passed on with the role.
  Phase phase_ = Phase::closed;
  std::unique_ptr<Transport> transport_;
  std::unique_ptr<ReplyReader> reader_;
  std::string outgoing_;
  std::size_t written_ = 0;
  std::vector<Reply> arrived_;
  std::vector<std::atomic<std::uint32_t>*> sleepers_;
  std::size_t greetings_left_ = 0;
  std::size_t crowd_ = 0;            // requests that were here when the last answers came
  std::size_t unanswered_ = 0;       // replies that are due, ours and those of callers who left
  Clock::time_point phase_since_;    // opening, greeting
  Clock::time_point quiet_since_;    // the last sign of life, or when we began to wait for one
  Clock::time_point awaited_since_;  // when callers began to be there for the answers
  bool more_to_read_ = false;
  bool slept_ = false;  // since the last answer
  int alone_ = 0;       // requests in a row beside which there was no other
  unsigned deliveries_ = 0;
  Patience patience_;    // the driver's, but for yields()
  Neighbour neighbour_;  // the driver's, but for is_here()
};

}  // namespace cairn::redis
