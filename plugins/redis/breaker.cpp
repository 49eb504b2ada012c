#include "breaker.hpp"

#include <algorithm>
#include <random>

namespace cairn::redis {

Breaker::Breaker(std::chrono::nanoseconds first_pause, std::chrono::nanoseconds longest_pause)
    : first_pause_(first_pause),
      longest_pause_(longest_pause),
      pause_(first_pause),
      random_(std::random_device{}() | 1u) {}

Breaker::Pass Breaker::ask(Clock::time_point now) {
  if (closed()) return Pass::free;
  const std::lock_guard lock(mutex_);
  switch (state_) {
    case State::closed: return Pass::free;
    case State::probing: return Pass::refused;
    case State::open: break;
  }
  if (now < until_) return Pass::refused;
  state_ = State::probing;
  return Pass::probe;
}

bool Breaker::may_ask(Clock::time_point now) const {
  if (closed()) return true;
  const std::lock_guard lock(mutex_);
  return state_ == State::open && now >= until_;
}

void Breaker::succeeded() noexcept {
  if (closed()) return;
  const std::lock_guard lock(mutex_);
  state_ = State::closed;
  pause_ = first_pause_;
  closed_.store(true, std::memory_order_release);
}

void Breaker::failed(Clock::time_point now, std::string_view reason) noexcept {
  const std::lock_guard lock(mutex_);
  // Connections of a server that is already left alone fail one after another: that is not news.
  if (state_ == State::open && now < until_) return;
  if (state_ != State::closed) pause_ = std::min(2 * pause_, longest_pause_);
  random_ ^= random_ << 13;
  random_ ^= random_ >> 7;
  random_ ^= random_ << 17;
  const auto jitter = static_cast<double>(random_ % 1000) / 1000.0;  // 0 to 1
  const auto pause = static_cast<double>(pause_.count()) * (0.8 + 0.4 * jitter);
  until_ = now + std::chrono::nanoseconds(static_cast<std::int64_t>(pause));
  state_ = State::open;
  const std::size_t size = std::min(reason.size(), sizeof reason_ - 1);
  std::copy_n(reason.data(), size, reason_);
  reason_[size] = '\0';
  opened_.fetch_add(1, std::memory_order_relaxed);
  closed_.store(false, std::memory_order_release);
}

void Breaker::probe_abandoned() noexcept {
  const std::lock_guard lock(mutex_);
  if (state_ == State::probing) state_ = State::open;
}

std::string Breaker::explain(Clock::time_point now) const {
  const std::lock_guard lock(mutex_);
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until_ - now).count();
  return std::string(reason_) + " (left alone" +
         (left > 0 ? " for " + std::to_string(left) + " ms more)" : ", somebody is trying it now)");
}

std::string Breaker::reason() const {
  const std::lock_guard lock(mutex_);
  return reason_;
}

}  // namespace cairn::redis
