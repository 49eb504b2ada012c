#include "background.hpp"

#include <exception>
#include <memory>

namespace cairn::hosting {

bool Background::submit(Job job) {
  const std::lock_guard lock(mutex_);
  if (stopping_ || jobs_.size() >= static_cast<std::size_t>(queue_limit_)) return false;
  const bool all_busy = jobs_.size() >= static_cast<std::size_t>(idle_);
  // The system may have no more threads: those there are have to do.
  if (all_busy && living_ < threads_wanted_ && !start_thread() && living_ == 0) return false;
  jobs_.push_back(std::move(job));
  changed_.notify_one();
  return true;
}

bool Background::start_thread() {
  try {
    threads_.emplace_back([this] { work(); });
  } catch (const std::exception&) {
    return false;
  }
  ++living_;
  return true;
}

void Background::shut_down() {
  std::deque<Job> abandoned;  // destroyed outside the lock: they land their flights
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    if (!wait_on_shutdown_) abandoned.swap(jobs_);
  }
  changed_.notify_all();
  for (;;) {
    std::vector<std::thread> threads;
    {
      const std::lock_guard lock(mutex_);
      threads.swap(threads_);
    }
    if (threads.empty()) return;  // else one that was ended may have been followed by another
    for (std::thread& thread : threads) {
      if (thread.get_id() == std::this_thread::get_id()) {
        thread.detach();  // a job that calls exit(): it cannot wait for itself
      } else {
        thread.join();
      }
    }
  }
}

void Background::work() {
  struct Leaving {
    Background& pool;
    ~Leaving() {
      const std::lock_guard lock(pool.mutex_);
      --pool.living_;
      // It was ended by its job: another takes its place.
      if (!pool.jobs_.empty()) pool.start_thread();
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
