// A pointer that many threads use while one may replace it: who reads pins it, and who replaces it
// waits until nobody still uses the old one.
//
// Reading costs two uncontended atomic additions on a line of the reader's own stripe; no lock, no
// shared counter. The scheme is that of sleepable RCU (McKenney, "Sleepable Read-Copy Update", 2006):
// readers count themselves in under one of two phases; the writer swaps the pointer, then flips the
// phase and waits for the old phase's count to reach zero, twice. A reader that saw the old pointer
// counted itself in before it looked, hence before the swap in the single order of sequentially
// consistent operations, and so is waited for.
//
// Threads: pin() from any thread; replace() from one at a time.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <thread>

namespace cairn::hosting {

constexpr std::size_t stripe_count = 16;

// Trivial and initial-exec: no destructor that could outlive us, no call to find it.
[[gnu::tls_model("initial-exec")]] extern constinit thread_local std::size_t my_stripe;
std::size_t choose_stripe() noexcept;

/// A small number per thread, so that threads spread over stripes.
inline std::size_t thread_stripe() noexcept {
  const std::size_t mine = my_stripe;
  return mine < stripe_count ? mine : choose_stripe();
}

template <class T>
class Pinned {
 public:
  explicit Pinned(const T* initial) noexcept : current_(initial) {}
  Pinned(const Pinned&) = delete;
  Pinned& operator=(const Pinned&) = delete;

  class Pin {
   public:
    Pin(std::atomic<std::int64_t>& count, const std::atomic<const T*>& current) noexcept
        : count_(count) {
      count_.fetch_add(1, std::memory_order_seq_cst);
      value_ = current.load(std::memory_order_seq_cst);
    }
    Pin(const Pin&) = delete;
    Pin& operator=(const Pin&) = delete;
    ~Pin() { count_.fetch_sub(1, std::memory_order_release); }
    const T& operator*() const noexcept { return *value_; }
    const T* operator->() const noexcept { return value_; }

   private:
    std::atomic<std::int64_t>& count_;
    const T* value_;
  };

  Pin pin() noexcept { return pin(thread_stripe()); }
  Pin pin(std::size_t stripe) noexcept {
    const unsigned phase = phase_.load(std::memory_order_relaxed) & 1u;
    return Pin(stripes_[stripe].inside[phase], current_);
  }

  /// Puts `next` in place and waits up to `patience` until nobody uses what was there before. False:
  /// somebody still does, and it must be kept.
  bool replace(const T* next, std::chrono::milliseconds patience) noexcept {
    current_.store(next, std::memory_order_seq_cst);
    const auto deadline = std::chrono::steady_clock::now() + patience;
    for (int flip = 0; flip < 2; ++flip) {
      const unsigned old_phase = phase_.fetch_add(1, std::memory_order_seq_cst) & 1u;
      for (Stripe& stripe : stripes_) {
        while (stripe.inside[old_phase].load(std::memory_order_seq_cst) != 0) {
          if (std::chrono::steady_clock::now() >= deadline) return false;
          std::this_thread::yield();
        }
      }
    }
    return true;
  }

  /// In the child of a fork: the other threads are gone, and so are their pins.
  void after_fork(const T* next) noexcept {
    current_.store(next);
    for (Stripe& stripe : stripes_) {
      stripe.inside[0] = 0;
      stripe.inside[1] = 0;
    }
  }

 private:
  struct alignas(64) Stripe {
    std::array<std::atomic<std::int64_t>, 2> inside{};
  };

  alignas(64) std::atomic<const T*> current_;
  std::atomic<unsigned> phase_{0};
  std::array<Stripe, stripe_count> stripes_;
};

}  // namespace cairn::hosting
