// A stale value's recreation on another thread, for one key or for many. It owns all that it needs, and
// gives its keys back even if it is never run.
//
// Threads: run() from one thread, once. Lifetimes: it may outlive its host, if a runner keeps it: then it
// creates nothing.
#pragma once

#include "region_core.hpp"
#include "store_lock.hpp"

#include <cstddef>
#include <exception>
#include <memory>
#include <string>

namespace cairn::hosting {

class Recreation {
 public:
  Recreation(std::shared_ptr<RegionCore> core, SetupPtr setup, Lead lead, StoreLock lock,
             detail::DetachedCreate create);
  Recreation(const Recreation&) = delete;
  Recreation& operator=(const Recreation&) = delete;

  void run();

  /// Pauses the `count` keys whose creator failed, and logs it, as far as memory allows.
  static void note_failed(RegionCore& core, std::size_t count,
                          detail::FunctionRef<const std::string&(std::size_t)> key,
                          const std::exception_ptr& error) noexcept;

 private:
  const std::shared_ptr<RegionCore> core_;
  const SetupPtr setup_;
  const detail::DetachedCreate create_;
  Lead lead_;
  StoreLock lock_;  // declared last: given back before the flight lands
};

}  // namespace cairn::hosting
