// A stale value's recreation on another thread, for one key or for many. It owns all that it needs, and
// gives its keys back even if it is never run.
//
// Threads: run() from one thread, once. Lifetimes: it may outlive its host, if a runner keeps it: then it
// creates nothing.
#pragma once

#include "region_core.hpp"
#include "store_lock.hpp"

#include <memory>

namespace cairn::hosting {

class Recreation {
 public:
  Recreation(std::shared_ptr<RegionCore> core, SetupPtr setup, Lead lead, StoreLock lock,
             detail::DetachedCreate create);
  Recreation(const Recreation&) = delete;
  Recreation& operator=(const Recreation&) = delete;

  void run();

 private:
  const std::shared_ptr<RegionCore> core_;
  const SetupPtr setup_;
  const detail::DetachedCreate create_;
  Lead lead_;
  StoreLock lock_;  // declared last: given back before the flight lands
};

}  // namespace cairn::hosting
