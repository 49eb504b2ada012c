// Leases: keeping creation locks in a store alive while their creators run.
//
// A lock in a store is held for a limited time, so that a holder that dies does not block a key for
// ever. A LeaseKeeper renews each held lock after a third of that time, from one thread per host,
// which runs only while there is something to renew. While the system cannot start that thread, nothing is
// renewed: a lock then ends after its first term, and another process may create the same value.
//
// Threads: any function, any thread.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>

namespace cairn::hosting {

class LeaseKeeper {
 public:
  LeaseKeeper() = default;
  LeaseKeeper(const LeaseKeeper&) = delete;
  LeaseKeeper& operator=(const LeaseKeeper&) = delete;
  ~LeaseKeeper();

  /// Calls `renew` every `interval` until it returns false or the handle is let go. Letting go waits
  /// for a renewal that is under way.
  class Handle {
   public:
    Handle() = default;
    Handle(LeaseKeeper& keeper, std::uint64_t id) noexcept : keeper_(&keeper), id_(id) {}
    Handle(Handle&& other) noexcept
        : keeper_(std::exchange(other.keeper_, nullptr)), id_(other.id_) {}
    Handle& operator=(Handle&& other) noexcept {
      std::swap(keeper_, other.keeper_);
      std::swap(id_, other.id_);
      return *this;
    }
    ~Handle() {
      if (keeper_ != nullptr) keeper_->drop(id_);
    }

   private:
    LeaseKeeper* keeper_ = nullptr;
    std::uint64_t id_ = 0;
  };
  Handle keep(std::chrono::nanoseconds interval, std::function<bool()> renew);

  /// In the child of a fork: the thread is gone, and the locks are the parent's.
  void after_fork();

 private:
  // When what is due. A lease that is dropped leaves it at once: its term may be days away.
  using Due = std::multimap<std::chrono::steady_clock::time_point, std::uint64_t>;
  struct Lease {
    std::chrono::nanoseconds interval;
    std::function<bool()> renew;
    Due::iterator due;
    bool dropped;  // while it was renewed
  };

  void drop(std::uint64_t id);
  void run();

  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::uint64_t, Lease> leases_;
  Due due_;
  std::uint64_t renewing_ = 0;
  std::uint64_t last_id_ = 0;
  bool stopping_ = false;
  std::unique_ptr<std::thread> thread_;
};

}  // namespace cairn::hosting
