#include "multi_recreation.hpp"

namespace cairn::hosting {

MultiRecreation::MultiRecreation(std::shared_ptr<RegionCore> core, SetupPtr setup,
                                 detail::DetachedCreateEach create)
    : core_(std::move(core)), setup_(std::move(setup)), create_(std::move(create)) {}

void MultiRecreation::add(MultiItem& item) {
  Owned& owned = owned_.emplace_back();
  owned.name = item.name.view();
  owned.key = item.key.view();
  owned.item.name = Key(owned.name);
  owned.item.key = Key(owned.key);
  owned.item.lead = std::move(item.lead);
  owned.item.lock = std::move(item.lock);
  owned.item.lead.set_down();
}

void MultiRecreation::wait_in_queue(const std::shared_ptr<MultiRecreation>& self) {
  const auto whole = turn_.hold_back();  // who takes it up by one key waits until all are put down
  for (Owned& owned : owned_) {
    owned.item.lead.set_down([weak = std::weak_ptr(self)] {
      if (const auto recreation = weak.lock()) recreation->run();
    });
  }
}

void MultiRecreation::run() {
  if (!turn_.take()) return;
  MultiItems mine;
  for (Owned& owned : owned_) {
    owned.item.lead.hand_to_this_thread();
    mine.push_back(&owned.item);
  }
  try {
    MultiMade made = MultiCreation::create_and_store(*core_, *setup_, mine, create_);
    core_->counters_.refreshes.add();
    for (const Owned& owned : owned_) core_->failed_keys_.succeeded(owned.key);
    MultiCreation::land(mine, made);
  } catch (...) {
    const auto error = std::current_exception();
    if (error == nullptr) {  // not C++'s: the creator ends the thread
      MultiCreation::fail(mine, error);
      throw;
    }
    const auto key = [&](std::size_t i) -> const std::string& { return owned_[i].key; };
    Recreation::note_failed(*core_, owned_.size(), key, error);
    MultiCreation::fail(mine, error);
  }
}

}  // namespace cairn::hosting
