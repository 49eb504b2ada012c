// One caller at a time, who asks for all, while the others wait no longer than they want to:
// std::timed_mutex, which TSan does not understand.
//
//     const Turn turn(turns, until);
//     if (!turn) return;  // it was somebody else's until then
//
// Threads: any.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>

namespace cairn::redis {

class Turns {
 private:
  friend class Turn;
  std::mutex mutex_;
  std::condition_variable free_;
  bool taken_ = false;
};

class Turn {
 public:
  Turn(Turns& turns, std::chrono::steady_clock::time_point until) : turns_(turns) {
    std::unique_lock lock(turns_.mutex_);
    mine_ = turns_.free_.wait_until(lock, until, [&] { return !turns_.taken_; });
    if (mine_) turns_.taken_ = true;
  }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;
  ~Turn() {
    if (!mine_) return;
    {
      const std::lock_guard lock(turns_.mutex_);
      turns_.taken_ = false;
    }
    turns_.free_.notify_one();
  }
  explicit operator bool() const noexcept { return mine_; }

 private:
  Turns& turns_;
  bool mine_ = false;
};

}  // namespace cairn::redis
