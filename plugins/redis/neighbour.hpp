// Whether the server runs on our core, as seen now and then.
//
// Threads: saw() by one at a time; is_here() by any.
#pragma once

#include <atomic>

namespace cairn::redis {

class Neighbour {
 public:
  bool is_here() const noexcept { return share_.load(std::memory_order_relaxed) > always / 2; }

  void saw(bool here) noexcept {
    const int share = share_.load(std::memory_order_relaxed);
    share_.store(share + ((here ? always : 0) - share) / 4, std::memory_order_relaxed);
  }

 private:
  static constexpr int always = 1024;
  std::atomic<int> share_{0};  // of the looks, smoothed
};

}  // namespace cairn::redis
