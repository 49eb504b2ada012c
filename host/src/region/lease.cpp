#include "lease.hpp"

#include <exception>

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
  const auto lease =
      leases_.emplace(id, Lease{interval, std::move(renew), due_.end(), false}).first;
  try {
    lease->second.due = due_.emplace(std::chrono::steady_clock::now() + interval, id);
  } catch (...) {
    leases_.erase(lease);
    throw;
  }
  if (!thread_) {
    try {
      thread_ = std::make_unique<std::thread>([this] { run(); });
    } catch (const std::exception&) {  // not now: the next to keep a lease tries again
    }
  }
  if (lease->second.due == due_.begin()) changed_.notify_all();  // it sleeps until another's turn
  return Handle(*this, id);
}

void LeaseKeeper::drop(std::uint64_t id) {
  std::unique_lock lock(mutex_);
  const auto lease = leases_.find(id);
  if (lease == leases_.end()) return;  // it was lost
  if (renewing_ == id) {
    lease->second.dropped = true;
    changed_.wait(lock, [&] { return leases_.count(id) == 0; });
  } else {
    due_.erase(lease->second.due);
    leases_.erase(lease);
  }
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
      const auto until = first->first;
      changed_.wait_until(lock, until);
      continue;
    }
    auto turn = due_.extract(first);  // and put back: nothing here asks for memory
    const auto lease = leases_.find(turn.mapped());
    renewing_ = lease->first;  // so it stays where it is
    lock.unlock();
    bool held = true;
    try {
      held = lease->second.renew();
    } catch (...) {  // the store could not be asked: try again next time
    }
    lock.lock();
    renewing_ = 0;
    if (held && !lease->second.dropped) {
      turn.key() = std::chrono::steady_clock::now() + lease->second.interval;
      lease->second.due = due_.insert(std::move(turn));
    } else {
      leases_.erase(lease);
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
