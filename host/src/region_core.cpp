#include "region_core.hpp"

#include "sha1.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace cairn::hosting {

namespace {

const Setup& closed_setup() {
  // Never destroyed: regions with static storage duration end later than anything here.
  static const Setup& setup = *[] {
    auto* closed = new Setup();
    closed->top = &closed_table();
    closed->invalidation = std::make_shared<LocalInvalidation>();
    closed->local_invalidation = static_cast<LocalInvalidation*>(closed->invalidation.get());
    return closed;
  }();
  return setup;
}

// What somebody may still be in the middle of is kept rather than pulled away from under a call.
void keep_for_ever(SetupPtr setup) {
  static std::mutex mutex;
  static auto* kept = new std::vector<SetupPtr>();
  const std::lock_guard lock(mutex);
  kept->push_back(std::move(setup));
}

}  // namespace

std::string shown_key(std::string_view key) {
  constexpr std::size_t most = 300;
  std::string text;
  for (const char c : key.substr(0, most)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) {
      text += fmt::format("\\x{:02x}", byte);
    } else {
      text += c;
    }
  }
  return key.size() > most ? text + "..." : text;
}

std::function<std::string(std::string_view)> make_mangler(const KeyMangler& mangler) {
  switch (mangler.kind) {
    case KeyMangler::Kind::none: return nullptr;
    case KeyMangler::Kind::sha1: return [](std::string_view key) { return sha1_hex(key); };
    case KeyMangler::Kind::length_conditional:
      return [length = mangler.length](std::string_view key) {
        return key.size() >= length ? sha1_hex(key) : std::string(key);
      };
  }
  return nullptr;
}

RegionCore::RegionCore(std::string name, Setup setup, HostServices& services,
                       Background& background, LeaseKeeper& leases)
    : name_(std::move(name)),
      who_("region " + name_),
      services_(services),
      background_(background),
      leases_(leases),
      current_(&closed_setup()),
      setup_(std::make_shared<const Setup>(std::move(setup))) {
  kinds_ = setup_->stack->accepts();
  current_.replace(setup_.get(), std::chrono::milliseconds(0));
}

RegionCore::~RegionCore() = default;

// ---- reading ----

bool RegionCore::read(Key key, const GetOptions& options, detail::Accept accept) {
  const std::size_t stripe = thread_stripe();
  const auto pin = current_.pin(stripe);
  const Setup& setup = *pin;
  std::string mangled;
  if (setup.mangler) [[unlikely]]
    key = mangled = setup.mangler(key);
  cairn_call call;
  begin(call);
  Entry entry;
  const cairn_status status =
      setup.top->get.fn(setup.top->get.self, &call, key.raw(), &entry.raw());
  if (status != CAIRN_OK) {
    if (status > 0) {
      count_miss(Reason::absent);
    } else {
      on_store_error(setup, status, call, "get");
    }
    return false;
  }
  if (!options.ignore_expiration) {
    const Lifetime lifetime =
        options.expiration_time ? Lifetime(setup.policy, options.expiration_time) : setup.lifetime;
    const std::int64_t created = entry.raw().created_ns;
    const std::int64_t age = age_of(lifetime, created);
    if (invalidated(setup, key, entry) != Invalidation::none) {
      count_miss(Reason::invalidated);
      return false;
    }
    const bool two_ages = setup.policy.negative_ttl.has_value();
    if (!two_ages && is_past(age, lifetime.expiration_of(key, created, false))) {
      count_miss(Reason::expired);
      return false;
    }
    const auto found = try_accept(setup, accept, entry);
    if (!found) return false;
    if (two_ages &&
        is_past(age, lifetime.expiration_of(key, created, *found == detail::Found::negative))) {
      count_miss(Reason::expired);
      return false;
    }
  } else if (!try_accept(setup, accept, entry)) {
    return false;
  }
  count(hits_[stripe].hits);
  return true;
}

