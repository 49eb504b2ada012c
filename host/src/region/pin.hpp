// A pointer that many threads use while one may replace it: who reads pins it, and who replaces it waits
// until nobody still uses the old one. Hazard pointers (Maged Michael, 2004), one per call under way:
//
//   reader   1. loads the pointer p
//            2. writes p to a slot of its own thread
//            3. loads the pointer again: if it is no longer p, back to 2 with what it is now
//            4. uses what p points to, then empties the slot
//   writer   a. swaps the pointer
//            b. waits until no slot of any thread has the old one
//
// Of 2 before 3, and a before b, at least one side sees the other (fences.hpp). If the reader sees the
// swap it starts over; if the writer sees the slot it waits. So a hit writes to its own thread's line
// only, with plain stores, and reads a line that nobody writes.
//
// A slot may be emptied by another thread than the one that filled it, so a call may move between
// threads, as fibers do.
//
// Threads: pin() from any thread; replace() from one at a time.
#pragma once

#include "fences.hpp"
#include "thread_line.hpp"

#include <atomic>
#include <chrono>
#include <thread>

namespace cairn::hosting {

template <class T>
class Pinned {
 public:
  explicit Pinned(const T* initial) noexcept : current_(initial) {}
  Pinned(const Pinned&) = delete;
  Pinned& operator=(const Pinned&) = delete;

  class Pin {
   public:
    Pin(const std::atomic<const T*>& current, ThreadLine& line)
        : slot_(line.free_slot()), value_(put_on(current, slot_)) {}
    Pin(const Pin&) = delete;
    Pin& operator=(const Pin&) = delete;
    ~Pin() { slot_.store(nullptr, std::memory_order_release); }
    const T& operator*() const noexcept { return *value_; }
    const T* operator->() const noexcept { return value_; }

   private:
    // In locals, which the compiler keeps in registers across the fence.
    static const T* put_on(const std::atomic<const T*>& current, ThreadLine::Slot& slot) {
      const T* value = current.load();
      for (;;) {
        Fences::store<const void*>(slot, value);
        const T* const now = current.load();
        if (now == value) [[likely]]
          return value;
        value = now;
      }
    }

    ThreadLine::Slot& slot_;
    const T* const value_;
  };

  /// Errors: std::bad_alloc at the first call in a thread.
  Pin pin() const { return pin(ThreadLine::mine()); }
  /// `line` is the calling thread's. Errors: std::bad_alloc, when a thread is in very many calls at once.
  Pin pin(ThreadLine& line) const { return Pin(current_, line); }

  /// Puts `next` in place and waits up to `patience` until nobody uses what was there before. False:
  /// somebody still does, or may, and it must be kept.
  bool replace(const T* next, std::chrono::milliseconds patience) noexcept {
    const T* const before = current_.exchange(next);
    if (!Fences::heavy()) return false;
    const auto deadline = std::chrono::steady_clock::now() + patience;
    for (int looks = 0;; ++looks) {
      switch (ThreadLine::holder_of(before)) {
        case ThreadLine::Holder::nobody: return true;
        case ThreadLine::Holder::this_thread: return false;  // it would wait for itself
        case ThreadLine::Holder::another: break;
      }
      if (std::chrono::steady_clock::now() >= deadline) return false;
      if (looks < 100) {
        std::this_thread::yield();
      } else {  // that is no hit in memory
        std::this_thread::sleep_for(std::chrono::microseconds(100));
      }
    }
  }

  /// In the child of a fork, where there is nobody to wait for.
  void after_fork(const T* next) noexcept { current_ = next; }

 private:
  std::atomic<const T*> current_;
};

}  // namespace cairn::hosting
