// RegionCore: writes and removals.

#include "region_core.hpp"
#include "store_invalidation.hpp"

#include <algorithm>

namespace cairn::hosting {

std::chrono::nanoseconds RegionCore::ttl_of(const Setup& setup,
                                            const SetOptions& options) noexcept {
  return options.ttl.count() > 0 ? options.ttl
                                 : setup.policy.ttl.value_or(std::chrono::nanoseconds(0));
}

void RegionCore::write(Key key, Entry entry, const SetOptions& options) {
  if (options.ttl.count() < 0) {  // over before it begins, as when it was computed from a deadline
    remove(key);
    return;
  }
  const auto pin = current_.pin();
  const Setup& setup = *pin;
  std::string name;
  if (setup.mangler) key = name = setup.mangler(key);
  entry.set_created(stamp(setup));
  entry.set_value_version(setup.value_version);
  cairn_call call;
  begin(call);
  const cairn_set_options raw{sizeof raw, 0, ttl_of(setup, options).count()};
  const cairn_status status =
      setup.top->set.fn(setup.top->set.self, &call, key.raw(), &entry.raw(), &raw);
  if (status < 0) return on_store_error(setup, status, call, "set");
  note_store_works("set");
}

void RegionCore::write_multi(Keys keys, std::span<Entry> entries, const SetOptions& options,
                             std::optional<Time> began) {
  if (keys.empty()) return;
  if (options.ttl.count() < 0) {
    remove_multi(keys);
    return;
  }
  const auto pin = current_.pin();
  const Setup& setup = *pin;
  const MangledKeys mangled(setup, keys);
  if (began) learn_invalidations(setup);
  const Time made = stamp(setup);
  for (std::size_t i = 0; i < entries.size(); ++i) {
    entries[i].set_created(began ? created_since(setup, mangled[i], *began) : made);
    entries[i].set_value_version(setup.value_version);
  }
  std::vector<cairn_status> statuses(keys.size(), CAIRN_OK);
  cairn_call call;
  begin(call);
  const cairn_set_options raw{sizeof raw, 0, ttl_of(setup, options).count()};
  const cairn_status status = setup.top->set_multi.fn(
      setup.top->set_multi.self, &call, mangled.raw(),
      reinterpret_cast<const cairn_entry*>(entries.data()), keys.size(), &raw, statuses.data());
  note_batch(setup, status, statuses, call, "set_multi");
}

bool RegionCore::remove(Key key) {
  const auto pin = current_.pin();
  const Setup& setup = *pin;
  std::string name;
  if (setup.mangler) key = name = setup.mangler(key);
  cairn_call call;
  begin(call);
  const cairn_status status = setup.top->remove.fn(setup.top->remove.self, &call, key.raw());
  if (status < 0) {
    on_store_error(setup, status, call, "remove");
  } else {
    note_store_works("remove");
  }
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
  note_batch(setup, status, statuses, call, "remove_multi");
  if (status < 0) return 0;
  return static_cast<std::size_t>(std::count(statuses.begin(), statuses.end(), CAIRN_OK));
}

void RegionCore::learn_invalidations(const Setup& setup) {
  if (setup.local_invalidation != nullptr) return;
  const auto* in_store = dynamic_cast<const StoreInvalidation*>(setup.invalidation.get());
  if (in_store != nullptr) in_store->refresh();
}

Time RegionCore::created_since(const Setup& setup, Key key, Time began) {
  // The stamp first. If an invalidation took an earlier one, then it shows here: as still on its way, or
  // as in force. A value that is stamped before an invalidation is void without our help.
  const Time now = stamp(setup);
  if (invalidating_.load() != 0) return began;
  return setup.invalidation->check(key, began) == Invalidation::none ? now : began;
}

}  // namespace cairn::hosting
