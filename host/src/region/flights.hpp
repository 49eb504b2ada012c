// Flights: who in this process is creating the value of which key.
//
// The first caller of a key leads its flight and creates; the others join and wait in memory. When the
// leader lands, every waiter gets the finished value handed to it: nobody takes a lock merely to look.
//
//     Flights::Claim claim = flights.claim(key);
//     if (claim.lead) {
//       claim.lead.land_with(create());     // what throws on the way lands empty-handed
//     } else {
//       claim.other->wait(deadline);
//     }
//
// A flight is over for newcomers only after its value is in the store and `landings` has gone up. So a
// caller that reads landings(), then the store, then becomes leader, and finds landings() unchanged,
// knows that nobody created the key in between, and need not look again.
//
// Threads: any function, any thread. A flight may be landed by another thread than the one that began it.
#pragma once

#include "futex_word.hpp"

#include <cairn/entry.hpp>

#include <array>
#include <atomic>
#include <chrono>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <utility>

namespace cairn::hosting {

/// One creation under way, as those see it who wait for its end.
class Flight {
 public:
  enum class Landing : std::uint8_t {
    none,     ///< still in the air
    value,    ///< here it is
    failed,   ///< the creator threw
    gave_up,  ///< nothing was created: look again
  };

  explicit Flight(std::string key) : key_(std::move(key)), leader_(std::this_thread::get_id()) {}

  /// Waits until it lands or `deadline` passes; none: it passed. If what would create the value waits in a
  /// queue that is not yet come to, does it instead: a queue may be long, or wait for the caller.
  Landing wait(FutexWord::Deadline deadline) const;
  /// After wait() returned `value`.
  const Entry& value() const noexcept { return value_; }
  /// After wait() returned `failed`.
  const std::exception_ptr& error() const noexcept { return error_; }

  const std::string& key() const noexcept { return key_; }
  bool led_by_this_thread() const noexcept { return leader_.load() == std::this_thread::get_id(); }

 private:
  friend class Lead;

  const std::string key_;
  std::atomic<std::thread::id> leader_;
  // Written by the leader before the landing, read by others after it.
  Entry value_;
  std::exception_ptr error_;
  std::function<void()> take_up_;                 // written before it is in_queue
  static constexpr std::uint32_t in_queue = 100;  // a kind of none, for wait()
  FutexWord landing_{static_cast<std::uint32_t>(Landing::none)};
};

class Flights;

/// To lead a flight: the right and the duty to end it, once. Dropped, it ends it empty-handed. One that
/// leads nothing has nothing to end.
class Lead {
 public:
  Lead() noexcept = default;
  Lead(Flights& flights, std::shared_ptr<Flight> flight) noexcept
      : flights_(&flights), flight_(std::move(flight)) {}
  Lead(Lead&&) noexcept = default;
  Lead& operator=(Lead&& other) noexcept {
    Lead old(std::move(other));
    std::swap(flights_, old.flights_);
    std::swap(flight_, old.flight_);
    return *this;
  }
  ~Lead() { land_empty(); }

  explicit operator bool() const noexcept { return flight_ != nullptr; }
  /// Precondition: it leads.
  const std::string& key() const noexcept { return flight_->key(); }

  void land_with(Entry value) noexcept;
  /// Null, as current_exception() is for a thread that ends, tells the waiters nothing: they look again.
  void land_failed(std::exception_ptr error) noexcept;
  void land_empty() noexcept;

  /// The calling thread goes on with the creation.
  void hand_to_this_thread() noexcept { flight_->leader_ = std::this_thread::get_id(); }
  /// Nobody goes on with it for the moment: it waits in a queue. Who needs the value before may call
  /// `take_up`, if there is one, which creates it unless that has begun; it must not keep this alive.
  void set_down(std::function<void()> take_up = nullptr) noexcept;

 private:
  void land(Flight::Landing landing) noexcept;

  Flights* flights_ = nullptr;
  std::shared_ptr<Flight> flight_;
};

class Flights {
 public:
  Flights() = default;
  Flights(const Flights&) = delete;
  Flights& operator=(const Flights&) = delete;

  /// One of the two.
  struct Claim {
    Lead lead;
    std::shared_ptr<const Flight> other;
  };
  /// A new flight of `key`, or the one in the air.
  Claim claim(std::string_view key);
  /// Leads nothing if somebody else's is in the air.
  Lead try_lead(std::string_view key);
  bool in_flight(std::string_view key) const;

  /// How many flights have landed.
  std::uint64_t landings() const noexcept { return landings_.load(std::memory_order_acquire); }

  /// In the child of a fork: forgets flights whose leaders do not exist here.
  void after_fork();

 private:
  friend class Lead;

  struct KeyHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view key) const noexcept {
      return std::hash<std::string_view>()(key);
    }
  };
  struct Shard {
    mutable std::mutex mutex;
    std::unordered_map<std::string, std::shared_ptr<Flight>, KeyHash, std::equal_to<>> flights;
  };
  Shard& shard_of(std::string_view key) const noexcept {
    return shards_[(KeyHash()(key) >> 7) % shards_.size()];
  }
  void retire(const Flight& flight) noexcept;

  mutable std::array<Shard, 32> shards_;
  alignas(64) std::atomic<std::uint64_t> landings_{0};  // read by every get_or_create
};

}  // namespace cairn::hosting
