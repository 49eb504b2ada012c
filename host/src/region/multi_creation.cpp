#include "multi_creation.hpp"

#include "multi_recreation.hpp"

#include <algorithm>
#include <map>

namespace cairn::hosting {

namespace {

void log_created(const RegionLog& log, detail::Names names, std::chrono::nanoseconds took) {
  std::string all;
  for (const auto name : names) {
    if (all.size() > 300) break;
    all.append(all.empty() ? "" : ", ").append(name);
  }
  log.created(std::to_string(names.size()) + " keys: " + shown_key(all), took);
}

}  // namespace

void RegionCore::create_multi(Keys keys, const CreateOptions& options, detail::AcceptEach accept,
                              detail::FunctionRef<void(std::size_t)> refuse,
                              detail::CreateEach create,
                              const std::function<detail::DetachedCreateEach()>& detach) {
  if (keys.empty()) return;
  SetupPtr setup = this->setup();
  const Lifetime lifetime(setup->policy, options.expiration_time);
  MultiCreation(*this, std::move(setup), lifetime, keys, accept, refuse, create, detach).run();
}

MultiCreation::MultiCreation(RegionCore& core, SetupPtr setup, const Lifetime& lifetime, Keys keys,
                             detail::AcceptEach accept,
                             detail::FunctionRef<void(std::size_t)> refuse,
                             detail::CreateEach create,
                             const std::function<detail::DetachedCreateEach()>& detach)
    : core_(core),
      setup_(std::move(setup)),
      lifetime_(lifetime),
      mangled_(*setup_, keys),
      accept_(accept),
      refuse_(refuse),
      create_(create),
      detach_(detach),
      deadline_(Creation::deadline_of(setup_->policy)) {
  std::map<std::string_view, std::vector<std::size_t>> sorted;
  std::map<std::string_view, std::string_view>
      names;  // the first of those that a mangler makes one
  for (std::size_t i = 0; i < keys.size(); ++i) {
    std::string_view name = keys[i].view();
    if (setup_->mangler) name = names.try_emplace(mangled_[i].view(), name).first->second;
    sorted[name].push_back(i);
  }
  items_.reserve(sorted.size());
  for (auto& [name, positions] : sorted) {
    const Key key = mangled_[positions.front()];
    items_.push_back({std::move(positions), Key(name), key});
  }
}

void MultiCreation::run() {
  MultiItems pending;
  for (MultiItem& item : items_) pending.push_back(&item);
  while (!pending.empty()) round(pending);
}

// ---- who makes what ----

void MultiCreation::round(MultiItems& pending) {
  const std::uint64_t landings = core_.flights_.landings();  // before the read
  std::vector<Candidate> found = look(pending);
  MultiItems mine;
  MultiItems joined;
  for (std::size_t i = 0; i < pending.size(); ++i) {
    MultiItem& item = *pending[i];
    item.old = std::move(found[i]);
    if (item.old.verdict.is_hit()) continue;
    if (will_do(item.old)) {
      if (!core_.failed_keys_.pausing(item.key)) item.lead = core_.flights_.try_lead(item.key);
      if (item.lead) {
        mine.push_back(&item);
      } else {
        serve_old(item);
      }
      continue;
    }
    auto [lead, other] = core_.flights_.claim(item.key);
    if (lead) {
      item.lead = std::move(lead);
      mine.push_back(&item);
    } else if (other->led_by_this_thread()) {
      Creation::refuse_own_key(core_, item.name);
    } else {
      item.other = std::move(other);
      joined.push_back(&item);
    }
  }
  if (core_.flights_.landings() != landings) drop_done_since(mine);
  MultiItems foreign;
  if (setup_->locks_in_store) take_store_locks(mine, foreign);
  hand_to_background(mine);
  make(mine);
  wait_for_other_processes(foreign);
  pending.clear();
  wait_for_others(joined, pending);
}

// Somebody landed between our read and our claims: what is fresh now need not be made.
void MultiCreation::drop_done_since(MultiItems& mine) {
  std::vector<Candidate> now = look(mine);
  MultiItems left;
  for (std::size_t i = 0; i < mine.size(); ++i) {
    MultiItem& item = *mine[i];
    const bool early = item.old.verdict.refresh_due;
    if (early ? now[i].verdict.is_hit() : now[i].verdict.state == State::fresh) {
      item.lead.land_with(std::move(now[i].entry));
    } else {
      if (now[i].verdict.state == State::stale) item.old = std::move(now[i]);
      left.push_back(&item);
    }
  }
  mine = std::move(left);
}

void MultiCreation::take_store_locks(MultiItems& mine, MultiItems& foreign) {
  MultiItems locked;
  for (MultiItem* item : mine) {
    const cairn_status status = StoreLock::try_take(core_, setup_, item->key, item->lock);
    if (status != CAIRN_BUSY) {
      locked.push_back(item);  // or the store cannot lock: create without
    } else if (will_do(item->old)) {
      serve_old(*item);
      item->lead.land_empty();
    } else {
      foreign.push_back(item);
    }
  }
  mine = std::move(locked);
  // A second look: another process may have been quicker.
  MultiItems missing;
  MultiItems rest;
  for (MultiItem* item : mine) {
    (item->old.verdict.state == State::missing ? missing : rest).push_back(item);
  }
  drop_done_since(missing);
  for (MultiItem* item : mine) {
    if (!item->lead) item->lock.release();
  }
  rest.insert(rest.end(), missing.begin(), missing.end());
  std::sort(rest.begin(), rest.end(), [](auto* a, auto* b) { return a->name < b->name; });
  mine = std::move(rest);
}

bool MultiCreation::will_do(const Candidate& old) const noexcept {
  return old.verdict.state == State::fresh ||
         (old.verdict.state == State::stale && setup_->policy.serve_stale);
}

void MultiCreation::serve_old(const MultiItem& item) {
  if (item.old.verdict.state != State::fresh) core_.counters_.stale_served.add();
}

void MultiCreation::hand_to_background(MultiItems& mine) {
  if (!detach_ || !(setup_->policy.background || setup_->runner)) return;
  const auto has_old = [this](const MultiItem* item) { return will_do(item->old); };
  if (std::none_of(mine.begin(), mine.end(), has_old)) return;
  detail::DetachedCreateEach create = detach_();
  if (!create) return;
  auto recreation =
      std::make_shared<MultiRecreation>(core_.shared_from_this(), setup_, std::move(create));
  MultiItems left;
  for (MultiItem* item : mine) {
    if (has_old(item)) {
      recreation->add(*item);
      serve_old(*item);
    } else {
      left.push_back(item);
    }
  }
  mine = std::move(left);
  BackgroundJob job = [recreation] { recreation->run(); };
  if (setup_->runner) return setup_->runner(items_.front().name, std::move(job));
  recreation->wait_in_queue(recreation);
  if (!core_.background_.submit(job)) job();
}

// ---- making it ----

void MultiCreation::make(const MultiItems& mine) {
  if (mine.empty()) return;
  MultiMade made;
  try {
    made = create_and_store(core_, *setup_, mine, create_);
    const auto early = [](const MultiItem* item) { return item->old.verdict.refresh_due; };
    if (std::any_of(mine.begin(), mine.end(), early)) core_.counters_.refreshes.add();
    for (std::size_t i = 0; i < mine.size(); ++i) {
      if (made[i]) {
        accept(*mine[i], made[i]->entry);
      } else {
        for (const std::size_t position : mine[i]->positions) refuse_(position);
      }
    }
  } catch (...) {
    const auto error = std::current_exception();  // null: not C++'s, such as the end of the thread
    const bool all_have_old = std::all_of(mine.begin(), mine.end(), [&](const MultiItem* item) {
      return Creation::may_serve_on_error(core_, *setup_, lifetime_, item->key, item->old);
    });
    if (error == nullptr || !all_have_old) {
      fail(mine, error);
      throw;
    }
    for (MultiItem* item : mine) {
      accept(*item, item->old.entry);
      serve_old(*item);
      item->lock.release();
      item->lead.land_with(item->old.entry);
    }
    return;
  }
  land(mine, made);
}

MultiMade MultiCreation::create_and_store(RegionCore& core, const Setup& setup,
                                          const MultiItems& items, detail::CreateEach create) {
  std::vector<std::string_view> names;
  names.reserve(items.size());
  for (const MultiItem* item : items) names.push_back(item->name.view());

  const Time began = core.stamp(setup);
  const auto since = std::chrono::steady_clock::now();
  MultiMade made;
  try {
    made = create(names);
  } catch (...) {
    core.counters_.creation_errors.add();
    throw;
  }
  const auto took = std::chrono::steady_clock::now() - since;
  core.counters_.creations.add();
  core.counters_.creation_time.add(took);
  if (core.log_.at(LogLevel::debug)) log_created(core.log_, names, took);

  RegionCore::learn_invalidations(setup);
  std::vector<cairn_bytes> keys;
  std::vector<Entry> entries;
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (!made[i]) continue;
    Entry& entry = made[i]->entry;
    entry.set_created(core.created_since(setup, items[i]->key, began));
    entry.set_value_version(setup.value_version);
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
    core.note_batch(setup, status, statuses, call, "set_multi");
  }
  return made;
}