void RegionCore::read_multi(Keys keys, const GetOptions& options, detail::AcceptEach accept,
                            detail::FunctionRef<void(std::size_t)> refuse) {
  if (keys.empty()) return;
  const std::size_t stripe = thread_stripe();
  const auto pin = current_.pin(stripe);
  const Setup& setup = *pin;
  const MangledKeys mangled(setup, keys);
  std::vector<Entry> entries(keys.size());
  std::vector<cairn_status> statuses(keys.size(), CAIRN_MISS);
  cairn_call call;
  begin(call);
  const cairn_status status =
      setup.top->get_multi.fn(setup.top->get_multi.self, &call, mangled.raw(), keys.size(),
                              reinterpret_cast<cairn_entry*>(entries.data()), statuses.data());
  if (status < 0) {
    on_store_error(setup, status, call, "get_multi");
    return;
  }
  const Lifetime lifetime(setup.policy, options.expiration_time);
  std::uint64_t hits = 0;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (statuses[i] > 0) {
      count_miss(Reason::absent);
      continue;
    }
    if (statuses[i] < 0) {
      on_store_error(setup, statuses[i], call, "get_multi");
      continue;
    }
    const Entry& entry = entries[i];
    if (!options.ignore_expiration && invalidated(setup, mangled[i], entry) != Invalidation::none) {
      count_miss(Reason::invalidated);
      continue;
    }
    const auto found = try_accept(
        setup, [&](const Entry& e) { return accept(i, e); }, entry);
    if (!found) {
      refuse(i);
      continue;
    }
    const std::int64_t created = entry.raw().created_ns;
    if (!options.ignore_expiration &&
        is_past(age_of(lifetime, created),
                lifetime.expiration_of(mangled[i], created, *found == detail::Found::negative))) {
      count_miss(Reason::expired);
      refuse(i);
      continue;
    }
    ++hits;
  }
  count(hits_[stripe].hits, hits);
}

std::int64_t RegionCore::age_of(const Lifetime& lifetime, std::int64_t created_ns) const {
  const Clock& clock = services_.clock();
  const Time now = lifetime.tolerates_coarse_time() ? clock.coarse_now() : clock.now();
  return now.time_since_epoch().count() - created_ns;
}

Invalidation RegionCore::invalidated(const Setup& setup, Key key, const Entry& entry) const {
  if (setup.local_invalidation != nullptr) {
    return setup.local_invalidation->LocalInvalidation::check(key, entry.created());
  }
  return setup.invalidation->check(key, entry.created());
}

std::optional<detail::Found> RegionCore::try_accept(const Setup& setup, detail::Accept accept,
                                                    const Entry& entry) {
  try {
    return accept(entry);
  } catch (const Error& error) {
    if (error.code() != Errc::corrupt || setup.policy.strict) throw;
    count_miss(Reason::unreadable);
    if (services_.logs(LogLevel::debug)) {
      log(LogLevel::debug, std::string("an entry could not be read: ") + error.what());
    }
    return std::nullopt;
  }
}

Verdict RegionCore::judge(const Setup& setup, const Lifetime& lifetime, Key key, const Entry& entry,
                          bool negative, bool& refresh_due) const {
  if (entry.value_version() != setup.policy.value_version) {
    return {State::missing, Reason::version};
  }
  const Invalidation voided = invalidated(setup, key, entry);
  if (voided == Invalidation::hard) return {State::missing, Reason::invalidated};
  const std::int64_t created = entry.raw().created_ns;
  if (created <= 0) return {State::missing, Reason::unreadable};
  if (voided == Invalidation::soft) return {State::stale, Reason::invalidated};
  const std::int64_t age = age_of(lifetime, created);
  if (is_past(age, lifetime.expiration_of(key, created, negative))) {
    return {State::stale, Reason::expired};
  }
  refresh_due = age > lifetime.refresh_of(key, created, negative);
  return {State::fresh, Reason::none};
}

RegionCore::Candidate RegionCore::consider(const Setup& setup, const Lifetime& lifetime, Key key,
                                           Entry entry, detail::Accept accept) {
  Candidate candidate;
  bool refresh_due = false;
  candidate.verdict = judge(setup, lifetime, key, entry, false, refresh_due);
  // With an age of its own for "there is none", only the value tells which of the two holds.
  const bool two_ages = setup.policy.negative_ttl.has_value();
  if (candidate.verdict.state != State::missing) {
    const auto found = try_accept(setup, accept, entry);
    if (!found) {
      candidate.verdict = {State::missing, Reason::unreadable};
      return candidate;
    }
    candidate.negative = *found == detail::Found::negative;
    if (two_ages && candidate.negative) {
      candidate.verdict = judge(setup, lifetime, key, entry, true, refresh_due);
    }
    candidate.refresh_due = refresh_due && candidate.verdict.state == State::fresh;
    candidate.entry = std::move(entry);
  }
  if (candidate.verdict.state != State::fresh) {
    count_miss(candidate.verdict.reason);
    if (candidate.verdict.state == State::missing) log_miss(key, candidate.verdict.reason);
  }
  return candidate;
}

