// get_or_create for many keys: one multi read, one creator call, one multi write.
//
// Keys that are missing are claimed in sorted order, and never waited for while holding others: what
// somebody else is creating is joined after our own are done. So callers with overlapping keys cannot
// block each other, and no key is created twice. Whatever throws, every claim and lock is given back.

#include "creation.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <numeric>

namespace cairn::hosting {

using namespace std::chrono_literals;

namespace {

using Created = std::optional<detail::Created>;

}  // namespace

/// One key of a batch.
struct MultiItem {
  std::vector<std::size_t> positions;  // of the caller's keys; more than one for a repeated key
  Key name;                            // the caller's
  Key key;                             // the store's
  RegionCore::Candidate old = {};
  FlightPtr flight = nullptr;  // while we lead it
  FlightPtr joined = nullptr;  // while somebody else does
  StoreLock lock = {};
};

class MultiCreation {
 public:
  MultiCreation(RegionCore& core, SetupPtr setup, const Lifetime& lifetime, Keys keys,
                detail::AcceptEach accept, detail::CreateEach create,
                const std::function<detail::DetachedCreateEach()>& detach);
  MultiCreation(const MultiCreation&) = delete;
  MultiCreation& operator=(const MultiCreation&) = delete;
  /// Gives back whatever is still claimed.
  ~MultiCreation();

  void run();

  /// Creates, stores in one go, and returns what was made, parallel to `items`; counts as one creation.
  static std::vector<Created> create_and_store(RegionCore& core, const Setup& setup,
                                               const std::vector<MultiItem*>& items,
                                               detail::CreateEach create);
  /// Lands the flights of what was made.
  static void land(RegionCore& core, const std::vector<MultiItem*>& items,
                   std::vector<Created>& made);
  static void fail(RegionCore& core, const std::vector<MultiItem*>& items,
                   const std::exception_ptr& error);

 private:
  using Items = std::vector<MultiItem*>;
  using Candidate = RegionCore::Candidate;

  std::vector<Candidate> look(const Items& items);
  detail::Found accept(const MultiItem& item, const Entry& entry);
  void round(Items& pending);
  void drop_done_since(Items& mine);
  void take_store_locks(Items& mine, Items& foreign);
  void hand_to_background(Items& mine);
  void make(const Items& mine);
  void wait_for_other_processes(Items& foreign);
  void wait_for_others(const Items& joined, Items& again);
  bool served_old(MultiItem& item);
  void give_up_waiting(MultiItem& item);

  RegionCore& core_;
  const SetupPtr setup_;
  const Lifetime lifetime_;
  const MangledKeys mangled_;
  const detail::AcceptEach accept_;
  const detail::CreateEach create_;
  const std::function<detail::DetachedCreateEach()>& detach_;
  const Creation::Deadline deadline_;
  std::vector<MultiItem> items_;
};

// Stale values' recreation on another thread; owns all that it needs.
class MultiRecreation {
 public:
  MultiRecreation(std::shared_ptr<RegionCore> core, SetupPtr setup,
                  detail::DetachedCreateEach create)
      : core_(std::move(core)), setup_(std::move(setup)), create_(std::move(create)) {}
  MultiRecreation(const MultiRecreation&) = delete;
  MultiRecreation& operator=(const MultiRecreation&) = delete;
  ~MultiRecreation() {
    for (MultiItem& item : items_) {
      item.lock.release();
      if (item.flight) core_->flights_.land_empty(item.flight);
    }
  }