void MultiCreation::land(const MultiItems& items, MultiMade& made) noexcept {
  for (std::size_t i = 0; i < items.size(); ++i) {
    items[i]->lock.release();
    if (made[i]) {
      items[i]->lead.land_with(std::move(made[i]->entry));
    } else {
      items[i]->lead.land_empty();
    }
  }
}

void MultiCreation::fail(const MultiItems& items, const std::exception_ptr& error) noexcept {
  for (MultiItem* item : items) {
    item->lock.release();
    item->lead.land_failed(error);
  }
}

// ---- reading ----

std::vector<RegionCore::Candidate> MultiCreation::look(const MultiItems& items) {
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
  if (std::none_of(statuses.begin(), statuses.end(), [](cairn_status one) { return one < 0; })) {
    core_.note_store_works("get_multi");
  }
  std::uint64_t hits = 0;
  for (std::size_t i = 0; i < items.size(); ++i) {
    const MultiItem& item = *items[i];
    if (statuses[i] == CAIRN_OK) {
      candidates[i].entry = std::move(entries[i]);
      core_.consider(
          *setup_, lifetime_, item.key, [&](Entry&& entry) { return accept(item, entry); },
          candidates[i]);
      hits += candidates[i].verdict.state == State::fresh ? 1 : 0;
    } else {
      candidates[i].verdict =
          core_.nothing_there(*setup_, item.key, statuses[i], call, "get_multi");
    }
  }
  core_.counters_.outcomes.add(Reason::none, hits);
  return candidates;
}

detail::Found MultiCreation::accept(const MultiItem& item, const Entry& entry) {
  detail::Found found = detail::Found::value;
  for (const std::size_t position : item.positions) found = accept_(position, Entry(entry));
  return found;
}

}  // namespace cairn::hosting
