#include "counters.hpp"

namespace cairn::hosting {

void Counters::miss(Reason reason) noexcept {
  switch (reason) {
    case Reason::absent: return absent.add();
    case Reason::expired: return expired.add();
    case Reason::invalidated: return invalidated.add();
    case Reason::version: return other_version.add();
    case Reason::unreadable: return unreadable.add();
    case Reason::error:  // is counted as the store's
    case Reason::none: return;
  }
}

RegionStatistics Counters::read() const {
  RegionStatistics s;
  for (const Stripe& stripe : stripes) s.hits += stripe.hits.value();
  s.absent = absent.value();
  s.expired = expired.value();
  s.invalidated = invalidated.value();
  s.other_version = other_version.value();
  s.unreadable = unreadable.value();
  s.store_errors = store_errors.value();
  s.stale_served = stale_served.value();
  s.creations = creations.value();
  s.creation_errors = creation_errors.value();
  s.creation_time = creation_time.time();
  s.refreshes = refreshes.value();
  s.waits = waits.value();
  s.wait_timeouts = wait_timeouts.value();
  s.wait_time = wait_time.time();
  s.locks_lost = locks_lost.value();
  s.lock_errors = lock_errors.value();
  return s;
}

}  // namespace cairn::hosting
