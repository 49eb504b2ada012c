// A fence in two halves, cheap for those who read all the time and dear for those who write now and then.
//
// Two threads each store something and then look at what the other stores; at least one of them must see
// it. A full fence between store and look, in both, does that, and costs a reader as much as the rest of
// its work. Here the reader only keeps the compiler from swapping the two, and the writer calls
// membarrier(2), which makes every running thread of the process execute a fence (Dice, Huang, Yang:
// "Asymmetric Dekker Synchronization", 2001). Where the kernel refuses it when the library is loaded (an
// old one, a strict seccomp filter), both sides execute their own.
//
// Threads: any function, any thread; prepare() alone.
#pragma once

#include <atomic>

namespace cairn::hosting {

class Fences {
 public:
  /// The reader's side: a store that releases, and the light half.
  template <class T>
  static void store(std::atomic<T>& where, T what) noexcept {
    if (asymmetric()) [[likely]] {
      where.store(what, std::memory_order_release);
      std::atomic_signal_fence(std::memory_order_seq_cst);
    } else {
      where.exchange(what, std::memory_order_seq_cst);
    }
  }
  /// The writer's: after its store, which like all looks on both sides is sequentially consistent. False:
  /// the kernel has come to refuse it, and what readers stored may not show.
  static bool heavy() noexcept;

  /// Asks the kernel: when the library is loaded, and after a fork.
  static bool prepare() noexcept;
#if defined(__SANITIZE_THREAD__)  // it does not know membarrier
  static constexpr bool asymmetric() noexcept {
    return false;
  }
#else
  static bool asymmetric() noexcept {
    return asymmetric_.load(std::memory_order_relaxed);
  }
#endif

 private:
  static std::atomic<bool> asymmetric_;
};

}  // namespace cairn::hosting
