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
  using Deadline = FutexWord::Deadline;

  Creation(RegionCore& core, SetupPtr setup, const Lifetime& lifetime, Key key,
           detail::Accept accept, detail::Create create,
           const std::function<detail::DetachedCreate()>& detach);

  /// Ends with a call of accept, or throws. `landings` was read before the store was.
  void run(RegionCore::Candidate candidate, std::uint64_t landings);

  // ---- what the creation of many has in common ----

  /// Until when a call that begins now waits for others.
  static Deadline deadline_of(const RegionPolicy& policy);
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
  /// Waits until `flight` lands or `deadline` passes; counted.
  static Flight::Landing wait(RegionCore& core, const Flight& flight, Deadline deadline);
  /// Waits, with the store's help where it has any, until the lock of `key` may be free: at most `nap`,
  /// which grows.
  static void nap(RegionCore& core, const Setup& setup, Key key, std::chrono::milliseconds& nap,
                  Deadline deadline);
  /// What a caller gets who waited in vain; also for one that would wait for itself.
  static Error waited_in_vain(const RegionCore& core, const Setup& setup, Key key);
  [[noreturn]] static void refuse_own_key(const RegionCore& core, Key key);

 private:
  using Candidate = RegionCore::Candidate;

  void recreate(Candidate old, std::uint64_t landings);
  /// False: it is to be done here. Else the lead is gone, or nothing leads any more.
  bool recreate_in_background(Lead& lead, StoreLock& lock);
  void wait_or_create(Candidate old, std::uint64_t landings);
  /// True: the call is over. A value appeared meanwhile and was accepted, or the wait was in vain.
  bool take_store_lock(Lead& lead, StoreLock& lock, const Candidate& old);
  /// Calls the creator, and lands.
  void make(Lead lead, StoreLock& lock, const Candidate& old);
  void serve_old(const Candidate& old);
  void give_up_waiting(Lead lead, const Candidate& old);

  RegionCore& core_;
  const SetupPtr setup_;
  const Lifetime lifetime_;
  const Key key_;
  const detail::Accept accept_;
  const detail::Create create_;
  const std::function<detail::DetachedCreate()>& detach_;
  const Deadline deadline_;
};

}  // namespace cairn::hosting
