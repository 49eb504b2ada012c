#include "store_lock.hpp"

namespace cairn::hosting {

StoreLock::StoreLock(RegionCore& core, SetupPtr setup, std::string key, std::uint64_t token)
    : held_(new Held{&core, std::move(setup), std::move(key), token, {}, {}}) {
  const std::chrono::nanoseconds lease = held_->setup->lease;
  if (lease.count() <= 0) return;
  Held* held = held_.get();  // stays where it is when this object moves
  held->renewal = core.leases_->keep(lease / 3, [held, lease] {
    cairn_call call;
    begin(call);
    const cairn_status status = held->core->on_stack(*held->setup, [&](const cairn_next& table) {
      return table.renew.fn(table.renew.self, &call, Key(held->key).raw(), held->token,
                            lease.count());
    });
    if (status == CAIRN_MISS) {
      held->lost = true;
      held->core->counters_.locks_lost.add();
      held->core->log_.write(LogLevel::warning,
                             "lost the creation lock of " + shown_key(held->key));
      return false;
    }
    return true;  // a store that could not be asked may answer next time
  });
}

cairn_status StoreLock::try_take(RegionCore& core, const SetupPtr& setup, Key key,
                                 StoreLock& lock) {
  cairn_call call;
  begin(call);
  std::uint64_t token = 0;
  const cairn_status status = core.on_stack(*setup, [&](const cairn_next& table) {
    return table.lock.fn(table.lock.self, &call, key.raw(), setup->lease.count(), &token);
  });
  if (status == CAIRN_OK) {
    lock = StoreLock(core, setup, std::string(key.view()), token);
  } else if (status < 0) {
    core.counters_.lock_errors.add();
    core.on_store_error(*setup, status, call, "lock");
  }
  if (status >= 0) core.note_store_works("lock");
  return status;
}

void StoreLock::release() noexcept {
  if (held_ == nullptr) return;
  held_->renewal = {};
  cairn_call call;
  begin(call);
  const cairn_status status = held_->core->on_stack(*held_->setup, [&](const cairn_next& table) {
    return table.unlock.fn(table.unlock.self, &call, Key(held_->key).raw(), held_->token);
  });
  if (status == CAIRN_MISS && !held_->lost) held_->core->counters_.locks_lost.add();
  if (status < 0) held_->core->counters_.lock_errors.add();
  held_ = nullptr;
}

}  // namespace cairn::hosting
