#include "recreation.hpp"

#include "creation.hpp"

#include <algorithm>

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

void Recreation::wait_in_queue(const std::shared_ptr<Recreation>& self) {
  const auto whole = turn_.hold_back();  // who takes it up meanwhile waits until it is put down
  lead_.set_down([weak = std::weak_ptr(self)] {
    if (const auto recreation = weak.lock()) recreation->run();
  });
}

void Recreation::run() {
  if (!turn_.take()) return;
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
    if (error == nullptr) throw;  // not C++'s: the creator ends the thread
    const auto key = [&](std::size_t) -> const std::string& { return lead.key(); };
    note_failed(*core_, 1, key, error);
    lead.land_failed(error);
  }
}

void Recreation::note_failed(RegionCore& core, std::size_t count,
                             detail::FunctionRef<const std::string&(std::size_t)> key,
                             const std::exception_ptr& error) noexcept {
  try {
    std::chrono::milliseconds pause{0};
    for (std::size_t i = 0; i < count; ++i)
      pause = std::max(pause, core.failed_keys_.failed(key(i)));
    core.log_.background_failed(count == 1 ? shown_key(key(0)) : std::to_string(count) + " keys",
                                error, pause);
  } catch (...) {  // there is nobody left to tell
  }
}

}  // namespace cairn::hosting
