// Creating one missing or stale value: who does it, who waits, who gets what.
//
//   stale    one caller becomes leader and creates, here or in the background; the others, and a
//            leader whose lock is held by another process, get the old value at once
//   missing  one caller leads and creates; the others wait for its flight to land, up to `lock_wait`
//   early    like stale, but the old value is still good
//
// With a lock in the store the leader alone competes for it, for its whole process: it waits by polling
// the *value* with growing, jittered naps, or is woken by the store, so that nobody takes the lock
// merely to find the value there.
#pragma once

#include "region_core.hpp"
#include "store_lock.hpp"

namespace cairn::hosting {

class Creation {
 public:
  using Deadline = std::chrono::steady_clock::time_point;

  Creation(RegionCore& core, SetupPtr setup, const Lifetime& lifetime, Key key,
           detail::Accept accept, detail::Create create,
           const std::function<detail::DetachedCreate()>& detach);

  /// Ends with a call of accept, or throws. `landings` was read before the store was.
  void run(RegionCore::Candidate candidate, std::uint64_t landings);

  /// Calls `create`, counts, stamps and stores what it made; gives the entry that callers get.
  /// Whatever the creator throws comes out, counted.
  static Entry create_and_store(RegionCore& core, const Setup& setup, Key key,
                                detail::Create create, const StoreLock& lock);
  /// Stores one value that was created since `began`. With a lost lock, not over a newer one.
  static void store(RegionCore& core, const Setup& setup, Key key, const Entry& entry,
                    bool lock_lost, Time began);
  /// Whether the old value may be served although the creator failed.
  static bool may_serve_on_error(const RegionCore& core, const Setup& setup,
                                 const Lifetime& lifetime, Key key,
                                 const RegionCore::Candidate& old);
  /// Waits, with the store's help where it has any, until the lock of `key` may be free: at most `nap`,
  /// which grows.
  static void nap(RegionCore& core, const Setup& setup, Key key, std::chrono::milliseconds& nap,
                  Deadline deadline);

 private:
  using Candidate = RegionCore::Candidate;

  void recreate(Candidate old, std::uint64_t landings);
  bool recreate_in_background(const FlightPtr& flight, StoreLock& lock);
  void wait_or_create(Candidate old, std::uint64_t landings);
  /// True: a value appeared meanwhile, and was accepted.
  bool take_store_lock(const FlightPtr& flight, StoreLock& lock, const Candidate& old);
  /// Calls the creator, and lands the flight if there is one.
  void make(const FlightPtr& flight, StoreLock& lock, const Candidate& old);
  void serve_old(const Candidate& old);
  void give_up_waiting(const FlightPtr& flight, const Candidate& old);

  RegionCore& core_;
  const SetupPtr setup_;
  const Lifetime lifetime_;
  const Key key_;
  const detail::Accept accept_;
  const detail::Create create_;
  const std::function<detail::DetachedCreate()>& detach_;
  const Deadline deadline_;
};

/// Ends a flight empty-handed unless it was landed.
class LandingGuard {
 public:
  LandingGuard(Flights& flights, FlightPtr flight) noexcept
      : flights_(flights), flight_(std::move(flight)) {}
  LandingGuard(const LandingGuard&) = delete;
  LandingGuard& operator=(const LandingGuard&) = delete;
  ~LandingGuard() {
    if (flight_) flights_.land_empty(flight_);
  }
  void landed() noexcept { flight_ = nullptr; }

 private:
  Flights& flights_;
  FlightPtr flight_;
};

}  // namespace cairn::hosting