RegionCore::Candidate RegionCore::look(const Setup& setup, const Lifetime& lifetime, Key key,
                                       detail::Accept accept) {
  cairn_call call;
  begin(call);
  Entry entry;
  const cairn_status status = on_stack(setup, [&](const cairn_next& table) {
    return table.get.fn(table.get.self, &call, key.raw(), &entry.raw());
  });
  if (status != CAIRN_OK) {
    Candidate candidate;
    if (status > 0) {
      count_miss(Reason::absent);
    } else {
      on_store_error(setup, status, call, "get");
      candidate.verdict.reason = Reason::error;
    }
    return candidate;
  }
  return consider(setup, lifetime, key, std::move(entry), accept);
}

bool RegionCore::accept_landed(const Setup& setup, Key key, detail::Accept accept,
                               const Entry& entry) {
  const Invalidation voided = invalidated(setup, key, entry);
  if (voided == Invalidation::hard) return false;
  if (voided == Invalidation::soft && !setup.policy.serve_stale) return false;
  return try_accept(setup, accept, entry).has_value();
}

// ---- writing ----

std::chrono::nanoseconds RegionCore::ttl_of(const Setup& setup,
                                            const SetOptions& options) noexcept {
  return options.ttl.count() > 0 ? options.ttl
                                 : setup.policy.ttl.value_or(std::chrono::nanoseconds(0));
}

void RegionCore::write(Key key, Entry entry, const SetOptions& options) {
  const auto pin = current_.pin();
  const Setup& setup = *pin;
  std::string mangled;
  if (setup.mangler) key = mangled = setup.mangler(key);
  entry.set_created(stamp());
  entry.set_value_version(setup.policy.value_version);
  cairn_call call;
  begin(call);
  const cairn_set_options raw{sizeof raw, 0, ttl_of(setup, options).count()};
  const cairn_status status =
      setup.top->set.fn(setup.top->set.self, &call, key.raw(), &entry.raw(), &raw);
  if (status < 0) on_store_error(setup, status, call, "set");
}

void RegionCore::write_multi(Keys keys, std::span<Entry> entries, const SetOptions& options,
                             std::optional<Time> began) {
  if (keys.empty()) return;
  const auto pin = current_.pin();
  const Setup& setup = *pin;
  const MangledKeys mangled(setup, keys);
  const Time made = stamp();
  for (std::size_t i = 0; i < entries.size(); ++i) {
    entries[i].set_created(began ? created_since(setup, mangled[i], *began) : made);
    entries[i].set_value_version(setup.policy.value_version);
  }
  std::vector<cairn_status> statuses(keys.size(), CAIRN_OK);
  cairn_call call;
  begin(call);
  const cairn_set_options raw{sizeof raw, 0, ttl_of(setup, options).count()};
  const cairn_status status = setup.top->set_multi.fn(
      setup.top->set_multi.self, &call, mangled.raw(),
      reinterpret_cast<const cairn_entry*>(entries.data()), keys.size(), &raw, statuses.data());
  if (status < 0) {
    on_store_error(setup, status, call, "set_multi");
    return;
  }
  for (const cairn_status one : statuses) {
    if (one < 0) on_store_error(setup, one, call, "set_multi");
  }
}

bool RegionCore::remove(Key key) {
  const auto pin = current_.pin();
  const Setup& setup = *pin;
  std::string mangled;
  if (setup.mangler) key = mangled = setup.mangler(key);
  cairn_call call;
  begin(call);
  const cairn_status status = setup.top->remove.fn(setup.top->remove.self, &call, key.raw());
  if (status < 0) on_store_error(setup, status, call, "remove");
  return status == CAIRN_OK;
}

