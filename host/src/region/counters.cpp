#include "counters.hpp"

namespace cairn::hosting {

std::uint64_t Outcomes::of(Reason reason) const noexcept {
  const auto which = static_cast<std::size_t>(reason);
  std::uint64_t sum = 0;
  for (const Stripe& stripe : own_) sum += stripe.counts[which].load(std::memory_order_relaxed);
  for (const Stripe& stripe : shared_) sum += stripe.counts[which].load(std::memory_order_relaxed);
  return sum;
}

RegionStatistics Counters::read() const {
  RegionStatistics s;
  s.hits = outcomes.of(Reason::none);
  s.absent = outcomes.of(Reason::absent);
  s.expired = outcomes.of(Reason::expired);
  s.invalidated = outcomes.of(Reason::invalidated);
  s.other_version = outcomes.of(Reason::version);
  s.unreadable = outcomes.of(Reason::unreadable);
  s.store_errors = outcomes.of(Reason::error);
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
