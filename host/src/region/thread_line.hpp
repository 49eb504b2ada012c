// What a thread has to itself in the host: a line of memory that no other thread writes while it lives,
// with what the thread is using at the moment (pin.hpp) and a number, by which it finds what else is
// its own (counters.hpp).
//
// Threads: each its own line. Lifetimes: lines are never destroyed; a new thread takes over that of one
// that has ended. Errors: std::bad_alloc at the first call in a thread.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

namespace cairn::hosting {

class alignas(128) ThreadLine {  // two lines of 64 bytes: processors fetch them in pairs
 public:
  using Slot = std::atomic<const void*>;

  /// Of the calling thread.
  static ThreadLine& mine() {
    ThreadLine* line = mine_;
    return line != nullptr ? *line : take_mine();
  }
  ThreadLine(const ThreadLine&) = delete;
  ThreadLine& operator=(const ThreadLine&) = delete;

  /// 0, 1, 2... in the order in which so many threads ran at once. No other thread has it meanwhile.
  unsigned number() const noexcept { return number_; }

  /// One that holds nothing, for this thread to fill; anybody may empty it. The first, unless this is a
  /// call within a call.
  Slot& free_slot() {
    if (slots_[0].load(std::memory_order_relaxed) == nullptr) [[likely]]
      return slots_[0];
    return another_slot();
  }

  enum class Holder : std::uint8_t { nobody, this_thread, another };
  /// Who has `what` in a slot. Good for all that was stored before a heavy fence before it.
  static Holder holder_of(const void* what) noexcept;

  /// In the child of a fork: the lines of the other threads are free.
  static void after_fork() noexcept;
  /// By the C library, at the end of the thread that `line` belongs to.
  static void thread_ended(void* line) noexcept;

 private:
  explicit ThreadLine(unsigned number) noexcept : number_(number) {}

  [[gnu::cold, gnu::noinline]] static ThreadLine& take_mine();
  static ThreadLine& take_any();
  [[gnu::cold, gnu::noinline]] Slot& another_slot();
  bool holds(const void* what) const noexcept;

  std::array<Slot, 5> slots_{};  // a call within a call of the same thread takes one more
  ThreadLine* more_ = nullptr;   // the same thread's, when these did not suffice
  std::atomic<ThreadLine*> next_{nullptr};
  const unsigned number_;
  std::atomic<bool> taken_{true};

  static std::atomic<ThreadLine*> first_;
  // Trivial and initial-exec: no destructor that could come too early, no call to find it.
  [[gnu::tls_model("initial-exec")]] static constinit thread_local ThreadLine* mine_;
};

}  // namespace cairn::hosting
