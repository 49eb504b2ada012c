// The caller's side of a connection: queueing, waiting, leaving. The driver's is in driving.cpp.

#include "connection.hpp"

#include "futex.hpp"

#include <cairn/error.hpp>

#include <sched.h>

#include <algorithm>
#include <new>
#include <utility>

namespace cairn::redis {

void Request::prepare_again() noexcept {
  state_.store(waiting, std::memory_order_relaxed);
  yields_left_ = yields_before_sleep;
  attended_ = gathered_ = sent_ = lost_ = false;
  for (Reply& reply : replies) reply = Reply();
}

Connection::Connection(const Endpoint& endpoint, Breaker& breaker, Counters& counters)
    : endpoint_(endpoint),
      name_(endpoint.address.text()),
      breaker_(breaker),
      counters_(counters),
      doorbell_(endpoint.descriptors) {}

void Connection::start(Request& request) noexcept {
  bool ring = false;
  try {
    const std::lock_guard lock(mutex_);
    queue_.push_back(&request);
    load_.fetch_add(1, std::memory_order_relaxed);
    ring = std::exchange(asleep_, false);
  } catch (const std::bad_alloc&) {
    fail(request, 0, Reply::failure(Errc::internal, name_, "memory ran out"));
    request.state_.store(Request::done, std::memory_order_relaxed);
  }
  if (ring) doorbell_.ring();
}

void Connection::push() noexcept {
  {
    const std::lock_guard lock(mutex_);
    if (driven_) return;  // the driver sends it
    driven_ = true;
  }
  try {
    advance(nullptr);
  } catch (const Error& error) {
    break_off(error.code(), error.what(), error.system_error());
  } catch (const std::exception& error) {
    break_off(Errc::internal, error.what(), 0);
  }
  hand_on();
}

void Connection::finish(Request& request) noexcept {
  {
    const std::lock_guard lock(mutex_);
    if (request.state_.load(std::memory_order_relaxed) == Request::done) return;
    request.attended_ = true;
    take_role(request);
  }
  while (wait(request)) drive(request);
}

// With the lock held. False: somebody drives already, or there is nothing to drive for.
bool Connection::take_role(Request& request) noexcept {
  if (driven_ || request.state_.load(std::memory_order_relaxed) >= Request::driving) return false;
  driven_ = true;
  request.state_.store(Request::driving, std::memory_order_relaxed);
  return true;
}

bool Connection::take_over(Request& request) noexcept {
  const std::lock_guard lock(mutex_);
  return take_role(request);
}

// True: its caller is to drive. False: the request is done. At the deadline the caller leaves.
bool Connection::wait(Request& request) noexcept {
  for (;;) {
    const auto state = request.state_.load(std::memory_order_acquire);
    if (state >= Request::driving) return state == Request::driving;
    if (yields() && request.yields_left_ > 0) {
      --request.yields_left_;
      sched_yield();
      if (relays()) take_over(request);
      continue;
    }
    if (take_over(request)) return true;
    if (Clock::now() >= request.deadline) {
      leave(request);
      continue;
    }
    std::uint32_t expected = Request::waiting;
    if (request.state_.compare_exchange_strong(expected, Request::asleep,
                                               std::memory_order_acq_rel) ||
        expected == Request::asleep) {
      futex_wait(request.state_, Request::asleep, request.deadline);
    }
  }
}

void Connection::leave(Request& request) noexcept {
  const std::lock_guard lock(mutex_);
  // Somebody may have finished it, or told us to drive, in the meantime: then that counts. And the
  // last one awake does not go while others sleep and nobody drives.
  if (take_role(request) || request.state_.load(std::memory_order_acquire) >= Request::driving) {
    return;
  }
  std::size_t answered = 0;
  if (const auto it = std::find(queue_.begin(), queue_.end(), &request); it != queue_.end()) {
    queue_.erase(it);
  }
  for (InFlight& slot : in_flight_) {
    if (slot.request != &request) continue;
    slot.request = nullptr;
    answered = slot.answered;
  }
  counters_.timeouts.add();
  fail(request, answered, Reply::failure(Errc::timeout, name_, "no answer in time"));
  request.state_.store(Request::done, std::memory_order_release);
  load_.fetch_sub(1, std::memory_order_relaxed);
}

void Connection::fail(Request& request, std::size_t from, const Reply& why) noexcept {
  for (std::size_t i = from; i < request.replies.size(); ++i) request.replies[i] = why;
}

}  // namespace cairn::redis
