#include "lease.hpp"

#include <system_error>

namespace cairn::hosting {

LeaseKeeper::~LeaseKeeper() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (thread_) thread_->join();
}

LeaseKeeper::Handle LeaseKeeper::keep(std::chrono::nanoseconds interval,
                                      std::function<bool()> renew) {
  const std::lock_guard lock(mutex_);
  const std::uint64_t id = ++last_id_;
  leases_.emplace(id, Lease{interval, std::move(renew)});
  due_.emplace(std::chrono::steady_clock::now() + interval, id);
  if (!thread_) {
    try {
      thread_ = std::make_unique<std::thread>([this] { run(); });
    } catch (const std::system_error&) {  // not now: the next to keep a lease tries again
    }
  }
  changed_.notify_all();
  return Handle(*this, id);
}

void LeaseKeeper::drop(std::uint64_t id) {
  std::unique_lock lock(mutex_);
  leases_.erase(id);
  changed_.wait(lock, [&] { return renewing_ != id; });
}

void LeaseKeeper::run() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    if (due_.empty()) {
      changed_.wait(lock);
      continue;
    }
    const auto first = due_.begin();
    if (std::chrono::steady_clock::now() < first->first) {
      changed_.wait_until(lock, first->first);
      continue;
    }
    const std::uint64_t id = first->second;
    due_.erase(first);
    const auto lease = leases_.find(id);
    if (lease == leases_.end()) continue;
    const std::function<bool()> renew = lease->second.renew;
    const auto interval = lease->second.interval;
    renewing_ = id;
    lock.unlock();
    bool held = true;
    try {
      held = renew();
    } catch (...) {  // the store could not be asked: try again next time
    }
    lock.lock();
    renewing_ = 0;
    if (held && leases_.count(id) != 0) {
      due_.emplace(std::chrono::steady_clock::now() + interval, id);
    } else {
      leases_.erase(id);
    }
    changed_.notify_all();
  }
}

void LeaseKeeper::after_fork() {
  std::construct_at(&mutex_);
  std::construct_at(&changed_);
  std::construct_at(&leases_);
  std::construct_at(&due_);
  renewing_ = 0;
  static_cast<void>(thread_.release());  // it does not exist here
}

}  // namespace cairn::hosting
