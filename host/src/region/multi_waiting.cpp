#include "multi_creation.hpp"

namespace cairn::hosting {

using namespace std::chrono_literals;

// Keys whose locks other processes hold: their values are polled for, and those whose locks come free
// without a value are ours.
void MultiCreation::wait_for_other_processes(MultiItems& foreign) {
  std::chrono::milliseconds pause = 4ms;
  while (!foreign.empty()) {
    core_.counters_.waits.add();
    if (std::chrono::steady_clock::now() >= deadline_) {
      for (MultiItem* item : foreign) give_up_waiting(*item);
      return;
    }
    Creation::nap(core_, *setup_, foreign.front()->key, pause, deadline_);
    drop_done_since(foreign);
    MultiItems mine;
    MultiItems left;
    for (MultiItem* item : foreign) {
      const cairn_status status = StoreLock::try_take(core_, setup_, item->key, item->lock);
      (status == CAIRN_BUSY ? left : mine).push_back(item);
    }
    const MultiItems locked = mine;
    drop_done_since(mine);
    for (MultiItem* item : locked) {
      if (!item->lead) item->lock.release();
    }
    make(mine);
    foreign = std::move(left);
  }
}

void MultiCreation::wait_for_others(const MultiItems& joined, MultiItems& again) {
  for (MultiItem* item : joined) {
    const auto other = std::exchange(item->other, nullptr);
    switch (Creation::wait(core_, *other, deadline_)) {
      case Flight::Landing::value: {
        const auto take = [&](Entry&& entry) { return accept(*item, entry); };
        if (!core_.accept_landed(*setup_, item->key, take, other->value())) again.push_back(item);
        break;
      }
      case Flight::Landing::failed:
        if (setup_->policy.share_errors) std::rethrow_exception(other->error());
        again.push_back(item);
        break;
      case Flight::Landing::gave_up: again.push_back(item); break;
      case Flight::Landing::none: give_up_waiting(*item); break;
    }
  }
}

void MultiCreation::give_up_waiting(MultiItem& item) {
  core_.counters_.wait_timeouts.add();
  switch (setup_->policy.on_lock_timeout) {
    case OnLockTimeout::create: return make({&item});
    case OnLockTimeout::stale:
      if (item.old.verdict.state != State::missing) {
        core_.counters_.stale_served.add();
        return;  // accepted when it was read
      }
      break;
    case OnLockTimeout::error: break;
  }
  throw Creation::waited_in_vain(core_, *setup_, item.name);
}

}  // namespace cairn::hosting
