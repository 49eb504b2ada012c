#include "creation.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <random>
#include <thread>

namespace cairn::hosting {

using namespace std::chrono_literals;

namespace {

Creation::Deadline deadline_of(const RegionPolicy& policy) {
  return policy.lock_wait ? std::chrono::steady_clock::now() + *policy.lock_wait
                          : Creation::Deadline::max();
}

// Up to half of it less, so that processes do not poll in step.
std::chrono::milliseconds jittered(std::chrono::milliseconds nap) {
  thread_local std::minstd_rand random{std::random_device()()};
  return nap - std::chrono::milliseconds(static_cast<long>(random()) % (nap.count() / 2 + 1));
}

}  // namespace

// A stale value's recreation on another thread. It owns all that it needs, and gives the key back even
// if it is never run.
class Recreation {
 public:
  Recreation(std::shared_ptr<RegionCore> core, SetupPtr setup, FlightPtr flight, StoreLock lock,
             detail::DetachedCreate create)
      : core_(std::move(core)),
        setup_(std::move(setup)),
        flight_(std::move(flight)),
        lock_(std::move(lock)),
        create_(std::move(create)) {}
  Recreation(const Recreation&) = delete;
  Recreation& operator=(const Recreation&) = delete;
  ~Recreation() {
    lock_.release();
    if (flight_) core_->flights_.land_empty(flight_);
  }

  void run() {
    if (!flight_) return;  // once is enough
    flight_->hand_to_this_thread();
    const FlightPtr flight = std::exchange(flight_, nullptr);
    try {
      Entry entry = Creation::create_and_store(*core_, *setup_, flight->key(), create_, lock_);
      lock_.release();
      RegionCore::count(core_->counters_.refreshes);
      succeeded(flight->key());
      core_->flights_.land_with(flight, std::move(entry));
    } catch (...) {
      lock_.release();
      failed(flight->key());
      core_->flights_.land_failed(flight, std::current_exception());
    }
  }

 private:
  // Tried again after a pause that doubles, so that a creator that fails is not run by everybody at once.
  void failed(const std::string& key) {
    std::chrono::milliseconds pause = 1s;
    {
      const std::lock_guard lock(core_->failures_mutex_);
      const auto now = std::chrono::steady_clock::now();
      if (core_->failures_.size() > 10'000) {
        std::erase_if(core_->failures_, [&](const auto& f) { return f.second.until < now; });
      }
      auto& failure = core_->failures_[key];
      failure.pause = failure.pause.count() == 0 ? pause : std::min(failure.pause * 2, 30'000ms);
      failure.until = now + failure.pause;
      pause = failure.pause;
    }
    std::string why = "something that is not a std::exception";
    try {
      throw;
    } catch (const std::exception& error) {
      why = error.what();
    } catch (...) {
    }
    core_->log(
        LogLevel::warning,
        fmt::format(
            "the creator of {} failed in the background: {}; next try in {} s at the earliest", key,
            why, pause.count() / 1000));
  }
  void succeeded(const std::string& key) {
    const std::lock_guard lock(core_->failures_mutex_);
    core_->failures_.erase(key);
  }

  const std::shared_ptr<RegionCore> core_;
  const SetupPtr setup_;
  FlightPtr flight_;
  StoreLock lock_;
  const detail::DetachedCreate create_;
};

void RegionCore::create(Key key, const CreateOptions& options, detail::Accept accept,
                        detail::Create create,
                        const std::function<detail::DetachedCreate()>& detach) {
  const std::uint64_t landings = flights_.landings();  // before the read: see flights.hpp
  std::string mangled;
  SetupPtr setup;
  Candidate candidate;
  Lifetime lifetime;
  {
    const std::size_t stripe = thread_stripe();
    const auto pin = current_.pin(stripe);
    const Setup& now = *pin;
    if (now.mangler) [[unlikely]]
      key = mangled = now.mangler(key);
    lifetime =
        options.expiration_time ? Lifetime(now.policy, options.expiration_time) : now.lifetime;

    cairn_call call;
    begin(call);
    Entry entry;
    const cairn_status status = now.top->get.fn(now.top->get.self, &call, key.raw(), &entry.raw());
    if (status == CAIRN_OK) {
      candidate = consider(now, lifetime, key, std::move(entry), accept);
      if (candidate.verdict.state == State::fresh) {
        count(hits_[stripe].hits);
        if (!candidate.refresh_due) return;
      }
    } else if (status > 0) {
      count_miss(Reason::absent);
      log_miss(key, Reason::absent);
    } else {
      on_store_error(now, status, call, "get");
      candidate.verdict.reason = Reason::error;
    }
    setup = std::const_pointer_cast<const Setup>(now.weak_from_this().lock());
  }
  if (setup == nullptr) setup = this->setup();  // closed: creators still run
  Creation(*this, std::move(setup), lifetime, key, accept, create, detach)
      .run(std::move(candidate), landings);
}

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
  {
    const std::lock_guard lock(core_.failures_mutex_);
    if (!core_.failures_.empty()) {
      const auto it = core_.failures_.find(std::string(key_.view()));
      if (it != core_.failures_.end() && it->second.until > std::chrono::steady_clock::now()) {
        return serve_old(old);
      }
    }
  }
  const FlightPtr flight = core_.flights_.try_lead(key_);
  if (!flight) return serve_old(old);
  LandingGuard guard(core_.flights_, flight);

