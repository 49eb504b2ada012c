// All the cells of one store. They outlive it for as long as anybody holds one of its records.
//
// Threads: any. Lifetime: an arena is never destroyed; what is closed and empty serves the next store. So
// whoever gives back the last cell can still give back a lock.
#pragma once

#include "cells.hpp"
#include "regions.hpp"

#include <unistd.h>

#include <atomic>
#include <cstddef>
#include <deque>
#include <memory>

namespace cairn::memory {

/// It is its Regions, so that the way leads from a cell back to it.
class Arena : private Regions {
 public:
  struct Close {
    void operator()(Arena* arena) const noexcept {
      if (arena->close()) arena->rest();
    }
  };
  using Owner = std::unique_ptr<Arena, Close>;

  /// Errors: std::bad_alloc.
  static Owner open() {
    // All that rest are taken, and those that are too many put back: without a lock, which somebody may
    // hold for ever in the parent of this process.
    Arena* arena = resting_.exchange(nullptr);
    if (arena == nullptr) {
      arena = new Arena;
    } else {
      for (Arena* more = arena->next_; more != nullptr;) {
        Arena* next = more->next_;
        more->rest();
        more = next;
      }
      arena->reopen();
    }
    arena->process_ = process_now_.load();
    return Owner(arena);
  }
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  static constexpr std::size_t parts = 16;
  /// Users of different parts do not wait for each other. `number` is less than `parts`.
  Cells& part(std::size_t number) noexcept { return parts_[number]; }

  /// To the arena that it is of.
  static void give_back(void* cell) noexcept {
    Cells& cells = Cells::of(cell);
    auto& arena = static_cast<Arena&>(cells.regions());
    if (arena.process_ != process_now_.load(std::memory_order_relaxed)) [[unlikely]]
      return;
    if (cells.give_back(cell)) arena.rest();
  }
  /// In the child of a fork: other threads of the parent may have been in the middle of anything, so all
  /// arenas that are open stay as they are. Any number of times.
  static void leave_behind() noexcept { process_now_ = getpid(); }

  using Regions::mapped_bytes;
  using Regions::taken_bytes;
  using Regions::untidy;

 private:
  Arena() {
    while (parts_.size() < parts) parts_.emplace_back(static_cast<Regions&>(*this));
  }
  ~Arena() = default;
  void rest() noexcept {
    next_ = resting_.load(std::memory_order_relaxed);
    while (!resting_.compare_exchange_weak(next_, this)) {
    }
  }

  std::deque<Cells> parts_;  // which cannot be moved
  pid_t process_ = 0;        // in which it was opened
  Arena* next_ = nullptr;    // of those that rest

  static inline std::atomic<Arena*> resting_{nullptr};
  static inline std::atomic<pid_t> process_now_{getpid()};
};

}  // namespace cairn::memory
