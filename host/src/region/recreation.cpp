#include "recreation.hpp"

#include "creation.hpp"

namespace cairn::hosting {

Recreation::Recreation(std::shared_ptr<RegionCore> core, SetupPtr setup, Lead lead, StoreLock lock,
                       detail::DetachedCreate create)
    : core_(std::move(core)),
      setup_(std::move(setup)),
      create_(std::move(create)),
      lead_(std::move(lead)),
      lock_(std::move(lock)) {
  lead_.set_down();
}

void Recreation::run() {
  if (!lead_) return;  // once is enough
  Lead lead = std::move(lead_);
  lead.hand_to_this_thread();
  try {
    Entry entry = Creation::create_and_store(*core_, *setup_, Key(lead.key()), create_, lock_);
    lock_.release();
    core_->counters_.refreshes.add();
    core_->failed_keys_.succeeded(lead.key());
    lead.land_with(std::move(entry));
  } catch (...) {
    const auto error = std::current_exception();
    lock_.release();
    core_->log_.background_failed(shown_key(lead.key()), error,
                                  core_->failed_keys_.failed(lead.key()));
    lead.land_failed(error);
  }
}

}  // namespace cairn::hosting