  if (core_.flights_.landings() != landings) {  // somebody may have just done it
    Candidate now = core_.look(*setup_, lifetime_, key_, accept_);
    if (now.verdict.state == State::fresh && !now.refresh_due) {
      guard.landed();
      core_.flights_.land_with(flight, std::move(now.entry));
      return;
    }
    if (now.verdict.state != State::missing) {
      old = std::move(now);
    } else {
      accept_(old.entry);  // the one that accept was called with last is the one the caller gets
    }
  }
  StoreLock lock;
  if (setup_->locks_in_store && StoreLock::try_take(core_, setup_, key_, lock) == CAIRN_BUSY) {
    return serve_old(old);
  }
  if (recreate_in_background(flight, lock)) {
    guard.landed();
    return serve_old(old);
  }
  guard.landed();
  make(flight, lock, old);
}

bool Creation::recreate_in_background(const FlightPtr& flight, StoreLock& lock) {
  if (!detach_ || !(setup_->policy.background || setup_->runner)) return false;
  detail::DetachedCreate create = detach_();
  if (!create) return false;
  flight->set_down();
  auto recreation = std::make_shared<Recreation>(core_.shared_from_this(), setup_, flight,
                                                 std::move(lock), std::move(create));
  BackgroundJob job = [recreation] { recreation->run(); };
  if (setup_->runner) {
    setup_->runner(key_, std::move(job));
  } else if (!core_.background_.submit(job)) {
    job();  // the queue is full: then here, now
  }
  return true;
}

void Creation::serve_old(const Candidate& old) {
  if (old.verdict.state != State::fresh) RegionCore::count(core_.counters_.stale_served);
}

// ---- no value that could be served ----

void Creation::wait_or_create(Candidate old, std::uint64_t landings) {
  for (;;) {
    const auto [flight, leads] = core_.flights_.claim(key_);
    if (leads) {
      LandingGuard guard(core_.flights_, flight);
      if (core_.flights_.landings() != landings) {
        Candidate now = core_.look(*setup_, lifetime_, key_, accept_);
        if (now.verdict.state == State::fresh) {
          guard.landed();
          core_.flights_.land_with(flight, std::move(now.entry));
          return;
        }
        if (now.verdict.state == State::stale) old = std::move(now);
      }
      StoreLock lock;
      if (setup_->locks_in_store && take_store_lock(flight, lock, old)) {
        guard.landed();
        return;
      }
      guard.landed();
      return make(flight, lock, old);
    }
    if (flight->led_by_this_thread()) {
      throw Error(Errc::internal,
                  fmt::format("region {}: the creator of key `{}` asks for that very key",
                              core_.name(), key_.view()));
    }
    RegionCore::count(core_.counters_.waits);
    const auto since = std::chrono::steady_clock::now();
    const Flight::Landing landing = flight->wait(deadline_);
    RegionCore::count(
        core_.counters_.wait_ns,
        static_cast<std::uint64_t>((std::chrono::steady_clock::now() - since).count()));
    switch (landing) {
      case Flight::Landing::value:
        if (core_.accept_landed(*setup_, key_, accept_, flight->value())) return;
        break;  // made as another type, or void by now: look for ourselves
      case Flight::Landing::failed:
        if (setup_->policy.share_errors) std::rethrow_exception(flight->error());
        break;  // our turn, perhaps
      case Flight::Landing::gave_up: break;
      case Flight::Landing::none: return give_up_waiting(nullptr, old);
    }
  }
}

bool Creation::take_store_lock(const FlightPtr& flight, StoreLock& lock, const Candidate& old) {
  std::chrono::milliseconds pause = 4ms;
  bool waited = false;
  // True: a value is there that will do, and was accepted.
  const auto served = [&](bool stale_will_do) {
    Candidate now = core_.look(*setup_, lifetime_, key_, accept_);
    const bool stale = now.verdict.state == State::stale;
    if (now.verdict.state != State::fresh && !(stale && stale_will_do)) return false;
    lock.release();
    if (stale) serve_old(now);
    core_.flights_.land_with(flight, std::move(now.entry));
    return true;
  };
  for (;;) {
    // Look before reaching for the lock: who waited for a value should not take the lock to find it.
    if (waited && served(setup_->policy.serve_stale)) return true;
    const cairn_status status = StoreLock::try_take(core_, setup_, key_, lock);
    if (status < 0) return false;                          // the store cannot lock: create without
    if (status == CAIRN_OK && served(false)) return true;  // it came since we last looked
    if (status == CAIRN_OK) return false;
    if (!waited) RegionCore::count(core_.counters_.waits);
    waited = true;
    const auto since = std::chrono::steady_clock::now();
    if (since >= deadline_) {
      give_up_waiting(flight, old);
      return true;
    }
    nap(core_, *setup_, key_, pause, deadline_);
    RegionCore::count(
        core_.counters_.wait_ns,
        static_cast<std::uint64_t>((std::chrono::steady_clock::now() - since).count()));
  }
}

void Creation::nap(RegionCore& core, const Setup& setup, Key key, std::chrono::milliseconds& nap,
                   Deadline deadline) {
  const auto since = std::chrono::steady_clock::now();
  std::chrono::nanoseconds wait = jittered(nap);
  if (deadline != Deadline::max())
    wait = std::min<std::chrono::nanoseconds>(wait, deadline - since);
  nap = std::min<std::chrono::milliseconds>(nap * 3 / 2, 100ms);
  cairn_call call;
  begin(call);
  const cairn_status status = core.on_stack(setup, [&](const cairn_next& table) {
    return table.await_unlock.fn(table.await_unlock.self, &call, key.raw(), wait.count());
  });
  if (status == CAIRN_OK) return;
  // Still held, and the store cannot wait for us (or not at all): sleep what is left.
  const auto left = wait - (std::chrono::steady_clock::now() - since);
  if (left > 0ns) std::this_thread::sleep_for(left);
}

void Creation::give_up_waiting(const FlightPtr& flight, const Candidate& old) {
  RegionCore::count(core_.counters_.wait_timeouts);
  const OnLockTimeout outcome = setup_->policy.on_lock_timeout;
  const bool has_old = old.verdict.state != State::missing;
  if (outcome == OnLockTimeout::create) {
    StoreLock none;
    return make(flight, none, old);
  }
  if (outcome == OnLockTimeout::stale && has_old && core_.try_accept(*setup_, accept_, old.entry)) {
    serve_old(old);
    if (flight) core_.flights_.land_with(flight, old.entry);
    return;
  }
  const auto error = std::make_exception_ptr(Error(
      Errc::timeout,
      fmt::format(
          "region {}: waited {} ms for the value of key `{}`, which somebody else is creating",
          core_.name(), setup_->policy.lock_wait->count() / 1'000'000, key_.view())));
  if (flight) core_.flights_.land_failed(flight, error);
  std::rethrow_exception(error);
}

// ---- making it ----

void Creation::make(const FlightPtr& flight, StoreLock& lock, const Candidate& old) {
  try {
    Entry entry = create_and_store(core_, *setup_, key_, create_, lock);
    lock.release();
    if (old.refresh_due) RegionCore::count(core_.counters_.refreshes);
    accept_(entry);
    if (flight) core_.flights_.land_with(flight, std::move(entry));
  } catch (...) {
    lock.release();
    if (may_serve_on_error(core_, *setup_, lifetime_, key_, old) &&
        core_.try_accept(*setup_, accept_, old.entry)) {
      serve_old(old);
      if (flight) core_.flights_.land_with(flight, old.entry);
      return;
    }
    if (flight) core_.flights_.land_failed(flight, std::current_exception());
    throw;
  }
}

bool Creation::may_serve_on_error(const RegionCore& core, const Setup& setup,
                                  const Lifetime& lifetime, Key key, const Candidate& old) {
  if (old.verdict.state == State::fresh) return true;  // it was only to be refreshed early
  const auto& longest = setup.policy.stale_on_error;
  if (old.verdict.state != State::stale || !longest) return false;
  const std::int64_t created = old.entry.raw().created_ns;
  const std::int64_t expiration = lifetime.expiration_of(key, created, old.negative);
  return expiration == Lifetime::never ||
         core.age_of(lifetime, created) - expiration <= longest->count();
}

Entry Creation::create_and_store(RegionCore& core, const Setup& setup, Key key,
                                 detail::Create create, const StoreLock& lock) {
  const Time began = core.stamp();
  const auto since = std::chrono::steady_clock::now();
  detail::Created created;
  try {
    created = create();
  } catch (...) {
    RegionCore::count(core.counters_.creation_errors);
    throw;
  }
  const auto took = std::chrono::steady_clock::now() - since;
  RegionCore::count(core.counters_.creations);
  RegionCore::count(core.counters_.creation_ns, static_cast<std::uint64_t>(took.count()));
  if (core.services_.logs(LogLevel::debug)) {
    core.log(LogLevel::debug,
             fmt::format("creation time {:.3f} s for key: {}",
                         std::chrono::duration<double>(took).count(), shown_key(key.view())));
  }
  created.entry.set_created(core.created_since(setup, key, began));
  created.entry.set_value_version(setup.policy.value_version);
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
  if (status >= 0) return;
  try {
    core.on_store_error(setup, status, call, "set");
  } catch (...) {
    // The value was made: it is not withheld because it could not be stored, unless asked for.
    if (setup.policy.on_error == OnError::raise) throw;
  }
}

}  // namespace cairn::hosting
