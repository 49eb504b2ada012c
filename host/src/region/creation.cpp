#include "creation.hpp"

#include "recreation.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <random>
#include <thread>

namespace cairn::hosting {

using namespace std::chrono_literals;

namespace {

// Up to half of it less, so that processes do not poll in step.
std::chrono::milliseconds jittered(std::chrono::milliseconds nap) {
  thread_local std::minstd_rand random{std::random_device()()};
  return nap - std::chrono::milliseconds(static_cast<long>(random()) % (nap.count() / 2 + 1));
}

}  // namespace

Creation::Creation(RegionCore& core, SetupPtr setup, const Lifetime& lifetime, Key key,
                   detail::Accept accept, detail::Create create,
                   const std::function<detail::DetachedCreate()>& detach)
    : core_(core),
      setup_(std::move(setup)),
      lifetime_(lifetime),
      key_(key),
      accept_(accept),
      create_(create),
      detach_(detach),
      deadline_(deadline_of(setup_->policy)) {}

void Creation::run(Candidate candidate, std::uint64_t landings) {
  const bool has_value = candidate.verdict.state != State::missing;
  const bool served = candidate.verdict.state == State::fresh || setup_->policy.serve_stale;
  if (has_value && served) {
    recreate(std::move(candidate), landings);
  } else {
    wait_or_create(std::move(candidate), landings);
  }
}

// ---- a value is there, and somebody should make a new one ----

void Creation::recreate(Candidate old, std::uint64_t landings) {
  if (core_.failed_keys_.pausing(key_)) return serve_old(old);
  Lead lead = core_.flights_.try_lead(key_);
  if (!lead) return serve_old(old);
  if (core_.flights_.landings() != landings) {  // somebody may have just done it
    Candidate now = core_.look(*setup_, lifetime_, key_, accept_);
    if (now.verdict.is_hit()) return lead.land_with(std::move(now.entry));
    if (now.verdict.state != State::missing) {
      old = std::move(now);
    } else {
      accept_(Entry(old.entry));  // what accept was called with last is what the caller gets
    }
  }
  StoreLock lock;
  if (setup_->locks_in_store && StoreLock::try_take(core_, setup_, key_, lock) == CAIRN_BUSY) {
    return serve_old(old);
  }
  if (recreate_in_background(lead, lock)) return serve_old(old);
  make(std::move(lead), lock, old);
}

bool Creation::recreate_in_background(Lead& lead, StoreLock& lock) {
  if (!detach_ || !(setup_->policy.background || setup_->runner)) return false;
  detail::DetachedCreate create = detach_();
  if (!create) return false;
  auto recreation = std::make_shared<Recreation>(core_.shared_from_this(), setup_, std::move(lead),
                                                 std::move(lock), std::move(create));
  BackgroundJob job = [recreation] { recreation->run(); };
  if (setup_->runner) {
    setup_->runner(key_, std::move(job));
    return true;
  }
  recreation->wait_in_queue(recreation);
  if (!core_.background_.submit(job)) job();  // the queue is full: then here, now
  return true;
}

void Creation::serve_old(const Candidate& old) {
  if (old.verdict.state != State::fresh) core_.counters_.stale_served.add();
}

// ---- no value that could be served ----

void Creation::wait_or_create(Candidate old, std::uint64_t landings) {
  for (;;) {
    auto [lead, other] = core_.flights_.claim(key_);
    if (lead) {
      if (core_.flights_.landings() != landings) {
        Candidate now = core_.look(*setup_, lifetime_, key_, accept_);
        if (now.verdict.state == State::fresh) return lead.land_with(std::move(now.entry));
        if (now.verdict.state == State::stale) old = std::move(now);
      }
      StoreLock lock;
      if (setup_->locks_in_store && take_store_lock(lead, lock, old)) return;
      return make(std::move(lead), lock, old);
    }
    if (other->led_by_this_thread()) refuse_own_key(core_, key_);
    switch (wait(core_, *other, deadline_)) {
      case Flight::Landing::value:
        if (core_.accept_landed(*setup_, key_, accept_, other->value())) return;
        break;  // made as another type, or void by now: look for ourselves
      case Flight::Landing::failed:
        if (setup_->policy.share_errors) std::rethrow_exception(other->error());
        break;                               // our turn, perhaps
      case Flight::Landing::gave_up: break;  // likewise
      case Flight::Landing::none: return give_up_waiting(Lead(), old);
    }
  }
}

bool Creation::take_store_lock(Lead& lead, StoreLock& lock, const Candidate& old) {
  std::chrono::milliseconds pause = 4ms;
  bool waited = false;
  // True: a value is there that will do, and was accepted.
  const auto served = [&](bool stale_will_do) {
    Candidate now = core_.look(*setup_, lifetime_, key_, accept_);
    const bool stale = now.verdict.state == State::stale;
    if (now.verdict.state != State::fresh && !(stale && stale_will_do)) return false;
    lock.release();
    if (stale) serve_old(now);
    lead.land_with(std::move(now.entry));
    return true;
  };
  for (;;) {
    // Look before reaching for the lock: who waited for a value should not take the lock to find it.
    if (waited && served(setup_->policy.serve_stale)) return true;
    const cairn_status status = StoreLock::try_take(core_, setup_, key_, lock);
    if (status < 0) return false;                          // the store cannot lock: create without
    if (status == CAIRN_OK && served(false)) return true;  // it came since we last looked
    if (status == CAIRN_OK) return false;
    if (!waited) core_.counters_.waits.add();
    waited = true;
    const auto since = std::chrono::steady_clock::now();
    if (since >= deadline_) {
      give_up_waiting(std::move(lead), old);
      return true;
    }
    nap(core_, *setup_, key_, pause, deadline_);
    core_.counters_.wait_time.add(std::chrono::steady_clock::now() - since);
  }
}

// ---- waiting ----

Creation::Deadline Creation::deadline_of(const RegionPolicy& policy) {
  if (!policy.lock_wait) return FutexWord::for_ever;
  const auto now = std::chrono::steady_clock::now();
  return *policy.lock_wait < FutexWord::for_ever - now ? now + *policy.lock_wait
                                                       : FutexWord::for_ever;
}

Flight::Landing Creation::wait(RegionCore& core, const Flight& flight, Deadline deadline) {
  core.counters_.waits.add();
  const auto since = std::chrono::steady_clock::now();
  const Flight::Landing landing = flight.wait(deadline);
  core.counters_.wait_time.add(std::chrono::steady_clock::now() - since);
  return landing;
}

void Creation::nap(RegionCore& core, const Setup& setup, Key key, std::chrono::milliseconds& nap,
                   Deadline deadline) {
  const auto since = std::chrono::steady_clock::now();
  std::chrono::nanoseconds pause = jittered(nap);
  std::chrono::nanoseconds wait = 1s;  // for a store that is told: nobody needs to look meanwhile
  if (deadline != Deadline::max()) {
    const std::chrono::nanoseconds left = deadline - since;
    pause = std::min(pause, left);
    wait = std::min(wait, left);
  }
  nap = std::min<std::chrono::milliseconds>(nap * 3 / 2, 100ms);
  cairn_call call;
  begin(call);
  const cairn_status status = core.on_stack(setup, [&](const cairn_next& table) {
    return table.await_unlock.fn(table.await_unlock.self, &call, key.raw(), wait.count());
  });
  if (status == CAIRN_OK) return;
  // Still held, and the store cannot wait for us (or not at all): sleep what is left.
  const auto left = pause - (std::chrono::steady_clock::now() - since);
  if (left > 0ns) std::this_thread::sleep_for(left);
}

void Creation::give_up_waiting(Lead lead, const Candidate& old) {
  core_.counters_.wait_timeouts.add();
  switch (setup_->policy.on_lock_timeout) {
    case OnLockTimeout::create: {
      StoreLock none;
      return make(std::move(lead), none, old);
    }
    case OnLockTimeout::stale:
      if (old.verdict.state == State::missing ||
          !core_.try_accept(*setup_, accept_, Entry(old.entry))) {
        break;
      }
      serve_old(old);
      return lead.land_with(old.entry);
    case OnLockTimeout::error: break;
  }
  const auto error = std::make_exception_ptr(waited_in_vain(core_, *setup_, key_));
  lead.land_failed(error);
  std::rethrow_exception(error);
}

Error Creation::waited_in_vain(const RegionCore& core, const Setup& setup, Key key) {
  return Error(
      Errc::timeout,
      fmt::format(
          "region {}: waited {} ms for the value of key `{}`, which somebody else is creating",
          core.name(), setup.policy.lock_wait->count() / 1'000'000, shown_key(key)));
}

void Creation::refuse_own_key(const RegionCore& core, Key key) {
  throw Error(Errc::internal,
              fmt::format("region {}: the creator of key `{}` asks for that very key", core.name(),
                          shown_key(key)));
}

// ---- making it ----

void Creation::make(Lead lead, StoreLock& lock, const Candidate& old) {
  try {
    Entry entry = create_and_store(core_, *setup_, key_, create_, lock);
    lock.release();
    if (old.verdict.refresh_due) core_.counters_.refreshes.add();
    accept_(Entry(entry));
    lead.land_with(std::move(entry));
  } catch (...) {
    const auto error = std::current_exception();  // null: not C++'s, such as the end of the thread
    lock.release();
    if (error != nullptr && may_serve_on_error(core_, *setup_, lifetime_, key_, old) &&
        core_.try_accept(*setup_, accept_, Entry(old.entry))) {
      serve_old(old);
      return lead.land_with(old.entry);
    }
    lead.land_failed(error);
    throw;
  }
}

bool Creation::may_serve_on_error(const RegionCore& core, const Setup& setup,
                                  const Lifetime& lifetime, Key key, const Candidate& old) {
  if (old.verdict.state == State::fresh) return true;  // it was only to be refreshed early
  const auto& longest = setup.policy.stale_on_error;
  if (old.verdict.state != State::stale || !longest) return false;
  const std::int64_t created = old.entry.raw().created_ns;
  const std::int64_t expiration =
      std::max<std::int64_t>(lifetime.expiration_of(key, created, old.negative), 0);
  return expiration == Lifetime::never ||
         core.age_of(lifetime, created) - expiration <= longest->count();
}

Entry Creation::create_and_store(RegionCore& core, const Setup& setup, Key key,
                                 detail::Create create, const StoreLock& lock) {
  const Time began = core.stamp(setup);
  const auto since = std::chrono::steady_clock::now();
  detail::Created created;
  try {
    created = create();
  } catch (...) {
    core.counters_.creation_errors.add();
    throw;
  }
  const auto took = std::chrono::steady_clock::now() - since;
  core.counters_.creations.add();
  core.counters_.creation_time.add(took);
  if (core.log_.at(LogLevel::debug)) core.log_.created("key: " + shown_key(key), took);
  RegionCore::learn_invalidations(setup);
  created.entry.set_created(core.created_since(setup, key, began));
  created.entry.set_value_version(setup.value_version);
  if (created.cache) store(core, setup, key, created.entry, lock.lost(), began);
  return std::move(created.entry);
}

void Creation::store(RegionCore& core, const Setup& setup, Key key, const Entry& entry,
                     bool lock_lost, Time began) {
  cairn_call call;
  begin(call);
  if (lock_lost) {  // somebody else may have created it since
    Entry there;
    const cairn_status status = core.on_stack(setup, [&](const cairn_next& table) {
      return table.get.fn(table.get.self, &call, key.raw(), &there.raw());
    });
    if (status == CAIRN_OK && there.created() > began) return;
    begin(call);
  }
  const cairn_set_options options{sizeof options, 0, RegionCore::ttl_of(setup, {}).count()};
  const cairn_status status = core.on_stack(setup, [&](const cairn_next& table) {
    return table.set.fn(table.set.self, &call, key.raw(), &entry.raw(), &options);
  });
  if (status >= 0) return core.note_store_works("set");
  try {
    core.on_store_error(setup, status, call, "set");
  } catch (...) {
    // The value was made: it is not withheld because it could not be stored, unless asked for.
    if (setup.policy.on_error == OnError::raise) throw;
  }
}

}  // namespace cairn::hosting