  void add(MultiItem& item) {
    item.flight->set_down();
    names_.emplace_back(item.name.view());
    items_.push_back({{},
                      {},
                      Key(item.flight->key()),
                      {},
                      std::exchange(item.flight, nullptr),
                      nullptr,
                      std::move(item.lock)});
  }
  void run() {
    std::vector<MultiItem*> mine;
    for (std::size_t i = 0; i < items_.size(); ++i) {
      items_[i].name = Key(names_[i]);
      items_[i].flight->hand_to_this_thread();
      mine.push_back(&items_[i]);
    }
    try {
      auto made = MultiCreation::create_and_store(*core_, *setup_, mine, create_);
      RegionCore::count(core_->counters_.refreshes);
      MultiCreation::land(*core_, mine, made);
    } catch (const std::exception& error) {
      core_->log(LogLevel::warning,
                 fmt::format("the creator of {} keys failed in the background: {}", mine.size(),
                             error.what()));
      MultiCreation::fail(*core_, mine, std::current_exception());
    } catch (...) {
      MultiCreation::fail(*core_, mine, std::current_exception());
    }
  }

 private:
  const std::shared_ptr<RegionCore> core_;
  const SetupPtr setup_;
  const detail::DetachedCreateEach create_;
  std::vector<std::string> names_;
  std::vector<MultiItem> items_;
};

void RegionCore::create_multi(Keys keys, const CreateOptions& options, detail::AcceptEach accept,
                              detail::CreateEach create,
                              const std::function<detail::DetachedCreateEach()>& detach) {
  if (keys.empty()) return;
  SetupPtr setup = this->setup();
  const Lifetime lifetime(setup->policy, options.expiration_time);
  MultiCreation(*this, std::move(setup), lifetime, keys, accept, create, detach).run();
}

MultiCreation::MultiCreation(RegionCore& core, SetupPtr setup, const Lifetime& lifetime, Keys keys,
                             detail::AcceptEach accept, detail::CreateEach create,
                             const std::function<detail::DetachedCreateEach()>& detach)
    : core_(core),
      setup_(std::move(setup)),
      lifetime_(lifetime),
      mangled_(*setup_, keys),
      accept_(accept),
      create_(create),
      detach_(detach),
      deadline_(setup_->policy.lock_wait
                    ? std::chrono::steady_clock::now() + *setup_->policy.lock_wait
                    : Creation::Deadline::max()) {
  std::map<std::string_view, std::vector<std::size_t>> sorted;
  for (std::size_t i = 0; i < keys.size(); ++i) sorted[keys[i].view()].push_back(i);
  items_.reserve(sorted.size());
  for (auto& [name, positions] : sorted) {
    const Key key = mangled_[positions.front()];
    items_.push_back({std::move(positions), Key(name), key});
  }
}

MultiCreation::~MultiCreation() {
  for (MultiItem& item : items_) {
    item.lock.release();
    if (item.flight) core_.flights_.land_empty(item.flight);
  }
}

void MultiCreation::run() {
  Items pending;
  for (MultiItem& item : items_) pending.push_back(&item);
  while (!pending.empty()) round(pending);
}

// Leaves in `pending` what must be tried again.
void MultiCreation::round(Items& pending) {
  const std::uint64_t landings = core_.flights_.landings();  // before the read
  std::vector<Candidate> found = look(pending);
  Items mine;
  Items joined;
  for (std::size_t i = 0; i < pending.size(); ++i) {
    MultiItem& item = *pending[i];
    item.old = std::move(found[i]);
    if (item.old.verdict.state == State::fresh) continue;
    if (item.old.verdict.state == State::stale && setup_->policy.serve_stale) {
      item.flight = core_.flights_.try_lead(item.key);
      if (item.flight) {
        mine.push_back(&item);
      } else {
        RegionCore::count(core_.counters_.stale_served);
      }
      continue;
    }
    auto claim = core_.flights_.claim(item.key);
    if (claim.leads) {
      item.flight = std::move(claim.flight);
      mine.push_back(&item);
    } else if (claim.flight->led_by_this_thread()) {
      throw Error(Errc::internal,
                  fmt::format("region {}: the creator of key `{}` asks for that very key",
                              core_.name(), item.name.view()));
    } else {
      item.joined = std::move(claim.flight);
      joined.push_back(&item);
    }
  }
  if (core_.flights_.landings() != landings) drop_done_since(mine);
  Items foreign;
  if (setup_->locks_in_store) take_store_locks(mine, foreign);
  hand_to_background(mine);
  make(mine);
  wait_for_other_processes(foreign);
  pending.clear();
  wait_for_others(joined, pending);
}

// Somebody landed between our read and our claims: what is fresh now need not be made.
void MultiCreation::drop_done_since(Items& mine) {
  std::vector<Candidate> now = look(mine);
  Items left;
  for (std::size_t i = 0; i < mine.size(); ++i) {
    MultiItem& item = *mine[i];
    if (now[i].verdict.state == State::fresh) {
      core_.flights_.land_with(std::exchange(item.flight, nullptr), std::move(now[i].entry));
    } else {
      if (now[i].verdict.state == State::stale) item.old = std::move(now[i]);
      left.push_back(&item);
    }
  }
  mine = std::move(left);
}

void MultiCreation::take_store_locks(Items& mine, Items& foreign) {
  Items locked;
  for (MultiItem* item : mine) {
    const cairn_status status = StoreLock::try_take(core_, setup_, item->key, item->lock);
    if (status != CAIRN_BUSY) {
      locked.push_back(item);  // or the store cannot lock: create without
    } else if (!served_old(*item)) {
      foreign.push_back(item);
    }
  }
  mine = std::move(locked);
  // A second look: another process may have been quicker.
  Items missing;
  Items rest;
  for (MultiItem* item : mine) {
    (item->old.verdict.state == State::missing ? missing : rest).push_back(item);
  }
  drop_done_since(missing);
  for (MultiItem* item : mine) {
    if (item->flight == nullptr) item->lock.release();
  }
  rest.insert(rest.end(), missing.begin(), missing.end());
  std::sort(rest.begin(), rest.end(), [](auto* a, auto* b) { return a->name < b->name; });
  mine = std::move(rest);
}

// True: the caller has the old value, and the key is given back.
bool MultiCreation::served_old(MultiItem& item) {
  if (item.old.verdict.state != State::stale || !setup_->policy.serve_stale) return false;
  RegionCore::count(core_.counters_.stale_served);
  item.lock.release();
  core_.flights_.land_empty(std::exchange(item.flight, nullptr));
  return true;
}

void MultiCreation::hand_to_background(Items& mine) {
  if (!detach_ || !(setup_->policy.background || setup_->runner)) return;
  const auto is_stale = [](const MultiItem* item) {
    return item->old.verdict.state == State::stale;
  };
  if (!setup_->policy.serve_stale || std::none_of(mine.begin(), mine.end(), is_stale)) return;
  auto recreation = std::make_shared<MultiRecreation>(core_.shared_from_this(), setup_, detach_());
  Items left;
  for (MultiItem* item : mine) {
    if (is_stale(item)) {
      recreation->add(*item);
      RegionCore::count(core_.counters_.stale_served);
    } else {
      left.push_back(item);
    }
  }
  mine = std::move(left);
  BackgroundJob job = [recreation] { recreation->run(); };
  if (setup_->runner) {
    setup_->runner(items_.front().name, std::move(job));
  } else if (!core_.background_.submit(job)) {
    job();
  }
}

void MultiCreation::make(const Items& mine) {
  if (mine.empty()) return;
  std::vector<Created> made;
  try {
    made = create_and_store(core_, *setup_, mine, create_);
    for (std::size_t i = 0; i < mine.size(); ++i) {
      if (made[i]) accept(*mine[i], made[i]->entry);
    }
  } catch (...) {
    const bool all_have_old = std::all_of(mine.begin(), mine.end(), [&](const MultiItem* item) {
      return Creation::may_serve_on_error(core_, *setup_, lifetime_, item->key, item->old);
    });
    if (!all_have_old) {
      fail(core_, mine, std::current_exception());
      throw;
    }
    for (MultiItem* item : mine) {
      accept(*item, item->old.entry);
      RegionCore::count(core_.counters_.stale_served);
      item->lock.release();
      core_.flights_.land_with(std::exchange(item->flight, nullptr), item->old.entry);
    }
    return;
  }
  land(core_, mine, made);
}

std::vector<Created> MultiCreation::create_and_store(RegionCore& core, const Setup& setup,
                                                     const Items& items,
                                                     detail::CreateEach create) {
  std::vector<std::string_view> names;
  names.reserve(items.size());
  for (const MultiItem* item : items) names.push_back(item->name.view());

  const Time began = core.stamp();
  const auto since = std::chrono::steady_clock::now();
  std::vector<Created> made;
  try {
    made = create(names);
  } catch (...) {
    RegionCore::count(core.counters_.creation_errors);
    throw;
  }
  const auto took = std::chrono::steady_clock::now() - since;
  RegionCore::count(core.counters_.creations);
  RegionCore::count(core.counters_.creation_ns, static_cast<std::uint64_t>(took.count()));
  if (core.services_.logs(LogLevel::debug)) {
    std::string all;
    for (const auto name : names) {
      if (all.size() > 300) break;
      all.append(all.empty() ? "" : ", ").append(name);
    }
    core.log(LogLevel::debug, fmt::format("creation time {:.3f} s for {} keys: {}",
                                          std::chrono::duration<double>(took).count(), names.size(),
                                          shown_key(all)));
  }

  std::vector<cairn_bytes> keys;
  std::vector<Entry> entries;
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (!made[i]) continue;
    Entry& entry = made[i]->entry;
    entry.set_created(core.created_since(setup, items[i]->key, began));
    entry.set_value_version(setup.policy.value_version);
    if (!made[i]->cache) continue;
    if (items[i]->lock.lost()) {
      Creation::store(core, setup, items[i]->key, entry, true, began);
    } else {
      keys.push_back(items[i]->key.raw());
      entries.push_back(entry);
    }
  }
  if (!keys.empty()) {
    std::vector<cairn_status> statuses(keys.size(), CAIRN_OK);
    cairn_call call;
    begin(call);
    const cairn_set_options options{sizeof options, 0, RegionCore::ttl_of(setup, {}).count()};
    const cairn_status status = core.on_stack(setup, [&](const cairn_next& table) {
      return table.set_multi.fn(table.set_multi.self, &call, keys.data(),
                                reinterpret_cast<const cairn_entry*>(entries.data()), keys.size(),
                                &options, statuses.data());
    });
    if (status < 0) {
      core.on_store_error(setup, status, call, "set_multi");
    } else {
      for (const cairn_status one : statuses) {
        if (one < 0) core.on_store_error(setup, one, call, "set_multi");
      }
    }
  }
  return made;
}

