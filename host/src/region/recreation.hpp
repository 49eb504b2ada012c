// A stale value's recreation on another thread, for one key or for many. It owns all that it needs, and
// gives its keys back even if it is never run.
//
// Threads: run() from any thread. Lifetimes: it may outlive its host, if a runner keeps it: then it
// creates nothing.
#pragma once

#include "region_core.hpp"
#include "store_lock.hpp"

#include <cstddef>
#include <exception>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

namespace cairn::hosting {

/// What the first who comes takes, and nobody while it is held back.
class Once {
 public:
  /// True: it is the caller's.
  bool take() {
    const std::lock_guard lock(mutex_);
    return !std::exchange(taken_, true);
  }
  /// Until the result is destroyed.
  [[nodiscard]] std::unique_lock<std::mutex> hold_back() { return std::unique_lock(mutex_); }

 private:
  std::mutex mutex_;
  bool taken_ = false;
};

class Recreation {
 public:
  Recreation(std::shared_ptr<RegionCore> core, SetupPtr setup, Lead lead, StoreLock lock,
             detail::DetachedCreate create);
  Recreation(const Recreation&) = delete;
  Recreation& operator=(const Recreation&) = delete;

  /// Once is enough: of those who call it, at once or later, the first does it.
  void run();
  /// It goes into a queue of ours: whoever needs the value before may run `self`, which is this.
  void wait_in_queue(const std::shared_ptr<Recreation>& self);

  /// Pauses the `count` keys whose creator failed, and logs it, as far as memory allows.
  static void note_failed(RegionCore& core, std::size_t count,
                          detail::FunctionRef<const std::string&(std::size_t)> key,
                          const std::exception_ptr& error) noexcept;

 private:
  const std::shared_ptr<RegionCore> core_;
  const SetupPtr setup_;
  const detail::DetachedCreate create_;
  Once turn_;
  Lead lead_;
  StoreLock lock_;  // declared last: given back before the flight lands
};

}  // namespace cairn::hosting
