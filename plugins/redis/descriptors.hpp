// Which file descriptors a backend has open, so that a child after fork can close its copies.
//
// In the child nothing else of the parent's may be touched: its threads, gone now, may have been in
// the middle of anything. So this is a fixed array of atomics. What finds no place in it is not
// closed in children, and does no harm there.
//
// Threads: any.
#pragma once

#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <memory>

namespace cairn::redis {

class Descriptors {
 public:
  void add(int fd) noexcept {
    for (std::atomic<int>& slot : slots_) {
      int free = none;
      if (slot.load(std::memory_order_relaxed) == none && slot.compare_exchange_strong(free, fd))
        return;
    }
  }
  /// Before it is closed: its number may be given to somebody else at once.
  void remove(int fd) noexcept {
    for (std::atomic<int>& slot : slots_) {
      int it = fd;
      if (slot.load(std::memory_order_relaxed) == fd && slot.compare_exchange_strong(it, none))
        return;
    }
  }
  /// In a child after fork.
  void close_inherited() noexcept {
    for (std::atomic<int>& slot : slots_) {
      const int fd = slot.exchange(none);
      if (fd != none) close(fd);
    }
  }

 private:
  static constexpr int none = 0;  // standard input is never ours
  std::array<std::atomic<int>, 512> slots_{};
};

/// Wakes somebody who sleeps on a socket: an eventfd, made for the first who does.
class Doorbell {
 public:
  explicit Doorbell(std::shared_ptr<Descriptors> descriptors)
      : descriptors_(std::move(descriptors)) {}
  Doorbell(const Doorbell&) = delete;
  Doorbell& operator=(const Doorbell&) = delete;
  ~Doorbell() {
    if (fd_ < 0) return;
    descriptors_->remove(fd_);
    close(fd_);
  }

  /// Readable after a ring; -1: there is none, and nobody is woken early. For one at a time, who lets
  /// others ring afterwards.
  int fd() noexcept {
    if (fd_ < 0) {
      const int made = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
      if (made >= 0) descriptors_->add(made);
      fd_ = made;
    }
    return fd_;
  }
  void ring() noexcept { eventfd_write(fd_, 1); }
  void silence() noexcept {
    eventfd_t rings = 0;
    eventfd_read(fd_, &rings);
  }

 private:
  const std::shared_ptr<Descriptors> descriptors_;
  std::atomic<int> fd_{-1};
};

}  // namespace cairn::redis
