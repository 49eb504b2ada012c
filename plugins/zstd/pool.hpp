// Things that are dear to make and used by one thread at a time: a thread takes one, and gives it
// back.
//
// Without locks, and without thread_local, whose destructors would have to run in a library that
// may no longer be wanted. A thread starts looking at its own place, so that it mostly gets back
// what it gave, warm. When all places are empty a new one is made, when all are full what comes
// back is destroyed.
#pragma once

#include <atomic>
#include <cstddef>
#include <functional>
#include <memory>
#include <thread>

namespace cairn::zstd {

template <class T>
class Pool {
 public:
  Pool() = default;
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;
  ~Pool() {
    for (Place& place : places_) delete place.idle.load(std::memory_order_acquire);
  }

  /// One that belongs to the caller until the result is destroyed. `make()` returns a
  /// std::unique_ptr<T>.
  template <class Make>
  auto borrow(Make&& make) {
    const std::size_t first = own_place();
    for (std::size_t i = 0; i < size; ++i) {
      Place& place = places_[(first + i) % size];
      if (place.idle.load(std::memory_order_relaxed) == nullptr) continue;
      if (T* idle = place.idle.exchange(nullptr, std::memory_order_acquire))
        return Borrowed(idle, {this});
    }
    return Borrowed(make().release(), {this});
  }

 private:
  struct GiveBack {
    Pool* pool;
    void operator()(T* used) const noexcept { pool->give_back(used); }
  };
  using Borrowed = std::unique_ptr<T, GiveBack>;

  void give_back(T* used) noexcept {
    const std::size_t first = own_place();
    for (std::size_t i = 0; i < size; ++i) {
      T* empty = nullptr;
      if (places_[(first + i) % size].idle.compare_exchange_strong(
              empty, used, std::memory_order_release, std::memory_order_relaxed)) {
        return;
      }
    }
    delete used;
  }

  static constexpr std::size_t size = 32;
  static std::size_t own_place() noexcept {
    const std::size_t id = std::hash<std::thread::id>()(std::this_thread::get_id());
    return (id ^ id >> 17) % size;
  }

  struct alignas(64) Place {
    std::atomic<T*> idle{nullptr};
  };
  Place places_[size];
};

}  // namespace cairn::zstd