void MultiCreation::land(RegionCore& core, const Items& items, std::vector<Created>& made) {
  for (std::size_t i = 0; i < items.size(); ++i) {
    items[i]->lock.release();
    const FlightPtr flight = std::exchange(items[i]->flight, nullptr);
    if (made[i]) {
      core.flights_.land_with(flight, std::move(made[i]->entry));
    } else {
      core.flights_.land_empty(flight);
    }
  }
}

void MultiCreation::fail(RegionCore& core, const Items& items, const std::exception_ptr& error) {
  for (MultiItem* item : items) {
    item->lock.release();
    if (item->flight) core.flights_.land_failed(std::exchange(item->flight, nullptr), error);
  }
}

// Keys whose locks other processes hold: their values are polled for, and those whose locks come free
// without a value are ours.
void MultiCreation::wait_for_other_processes(Items& foreign) {
  std::chrono::milliseconds pause = 4ms;
  while (!foreign.empty()) {
    RegionCore::count(core_.counters_.waits);
    if (std::chrono::steady_clock::now() >= deadline_) {
      for (MultiItem* item : foreign) give_up_waiting(*item);
      return;
    }
    Creation::nap(core_, *setup_, foreign.front()->key, pause, deadline_);
    drop_done_since(foreign);
    Items mine;
    Items left;
    for (MultiItem* item : foreign) {
      const cairn_status status = StoreLock::try_take(core_, setup_, item->key, item->lock);
      (status == CAIRN_BUSY ? left : mine).push_back(item);
    }
    const Items locked = mine;
    drop_done_since(mine);
    for (MultiItem* item : locked) {
      if (item->flight == nullptr) item->lock.release();
    }
    make(mine);
    foreign = std::move(left);
  }
}

