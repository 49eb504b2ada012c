// RegionCore: reads and hits, and what is good of what was read.

#include "creation.hpp"
#include "region_core.hpp"

namespace cairn::hosting {

namespace {

bool takes_as_it_is(const detail::Recipient& who) noexcept {
  return who.takes_bytes && who.slot.is_bytes() && who.slot.owned();
}

}  // namespace

bool read(RegionCore& core, Key key, const GetOptions& options, const detail::Recipient& who) {
  return core.read(key, options, who);
}
void create(RegionCore& core, Key key, const CreateOptions& options, const detail::Recipient& who,
            detail::Create create, const std::function<detail::DetachedCreate()>& detach) {
  core.create(key, options, who, create, detach);
}

// How a hit goes, of `read` and of `create`: what nearly always is, first, with nothing on the stack that
// has an end; the rest apart, in functions that a hit does not enter.

bool RegionCore::read(Key key, const GetOptions& options, const detail::Recipient& who) {
  if (detours_.load(std::memory_order_relaxed) != 0) [[unlikely]] {
    return read_with_detours(key, options, who);
  }
  return read_as(key, options, who);
}

[[gnu::always_inline]] inline bool RegionCore::read_as(Key key, const GetOptions& options,
                                                       const detail::Recipient& who) {
  ThreadLine& line = ThreadLine::mine();
  const auto pin = current_.pin(line);
  const Setup& setup = *pin;
  cairn_call call;
  begin(call);
  const cairn_status status =
      setup.top->get.fn(setup.top->get.self, &call, key.raw(), &who.slot.raw());
  if (status != CAIRN_OK) return read_failed(setup, status, call);
  const bool by_the_rules = !options.expiration_time && !options.ignore_expiration;
  if (!by_the_rules || !surely_good(setup, key, who.slot)) [[unlikely]] {
    return read_judged(setup, key, options, who);
  }
  if (!takes_as_it_is(who) && !try_accept(setup, who.accept, std::move(who.slot))) return false;
  counters_.outcomes.add(line, Reason::none);
  return true;
}

bool RegionCore::read_with_detours(Key key, const GetOptions& options,
                                   const detail::Recipient& who) {
  std::string name;
  const bool found = read_as(mangled(key, name), options, who);
  if (found) note_store_works("get");
  return found;
}

bool RegionCore::read_failed(const Setup& setup, cairn_status status, const cairn_call& call) {
  if (status > 0) {
    counters_.outcomes.add(Reason::absent);
    note_store_works("get");
  } else {
    on_store_error(setup, status, call, "get");
  }
  return false;
}

bool RegionCore::read_judged(const Setup& setup, Key key, const GetOptions& options,
                             const detail::Recipient& who) {
  const auto is_no_hit = [this](Reason reason) {
    counters_.outcomes.add(reason);
    return false;
  };
  const std::int64_t created = who.slot.raw().created_ns;
  const bool judged = !options.ignore_expiration;
  std::optional<Lifetime> of_call;
  const Lifetime& lifetime = setup.lifetime_for(options.expiration_time, of_call);
  const std::int64_t age = judged ? age_of(lifetime, created) : 0;
  if (judged && setup.invalidated(key, who.slot.created()) != Invalidation::none) {
    return is_no_hit(Reason::invalidated);
  }
  // With an age of its own for "there is none", only the value tells which of the two holds.
  const bool two_ages = lifetime.has_two_ages();
  if (judged && !two_ages && is_past(age, lifetime.expiration_of(key, created, false))) {
    return is_no_hit(Reason::expired);
  }
  const auto found = try_accept(setup, who.accept, std::move(who.slot));
  if (!found) return false;
  if (judged && two_ages &&
      is_past(age, lifetime.expiration_of(key, created, *found == detail::Found::negative))) {
    return is_no_hit(Reason::expired);
  }
  counters_.outcomes.add(Reason::none);
  return true;
}

void RegionCore::read_multi(Keys keys, const GetOptions& options, detail::AcceptEach accept,
                            detail::FunctionRef<void(std::size_t)> refuse) {
  if (keys.empty()) return;
  const auto pin = current_.pin();
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
  std::optional<Lifetime> of_call;
  const Lifetime& lifetime = setup.lifetime_for(options.expiration_time, of_call);
  if (std::none_of(statuses.begin(), statuses.end(), [](cairn_status one) { return one < 0; })) {
    note_store_works("get_multi");
  }
  std::uint64_t hits = 0;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (statuses[i] > 0) {
      counters_.outcomes.add(Reason::absent);
      continue;
    }
    if (statuses[i] < 0) {
      on_store_error(setup, statuses[i], call, "get_multi");
      continue;
    }
    const Time created = entries[i].created();
    if (!options.ignore_expiration &&
        setup.invalidated(mangled[i], created) != Invalidation::none) {
      counters_.outcomes.add(Reason::invalidated);
      continue;
    }
    const auto found = try_accept(
        setup, [&](Entry&& entry) { return accept(i, std::move(entry)); }, std::move(entries[i]));
    if (!found) {
      refuse(i);
      continue;
    }
    const std::int64_t created_ns = created.time_since_epoch().count();
    if (!options.ignore_expiration &&
        is_past(
            age_of(lifetime, created_ns),
            lifetime.expiration_of(mangled[i], created_ns, *found == detail::Found::negative))) {
      counters_.outcomes.add(Reason::expired);
      refuse(i);
      continue;
    }
    ++hits;
  }
  counters_.outcomes.add(Reason::none, hits);
}

