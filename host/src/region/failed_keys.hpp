// Keys whose background creator failed lately: nobody tries again before a pause is over, which doubles
// with every failure in a row, so that a creator that fails is not run by everybody at once.
//
// Threads: any method, any thread, any time.
#pragma once

#include <atomic>
#include <chrono>
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
  struct Pause {
    std::chrono::steady_clock::time_point until;
    std::chrono::milliseconds length;
  };

  mutable std::mutex mutex_;
  std::unordered_map<std::string, Pause> pauses_;  // guarded by mutex_
  std::atomic<std::size_t> count_{0};              // of pauses_: nearly always none
};

}  // namespace cairn::hosting