std::size_t RegionCore::remove_multi(Keys keys) {
  if (keys.empty()) return 0;
  const auto pin = current_.pin();
  const Setup& setup = *pin;
  const MangledKeys mangled(setup, keys);
  std::vector<cairn_status> statuses(keys.size(), CAIRN_MISS);
  cairn_call call;
  begin(call);
  const cairn_status status = setup.top->remove_multi.fn(
      setup.top->remove_multi.self, &call, mangled.raw(), keys.size(), statuses.data());
  if (status < 0) {
    on_store_error(setup, status, call, "remove_multi");
    return 0;
  }
  for (const cairn_status one : statuses) {
    if (one < 0) on_store_error(setup, one, call, "remove_multi");
  }
  return static_cast<std::size_t>(std::count(statuses.begin(), statuses.end(), CAIRN_OK));
}

// ---- errors and counters ----

void RegionCore::on_store_error(const Setup& setup, cairn_status status, const cairn_call& call,
                                const char* doing) {
  const Errc code = to_errc(status);
  const bool corrupt = code == Errc::corrupt;
  if (corrupt) {
    count_miss(Reason::unreadable);
  } else {
    count(counters_.store_errors);
  }
  const bool raise = corrupt ? setup.policy.strict : setup.policy.on_error == OnError::raise;
  const std::string text = call.error != CAIRN_OK ? call.error_text : std::string(to_string(code));
  if (raise) throw Error::from_layer(code, text, call.system_error);
  if (current_.pin()->stack == nullptr) return;  // closed: that is no news

  // Once a minute, however many fail.
  constexpr std::int64_t pause = 60'000'000'000;
  const std::int64_t now = std::chrono::steady_clock::now().time_since_epoch().count();
  std::int64_t last = last_error_log_ns_.load(std::memory_order_relaxed);
  if (last != INT64_MIN && now - last < pause) return;
  if (last_error_log_ns_.compare_exchange_strong(last, now)) {
    log(LogLevel::warning,
        fmt::format("{} failed ({}): {}; going on without, and saying so once a minute", doing,
                    to_string(code), text));
  }
}

void RegionCore::log_miss(Key key, Reason reason) const {
  if (!services_.logs(LogLevel::debug)) return;
  const char* why = nullptr;
  switch (reason) {
    case Reason::absent: why = "no value present"; break;
    case Reason::version: why = "value version update"; break;
    case Reason::invalidated: why = "hard invalidation detected"; break;
    default: return;
  }
  log(LogLevel::debug, fmt::format("{} for key: {}", why, shown_key(key)));
}

void RegionCore::count_miss(Reason reason) noexcept {
  switch (reason) {
    case Reason::absent: return count(counters_.absent);
    case Reason::expired: return count(counters_.expired);
    case Reason::invalidated: return count(counters_.invalidated);
    case Reason::version: return count(counters_.other_version);
    case Reason::unreadable: return count(counters_.unreadable);
    case Reason::error:
    case Reason::none: return;
  }
}

RegionStatistics RegionCore::statistics() const {
  const auto get = [](const std::atomic<std::uint64_t>& counter) {
    return counter.load(std::memory_order_relaxed);
  };
  const auto time = [&](const std::atomic<std::uint64_t>& counter) {
    return std::chrono::nanoseconds(static_cast<std::int64_t>(get(counter)));
  };
  RegionStatistics s;
  for (const HitStripe& stripe : hits_) s.hits += get(stripe.hits);
  s.absent = get(counters_.absent);
  s.expired = get(counters_.expired);
  s.invalidated = get(counters_.invalidated);
  s.other_version = get(counters_.other_version);
  s.unreadable = get(counters_.unreadable);
  s.store_errors = get(counters_.store_errors);
  s.stale_served = get(counters_.stale_served);
  s.creations = get(counters_.creations);
  s.creation_errors = get(counters_.creation_errors);
  s.creation_time = time(counters_.creation_ns);
  s.refreshes = get(counters_.refreshes);
  s.waits = get(counters_.waits);
  s.wait_timeouts = get(counters_.wait_timeouts);
  s.wait_time = time(counters_.wait_ns);
  s.locks_lost = get(counters_.locks_lost);
  s.lock_errors = get(counters_.lock_errors);
  return s;
}

// ---- time ----