void RegionCore::create(Key key, const CreateOptions& options, const detail::Recipient& who,
                        detail::Create create,
                        const std::function<detail::DetachedCreate()>& detach) {
  if (detours_.load(std::memory_order_relaxed) != 0) [[unlikely]] {
    return create_with_detours(key, options, who, create, detach);
  }
  create_as(key, options, who, create, detach);
}

void RegionCore::create_with_detours(Key key, const CreateOptions& options,
                                     const detail::Recipient& who, detail::Create create,
                                     const std::function<detail::DetachedCreate()>& detach) {
  std::string name;
  if (create_as(mangled(key, name), options, who, create, detach)) note_store_works("get");
}

[[gnu::always_inline]] inline bool RegionCore::create_as(
    Key key, const CreateOptions& options, const detail::Recipient& who, detail::Create create,
    const std::function<detail::DetachedCreate()>& detach) {
  const std::uint64_t landings = flights_.landings();  // before the read: see flights.hpp
  Missed missed;
  if (is_hit(key, options, who, missed)) return true;
  create_missed(std::move(missed), key, options, who, create, detach, landings);
  return false;
}

[[gnu::always_inline]] inline bool RegionCore::is_hit(Key key, const CreateOptions& options,
                                                      const detail::Recipient& who,
                                                      Missed& missed) {
  ThreadLine& line = ThreadLine::mine();
  const auto pin = current_.pin(line);
  const Setup& setup = *pin;
  cairn_call call;
  begin(call);
  const cairn_status status =
      setup.top->get.fn(setup.top->get.self, &call, key.raw(), &who.slot.raw());
  if (status == CAIRN_OK && !options.expiration_time && is_of_version(setup, who.slot) &&
      surely_good(setup, key, who.slot)) [[likely]] {
    // Nobody needs the entry but who asked for it.
    if (takes_as_it_is(who) || try_accept(setup, who.accept, std::move(who.slot))) {
      counters_.outcomes.add(line, Reason::none);
      return true;
    }
    missed.verdict = {State::missing, Reason::unreadable};
  } else if (status != CAIRN_OK) {
    missed.verdict = nothing_there(setup, key, status, call, "get");
  } else {
    missed.verdict.reset();
  }
  missed.setup = keep(setup);
  return false;
}

SetupPtr RegionCore::keep(const Setup& setup) const {
  SetupPtr kept = std::const_pointer_cast<const Setup>(setup.weak_from_this().lock());
  return kept != nullptr ? kept : this->setup();  // closed: creators still run
}

void RegionCore::create_missed(Missed missed, Key key, const CreateOptions& options,
                               const detail::Recipient& who, detail::Create create,
                               const std::function<detail::DetachedCreate()>& detach,
                               std::uint64_t landings) {
  const Setup& setup = *missed.setup;
  std::optional<Lifetime> of_call;
  const Lifetime lifetime = setup.lifetime_for(options.expiration_time, of_call);
  Candidate found;
  if (missed.verdict) {
    found.verdict = *missed.verdict;
  } else {
    found.entry = std::move(who.slot);
    consider(setup, lifetime, key, who.accept, found);
    if (found.verdict.state == State::fresh) counters_.outcomes.add(Reason::none);
    if (found.verdict.is_hit()) return;
  }
  Creation(*this, std::move(missed.setup), lifetime, key, who.accept, create, detach)
      .run(std::move(found), landings);
}

RegionCore::Candidate RegionCore::look(const Setup& setup, const Lifetime& lifetime, Key key,
                                       detail::Accept accept) {
  Candidate found;
  cairn_call call;
  begin(call);
  const cairn_status status = on_stack(setup, [&](const cairn_next& table) {
    return table.get.fn(table.get.self, &call, key.raw(), &found.entry.raw());
  });
  if (status == CAIRN_OK) {
    consider(setup, lifetime, key, accept, found);
  } else {
    found.verdict = nothing_there(setup, key, status, call, "get");
  }
  return found;
}

