// Keys of which something was learnt a moment ago.
//
// Remembers some hundred keys for a second, the latest of those that share a place. It may take a key
// for another one, rarely.
//
// Threads: any.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <string_view>

namespace cairn::redis {

class RecentKeys {
 public:
  using Clock = std::chrono::steady_clock;

  void add(std::string_view key, Clock::time_point now) noexcept {
    const std::size_t hash = std::hash<std::string_view>()(key);
    place(hash).store(mark(hash, now), std::memory_order_relaxed);
  }
  bool has(std::string_view key, Clock::time_point now) const noexcept {
    const std::size_t hash = std::hash<std::string_view>()(key);
    const std::uint64_t seen = place(hash).load(std::memory_order_relaxed);
    const std::uint64_t wanted = mark(hash, now);
    return seen >> 32 == wanted >> 32 &&
           static_cast<std::uint32_t>(wanted - seen) <= remembered.count();
  }

 private:
  static constexpr auto remembered = std::chrono::milliseconds(1000);

  // Half a hash and the time in milliseconds.
  static std::uint64_t mark(std::size_t hash, Clock::time_point now) noexcept {
    const auto time = std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch());
    return (std::uint64_t{hash} >> 32 << 32) | static_cast<std::uint32_t>(time.count());
  }
  std::atomic<std::uint64_t>& place(std::size_t hash) noexcept { return places_[hash % 256]; }
  const std::atomic<std::uint64_t>& place(std::size_t hash) const noexcept {
    return places_[hash % 256];
  }

  std::array<std::atomic<std::uint64_t>, 256> places_{};
};

}  // namespace cairn::redis