void MultiCreation::wait_for_others(const Items& joined, Items& again) {
  for (MultiItem* item : joined) {
    const FlightPtr flight = std::exchange(item->joined, nullptr);
    RegionCore::count(core_.counters_.waits);
    const auto since = std::chrono::steady_clock::now();
    const Flight::Landing landing = flight->wait(deadline_);
    RegionCore::count(
        core_.counters_.wait_ns,
        static_cast<std::uint64_t>((std::chrono::steady_clock::now() - since).count()));
    switch (landing) {
      case Flight::Landing::value:
        if (core_.accept_landed(
                *setup_, item->key, [&](const Entry& entry) { return accept(*item, entry); },
                flight->value())) {
          break;
        }
        again.push_back(item);
        break;
      case Flight::Landing::failed:
        if (setup_->policy.share_errors) std::rethrow_exception(flight->error());
        again.push_back(item);
        break;
      case Flight::Landing::gave_up: again.push_back(item); break;
      case Flight::Landing::none: give_up_waiting(*item); break;
    }
  }
}

void MultiCreation::give_up_waiting(MultiItem& item) {
  RegionCore::count(core_.counters_.wait_timeouts);
  switch (setup_->policy.on_lock_timeout) {
    case OnLockTimeout::create: {
      const bool leads = item.flight != nullptr;
      if (leads) return make({&item});
      std::vector<Created> made = create_and_store(core_, *setup_, {&item}, create_);
      if (made.front()) accept(item, made.front()->entry);
      return;
    }
    case OnLockTimeout::stale:
      if (item.old.verdict.state != State::missing) {
        RegionCore::count(core_.counters_.stale_served);
        return;  // accepted when it was read
      }
      break;
    case OnLockTimeout::error: break;
  }
  throw Error(
      Errc::timeout,
      fmt::format(
          "region {}: waited {} ms for the value of key `{}`, which somebody else is creating",
          core_.name(), setup_->policy.lock_wait->count() / 1'000'000, item.name.view()));
}

