// How late this machine, now, runs somebody who is woken: what a bound on a wake-up is measured against,
// so that it holds on a busy machine and says something on an idle one.
//
//     Yardstick yardstick;
//     for (...) { delays.push_back(...); yardstick.wake(); }
//     CHECK(median(delays) < yardstick.median() + 2ms);
#pragma once

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <semaphore>
#include <stdexcept>
#include <thread>
#include <vector>

inline std::chrono::nanoseconds median(std::vector<std::chrono::nanoseconds> of) {
  std::nth_element(of.begin(), of.begin() + static_cast<std::ptrdiff_t>(of.size() / 2), of.end());
  return of.at(of.size() / 2);
}

/// A thread that sleeps until there is a byte in a pipe.
class Yardstick {
 public:
  using Clock = std::chrono::steady_clock;

  Yardstick() {
    if (pipe(ends_) != 0) throw std::runtime_error("pipe");
    sleeper_ = std::thread([this] {
      for (char byte = 0; read(ends_[0], &byte, 1) == 1;) {
        woken_ = Clock::now();
        recorded_.release();
      }
    });
  }
  Yardstick(const Yardstick&) = delete;
  Yardstick& operator=(const Yardstick&) = delete;
  ~Yardstick() {
    close(ends_[1]);
    sleeper_.join();
    close(ends_[0]);
  }

  /// Wakes it, and notes how late it was.
  void wake() {
    const auto now = Clock::now();
    if (write(ends_[1], "", 1) != 1) throw std::runtime_error("write");
    recorded_.acquire();
    delays_.push_back(woken_ - now);
  }
  std::chrono::nanoseconds median() const { return ::median(delays_); }

 private:
  int ends_[2];
  Clock::time_point woken_;
  std::binary_semaphore recorded_{0};
  std::vector<std::chrono::nanoseconds> delays_;
  std::thread sleeper_;
};
