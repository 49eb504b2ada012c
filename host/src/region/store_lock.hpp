// The creation lock of one key in the store: held by one creator among all processes.
//
// The token is per acquisition, so nobody frees another's lock. While held it is renewed at a third of
// its lease; a lock that ran out all the same is reported by lost(), and takes nothing down with it.
//
// Threads: acquired on one thread, it may be released on another.
#pragma once

#include "region_core.hpp"

#include <atomic>
#include <cstdint>
#include <memory>

namespace cairn::hosting {

class StoreLock {
 public:
  /// No lock at all: creating without one.
  StoreLock() = default;
  StoreLock(RegionCore& core, SetupPtr setup, std::string key, std::uint64_t token);
  StoreLock(StoreLock&&) noexcept = default;
  StoreLock& operator=(StoreLock&&) noexcept = default;
  ~StoreLock() { release(); }

  /// Tries once. OK: `lock` holds it. BUSY: somebody else does. Below 0: the store could not say.
  static cairn_status try_take(RegionCore& core, const SetupPtr& setup, Key key, StoreLock& lock);

  bool lost() const noexcept { return held_ != nullptr && held_->lost.load(); }
  /// Never throws: a lock that cannot be released runs out by itself.
  void release() noexcept;

 private:
  struct Held {
    RegionCore* core;
    SetupPtr setup;
    std::string key;
    std::uint64_t token;
    std::atomic<bool> lost{false};
    LeaseKeeper::Handle renewal;  // declared last, so that it ends before what it uses
  };
  std::unique_ptr<Held> held_;
};

}  // namespace cairn::hosting
