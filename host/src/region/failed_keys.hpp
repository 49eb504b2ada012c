// Keys whose background creator failed lately: nobody tries again before a pause is over, which doubles
// with every failure in a row, so that a creator that fails is not run by everybody at once.
//
// Threads: any method, any thread, any time.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

namespace cairn::hosting {

class FailedKeys {
 public:
  static constexpr std::chrono::milliseconds shortest{1000};
  static constexpr std::chrono::milliseconds longest{30'000};

  /// Whether the pause of `key` is not over.
  bool pausing(std::string_view key) const;
  /// Returns the pause that begins.
  std::chrono::milliseconds failed(const std::string& key);
  void succeeded(const std::string& key);

  /// In the child of a fork: forgets them all.
  void after_fork();

 private:
  static constexpr std::size_t fewest_to_sweep = 10'000;

  struct Pause {
    std::chrono::steady_clock::time_point until;
    std::chrono::milliseconds length;
  };

  struct KeyHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view key) const noexcept {
      return std::hash<std::string_view>()(key);
    }
  };

  mutable std::mutex mutex_;
  // Guarded by mutex_. Those that are over are thrown out when there are `sweep_at_`: memory, not a promise.
  std::unordered_map<std::string, Pause, KeyHash, std::equal_to<>> pauses_;
  std::size_t sweep_at_ = fewest_to_sweep;
  std::atomic<std::size_t> count_{0};  // of pauses_: nearly always none
};

}  // namespace cairn::hosting