// ---- judging ----

Key RegionCore::mangled(Key key, std::string& name) const {
  const auto pin = current_.pin();
  return pin->mangler ? Key(name = pin->mangler(key)) : key;
}

Verdict RegionCore::judge(const Setup& setup, const Lifetime& lifetime, Key key, const Entry& entry,
                          bool negative) const {
  if (entry.value_version() != setup.value_version) {
    return {State::missing, Reason::version};
  }
  const Invalidation voided = setup.invalidated(key, entry.created());
  if (voided == Invalidation::hard) return {State::missing, Reason::invalidated};
  const std::int64_t created = entry.raw().created_ns;
  if (created <= 0) return {State::missing, Reason::unreadable};
  if (voided == Invalidation::soft) return {State::stale, Reason::invalidated};
  const std::int64_t age = age_of(lifetime, created);
  if (age <= lifetime.surely_fresh()) return {State::fresh, Reason::none};
  if (is_past(age, lifetime.expiration_of(key, created, negative))) {
    return {State::stale, Reason::expired};
  }
  return {State::fresh, Reason::none, age > lifetime.refresh_of(key, created, negative)};
}

void RegionCore::consider(const Setup& setup, const Lifetime& lifetime, Key key,
                          detail::Accept accept, Candidate& candidate) {
  candidate.verdict = judge(setup, lifetime, key, candidate.entry, false);
  if (candidate.verdict.state != State::missing) {
    const auto found = try_accept(setup, accept, Entry(candidate.entry));
    if (!found) {
      candidate.verdict = {State::missing, Reason::unreadable};
      return;  // counted
    }
    candidate.negative = *found == detail::Found::negative;
    // With an age of its own for "there is none", only the value tells which of the two holds.
    if (candidate.negative && lifetime.has_two_ages()) {
      candidate.verdict = judge(setup, lifetime, key, candidate.entry, true);
    }
  }
  if (candidate.verdict.state != State::fresh) {
    counters_.outcomes.add(candidate.verdict.reason);
    if (candidate.verdict.state == State::missing) log_.miss(key, candidate.verdict.reason);
  }
}

Verdict RegionCore::nothing_there(const Setup& setup, Key key, cairn_status status,
                                  const cairn_call& call, const char* doing) {
  if (status < 0) {
    on_store_error(setup, status, call, doing);
    return {State::missing, Reason::error};
  }
  counters_.outcomes.add(Reason::absent);
  log_.miss(key, Reason::absent);
  note_store_works(doing);
  return {State::missing, Reason::absent};
}

bool RegionCore::accept_landed(const Setup& setup, Key key, detail::Accept accept,
                               const Entry& entry) {
  const Invalidation voided = setup.invalidated(key, entry.created());
  if (voided == Invalidation::hard) return false;
  if (voided == Invalidation::soft && !setup.policy.serve_stale) return false;
  return try_accept(setup, accept, Entry(entry)).has_value();
}

void RegionCore::note_unreadable(const Setup& setup, const Error& error) {
  if (error.code() != Errc::corrupt || setup.policy.strict) throw;  // NOLINT: in a handler
  counters_.outcomes.add(Reason::unreadable);
  log_.unreadable(error.what());
}

void RegionCore::on_store_error(const Setup& setup, cairn_status status, const cairn_call& call,
                                const char* doing) {
  const Errc code = to_errc(status);
  const bool corrupt = code == Errc::corrupt;
  counters_.outcomes.add(corrupt ? Reason::unreadable : Reason::error);
  const bool raise = corrupt ? setup.policy.strict : setup.policy.on_error == OnError::raise;
  const std::string text = call.error != CAIRN_OK ? call.error_text : std::string(to_string(code));
  if (raise) throw Error::from_layer(code, text, call.system_error);
  if (current_.pin()->stack == nullptr) return;  // closed: that is no news
  log_.store_failed(doing, code, text);
  if (log_.is_down("get")) watch_for_hits();
}

void RegionCore::note_batch(const Setup& setup, cairn_status status,
                            std::span<const cairn_status> statuses, const cairn_call& call,
                            const char* doing) {
  if (status < 0) return on_store_error(setup, status, call, doing);
  bool works = true;
  for (const cairn_status one : statuses) {
    if (one >= 0) continue;
    works = false;
    on_store_error(setup, one, call, doing);
  }
  if (works) note_store_works(doing);
}

void RegionCore::watch_for_hits() {
  detours_ |= Detour::awaits_store;
}

void RegionCore::store_works(const char* doing) {
  log_.store_works(doing);
  if (log_.is_down("get")) return;
  detours_ &= ~Detour::awaits_store;
  if (log_.is_down("get")) watch_for_hits();  // since then
}

}  // namespace cairn::hosting
