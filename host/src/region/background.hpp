// The threads that recreate stale values while their callers go on: a bounded pool.
//
// Threads start with the first job. When the queue is full, or no thread can be started, a job is refused,
// and the caller does it itself. Shutdown waits for what is queued, or abandons it; what runs is always waited for.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace cairn::hosting {

class Background {
 public:
  using Job = std::function<void()>;

  Background(int threads, int queue, bool wait_on_shutdown)
      : threads_wanted_(threads), queue_limit_(queue), wait_on_shutdown_(wait_on_shutdown) {}
  Background(const Background&) = delete;
  Background& operator=(const Background&) = delete;
  ~Background() { shut_down(); }

  /// False: the queue is full, there are no threads, or it is shut down. Jobs must not throw; one that ends
  /// its thread is followed by another thread.
  bool submit(Job job);
  /// Idempotent. Abandoned jobs are destroyed without being run.
  void shut_down();
  /// In the child of a fork: the threads and their jobs are the parent's.
  void after_fork();

 private:
  void work();
  /// With the mutex held. False: the system has none.
  bool start_thread();

  const int threads_wanted_;
  const int queue_limit_;
  const bool wait_on_shutdown_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Job> jobs_;
  std::vector<std::thread> threads_;  // and those that a job has ended, until they are joined
  int living_ = 0;
  int idle_ = 0;
  bool stopping_ = false;
};

}  // namespace cairn::hosting