// Reads in one go and judges each; what is not missing has been accepted.
std::vector<RegionCore::Candidate> MultiCreation::look(const Items& items) {
  std::vector<Candidate> candidates(items.size());
  if (items.empty()) return candidates;
  std::vector<cairn_bytes> keys;
  keys.reserve(items.size());
  for (const MultiItem* item : items) keys.push_back(item->key.raw());
  std::vector<Entry> entries(items.size());
  std::vector<cairn_status> statuses(items.size(), CAIRN_MISS);
  cairn_call call;
  begin(call);
  const cairn_status status = core_.on_stack(*setup_, [&](const cairn_next& table) {
    return table.get_multi.fn(table.get_multi.self, &call, keys.data(), keys.size(),
                              reinterpret_cast<cairn_entry*>(entries.data()), statuses.data());
  });
  if (status < 0) {
    core_.on_store_error(*setup_, status, call, "get_multi");
    return candidates;
  }
  std::uint64_t hits = 0;
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (statuses[i] == CAIRN_OK) {
      candidates[i] = core_.consider(*setup_, lifetime_, items[i]->key, std::move(entries[i]),
                                     [&](const Entry& entry) { return accept(*items[i], entry); });
      hits += candidates[i].verdict.state == State::fresh ? 1 : 0;
    } else if (statuses[i] > 0) {
      core_.count_miss(Reason::absent);
      core_.log_miss(items[i]->key, Reason::absent);
    } else {
      core_.on_store_error(*setup_, statuses[i], call, "get_multi");
    }
  }
  RegionCore::count(core_.hits_[thread_stripe()].hits, hits);
  return candidates;
}

detail::Found MultiCreation::accept(const MultiItem& item, const Entry& entry) {
  detail::Found found = detail::Found::value;
  for (const std::size_t position : item.positions) found = accept_(position, entry);
  return found;
}

}  // namespace cairn::hosting
