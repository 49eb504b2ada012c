// Flights: who in this process is creating the value of which key.
//
// The first caller of a key leads its flight and creates; the others join and wait in memory. When the
// leader lands, every waiter gets the finished value handed to it: nobody takes a lock merely to look.
//
// A flight is over for newcomers only after its value is in the store and `landings` has gone up. So a
// caller that reads landings(), then the store, then becomes leader, and finds landings() unchanged,
// knows that nobody created the key in between, and need not look again.
//
// Threads: any function, any thread. A flight may be landed by another thread than the one that began it.
#pragma once

#include <cairn/entry.hpp>

#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>

namespace cairn::hosting {

class Flights;

/// One creation under way.
class Flight {
 public:
  enum class Landing : std::uint8_t {
    none,     ///< still in the air
    value,    ///< here it is
    failed,   ///< the creator threw
    gave_up,  ///< nothing was created: look again
  };

  explicit Flight(std::string key) : key_(std::move(key)), leader_(std::this_thread::get_id()) {}

  /// Waits until it lands or `deadline` (max: for ever) passes; none: it passed.
  Landing wait(std::chrono::steady_clock::time_point deadline);
  /// After wait() returned `value`.
  const Entry& value() const noexcept { return *value_; }
  /// After wait() returned `failed`.
  std::exception_ptr error() const noexcept { return error_; }

  const std::string& key() const noexcept { return key_; }
  bool led_by_this_thread() const noexcept { return leader_.load() == std::this_thread::get_id(); }
  /// The calling thread goes on with the creation.
  void hand_to_this_thread() noexcept { leader_ = std::this_thread::get_id(); }
  /// Nobody leads for the moment: it waits in a queue.
  void set_down() noexcept { leader_ = std::thread::id(); }

 private:
  friend class Flights;
  void land(Landing landing, std::optional<Entry> value, std::exception_ptr error);

  const std::string key_;
  std::atomic<std::thread::id> leader_;
  std::mutex mutex_;
  std::condition_variable landed_;
  Landing landing_ = Landing::none;  // guarded by mutex_; value_ and error_ are set before it
  std::optional<Entry> value_;
  std::exception_ptr error_;
};

using FlightPtr = std::shared_ptr<Flight>;

class Flights {
 public:
  Flights() = default;
  Flights(const Flights&) = delete;
  Flights& operator=(const Flights&) = delete;

  struct Claim {
    FlightPtr flight;
    bool leads;
  };
  /// The flight of `key`: a new one that the caller leads and must land, or the one in the air.
  Claim claim(std::string_view key);
  /// Like claim(), but null instead of somebody else's.
  FlightPtr try_lead(std::string_view key);
  bool in_flight(std::string_view key) const;

  // Each of these ends the flight. Call exactly one, once.
  void land_with(const FlightPtr& flight, Entry value);
  void land_failed(const FlightPtr& flight, std::exception_ptr error);
  void land_empty(const FlightPtr& flight);

  /// How many flights have landed.
  std::uint64_t landings() const noexcept { return landings_.load(std::memory_order_acquire); }

  /// In the child of a fork: forgets flights whose leaders do not exist here.
  void after_fork();

 private:
  struct KeyHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view key) const noexcept {
      return std::hash<std::string_view>()(key);
    }
  };
  struct Shard {
    mutable std::mutex mutex;
    std::unordered_map<std::string, FlightPtr, KeyHash, std::equal_to<>> flights;
  };
  Shard& shard_of(std::string_view key) const noexcept {
    return shards_[(KeyHash()(key) >> 7) % shards_.size()];
  }
  void retire(const FlightPtr& flight);

  mutable std::array<Shard, 32> shards_;
  std::atomic<std::uint64_t> landings_{0};
};

}  // namespace cairn::hosting
