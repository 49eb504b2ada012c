#include "background.hpp"

#include <memory>
#include <system_error>

namespace cairn::hosting {

bool Background::submit(Job job) {
  const std::lock_guard lock(mutex_);
  if (stopping_ || jobs_.size() >= static_cast<std::size_t>(queue_limit_)) return false;
  if (jobs_.size() >= static_cast<std::size_t>(idle_) && living_ < threads_wanted_) {
    try {
      threads_.emplace_back([this] { work(); });
      ++living_;
    } catch (const std::system_error&) {  // the system has no more: those there are have to do
      if (living_ == 0) return false;
    }
  }
  jobs_.push_back(std::move(job));
  changed_.notify_one();
  return true;
}

void Background::shut_down() {
  std::deque<Job> abandoned;  // destroyed outside the lock: they land their flights
  std::vector<std::thread> threads;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    if (!wait_on_shutdown_) abandoned.swap(jobs_);
    threads.swap(threads_);
  }
  changed_.notify_all();
  for (std::thread& thread : threads) {
    if (thread.get_id() == std::this_thread::get_id()) {
      thread.detach();  // a job that calls exit(): it cannot wait for itself
    } else {
      thread.join();
    }
  }
}

void Background::work() {
  struct Leaving {
    Background& pool;
    ~Leaving() {
      const std::lock_guard lock(pool.mutex_);
      --pool.living_;
    }
  } const leaving{*this};
  std::unique_lock lock(mutex_);
  for (;;) {
    ++idle_;
    changed_.wait(lock, [this] { return stopping_ || !jobs_.empty(); });
    --idle_;
    if (jobs_.empty()) return;
    Job job = std::move(jobs_.front());
    jobs_.pop_front();
    lock.unlock();
    job();
    job = nullptr;
    lock.lock();
  }
}

void Background::after_fork() {
  std::construct_at(&mutex_);
  std::construct_at(&changed_);
  std::construct_at(&jobs_);
  // The handles of threads that do not exist here must be neither joined nor destroyed.
  std::construct_at(&threads_);
  idle_ = 0;
  living_ = 0;
}

}  // namespace cairn::hosting
