#include "server.hpp"

#include <ctime>

namespace cairn::memcached {

std::size_t Server::connections() const {
  const std::lock_guard lock(mutex_);
  return open_;
}

std::unique_ptr<Connection> Server::take(Clock::time_point deadline) {
  std::unique_lock lock(mutex_);
  if (!returned_.wait_until(lock, deadline,
                            [&] { return !idle_.empty() || open_ < settings_.max_connections; })) {
    throw Error(Errc::timeout, name() + ": all " + std::to_string(open_) +
                                   " connections are busy (see max_connections)");
  }
  if (!idle_.empty()) {
    std::unique_ptr<Connection> connection = std::move(idle_.back());
    idle_.pop_back();
    return connection;
  }
  ++open_;
  lock.unlock();
  try {
    return std::make_unique<Connection>(address_, settings_);
  } catch (...) {
    forget_one();
    throw;
  }
}

void Server::give_back(std::unique_ptr<Connection> connection) noexcept {
  const std::lock_guard lock(mutex_);
  idle_.push_back(std::move(connection));  // never more than max_connections: reserved by then
  returned_.notify_one();
}

void Server::forget_one() noexcept {
  const std::lock_guard lock(mutex_);
  --open_;
  returned_.notify_one();
}

void Server::drop_idle() noexcept {
  std::vector<std::unique_ptr<Connection>> dropped;
  {
    const std::lock_guard lock(mutex_);
    dropped.swap(idle_);
    open_ -= dropped.size();
  }
  for (const auto& connection : dropped) connection->close();
}

Exchange::Exchange(Server& server, Clock::time_point deadline)
    : server_(server), deadline_(deadline) {
  const auto now = Clock::now();
  // Before it is anybody's probe, and before it costs a connection whose answer nobody waits for.
  if (deadline <= now) {
    throw Error(Errc::timeout, server_.name() + ": the time was over before it was asked");
  }
  admission_ = server.breaker_.admit(now);
  if (admission_ == CircuitBreaker::refused) {
    throw Error(Errc::unavailable, server_.name() + ": given up for now, it did not answer");
  }
  connection_ = server_.take(deadline);
  const auto left = deadline - Clock::now();
  hurried_ = left < server_.settings_.timeout / 2;
  connection_->set_timeout(left);
}

Exchange::~Exchange() {
  if (connection_ == nullptr) return;
  if (!ended_) connection_->close();
  server_.give_back(std::move(connection_));
}

std::int64_t Exchange::coarse_now_ns() noexcept {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
  return now.tv_sec * std::int64_t{1'000'000'000} + now.tv_nsec;
}

bool Exchange::goes_again(memcached_return_t code) {
  if (verdict_on(code) != Verdict::lost || !connection_->is_used() || has_gone_again_) return false;
  has_gone_again_ = true;
  connection_->close();
  server_.drop_idle();  // they are as old
  minded_ns_ = 0;
  mind_deadline();
  return true;
}

void Exchange::end(memcached_return_t code) {
  const Verdict verdict = verdict_on(code);
  if (verdict != Verdict::good) fail(code, verdict);
  ended_ = true;
  connection_->set_used();
  if (server_.breaker_.succeeded()) {
    server_.services_.log(Services::info, server_.name() + ": answers again");
  }
}

void Exchange::fail(memcached_return_t code, Verdict verdict) {
  const std::string text = server_.name() + ": " + connection_->error(code);
  const int system_error = connection_->system_error();
  // A refusal is an answer; but what else may follow on this connection is not known.
  if (verdict == Verdict::refused) {
    server_.breaker_.succeeded();
  } else if (verdict == Verdict::late && hurried_) {
    // A caller that had little time left says nothing about the server.
  } else if (server_.breaker_.failed(admission_, Clock::now())) {
    server_.services_.log(Services::warning, text + "; given up until it answers again");
  }
  throw Error(error_for(code), text, system_error);
}

}  // namespace cairn::memcached