namespace {

// A stamp that is ahead of the clock by more than this comes from a clock that was wrong, not from
// calls within its resolution: the clock is believed again.
constexpr std::int64_t most_ahead = 1'000'000'000;

}  // namespace

Time RegionCore::stamp() {
  const std::int64_t now = services_.clock().now().time_since_epoch().count();
  std::int64_t last = last_stamp_.load(std::memory_order_acquire);
  for (;;) {
    const std::int64_t stamp = last > now && last - now < most_ahead ? last : now;
    if (stamp == last || last_stamp_.compare_exchange_weak(last, stamp)) {
      return Time(std::chrono::nanoseconds(stamp));
    }
  }
}

Time RegionCore::invalidation_stamp() {
  const std::int64_t now = services_.clock().now().time_since_epoch().count();
  std::int64_t last = last_stamp_.load(std::memory_order_relaxed);
  for (;;) {
    const std::int64_t stamp = last >= now && last - now < most_ahead ? last + 1 : now;
    if (last_stamp_.compare_exchange_weak(last, stamp)) {
      return Time(std::chrono::nanoseconds(stamp));
    }
  }
}

Time RegionCore::created_since(const Setup& setup, Key key, Time began) {
  // The stamp first. If an invalidation took an earlier one, then it shows here: as still on its way, or
  // as in force. A value that is stamped before an invalidation is void without our help.
  const Time now = stamp();
  if (invalidating_.load() != 0) return began;
  return setup.invalidation->check(key, began) == Invalidation::none ? now : began;
}

// ---- the region as a whole ----

void RegionCore::invalidate(Invalidation kind) {
  if (kind == Invalidation::none) return;
  struct Announced {
    std::atomic<int>& count;
    explicit Announced(std::atomic<int>& c) : count(c) { ++count; }
    Announced(const Announced&) = delete;
    Announced& operator=(const Announced&) = delete;
    ~Announced() { --count; }
  } const announced(invalidating_);
  setup()->invalidation->invalidate(kind, invalidation_stamp());
}

bool RegionCore::key_is_locked(Key key) {
  const SetupPtr setup = this->setup();
  const std::string mangled = setup->mangler ? setup->mangler(key) : std::string(key.view());
  if (flights_.in_flight(mangled)) return true;
  if (!setup->locks_in_store) return false;
  cairn_call call;
  begin(call);
  const cairn_status status = on_stack(*setup, [&](const cairn_next& table) {
    return table.await_unlock.fn(table.await_unlock.self, &call, Key(mangled).raw(), 0);
  });
  if (status < 0) on_store_error(*setup, status, call, "await_unlock");
  return status == CAIRN_BUSY;
}

SetupPtr RegionCore::setup() const {
  const std::lock_guard lock(setup_mutex_);
  return setup_;
}

void RegionCore::replace(const std::function<void(Setup&)>& change) {
  const std::lock_guard lock(setup_mutex_);
  if (setup_->stack == nullptr) return;  // closed
  auto next = std::make_shared<Setup>(*setup_);
  change(*next);
  next->local_invalidation = dynamic_cast<const LocalInvalidation*>(next->invalidation.get());
  const SetupPtr before = std::exchange(setup_, next);
  kinds_ = next->stack->accepts();
  if (!current_.replace(next.get(), std::chrono::seconds(10))) keep_for_ever(before);
}

bool RegionCore::close(std::chrono::milliseconds patience) {
  const std::lock_guard lock(setup_mutex_);
  if (setup_->stack == nullptr) return true;
  auto closed = std::make_shared<Setup>(closed_setup());
  closed->policy.on_error = OnError::miss;
  const SetupPtr before = std::exchange(setup_, closed);
  const bool unused = current_.replace(setup_.get(), patience);
  if (!unused || before.use_count() > 1) {
    keep_for_ever(before);
    return false;
  }
  return true;
}

void RegionCore::after_fork() {
  invalidating_ = 0;
  std::construct_at(&setup_mutex_);
  std::construct_at(&failures_mutex_);
  flights_.after_fork();
  const bool usable = setup_->stack != nullptr && setup_->stack->after_fork();
  if (!usable) {
    keep_for_ever(setup_);  // the parent's: nothing of it may run here, not even its end
    setup_ = std::make_shared<Setup>(closed_setup());
  }
  current_.after_fork(setup_.get());
}

}  // namespace cairn::hosting
