// get_or_create for many keys: one multi read, one creator call, one multi write.
//
// Keys that are missing are claimed in sorted order, and never waited for while holding others: what
// somebody else is creating is joined after our own are done. So callers with overlapping keys cannot
// block each other, and no key is created twice. Whatever throws, every claim and lock is given back.
//
//   multi_creation.cpp       who makes what
//   multi_waiting.cpp        waiting for those who make the rest, in this process and in others
//   multi_recreation.cpp     stale values, on a background thread
#pragma once

#include "creation.hpp"

#include <memory>
#include <string>
#include <vector>

namespace cairn::hosting {

/// One key of a batch. Members end from the last to the first: the lock is given back, then the flight
/// lands.
struct MultiItem {
  std::vector<std::size_t> positions;  // of the caller's keys; more than one for a repeated key
  Key name;                            // the caller's
  Key key;                             // the store's
  RegionCore::Candidate old = {};
  std::shared_ptr<const Flight> other = nullptr;  // while somebody else creates it
  Lead lead = {};                                 // while we do
  StoreLock lock = {};
};
using MultiItems = std::vector<MultiItem*>;
/// What was made, parallel to items; nothing: there is none.
using MultiMade = std::vector<std::optional<detail::Created>>;

class MultiCreation {
 public:
  MultiCreation(RegionCore& core, SetupPtr setup, const Lifetime& lifetime, Keys keys,
                detail::AcceptEach accept, detail::FunctionRef<void(std::size_t)> refuse,
                detail::CreateEach create,
                const std::function<detail::DetachedCreateEach()>& detach);
  MultiCreation(const MultiCreation&) = delete;
  MultiCreation& operator=(const MultiCreation&) = delete;

  void run();

  // ---- what making has in common with MultiRecreation ----

  /// Creates and stores in one go; counts as one creation.
  static MultiMade create_and_store(RegionCore& core, const Setup& setup, const MultiItems& items,
                                    detail::CreateEach create);
  /// Gives back the locks and lands the flights.
  static void land(const MultiItems& items, MultiMade& made) noexcept;
  static void fail(const MultiItems& items, const std::exception_ptr& error) noexcept;

 private:
  using Candidate = RegionCore::Candidate;

  /// Reads in one go and judges each; what is not missing has been accepted.
  std::vector<Candidate> look(const MultiItems& items);
  detail::Found accept(const MultiItem& item, const Entry& entry);
  /// Leaves in `pending` what must be tried again.
  void round(MultiItems& pending);
  void drop_done_since(MultiItems& mine);
  void take_store_locks(MultiItems& mine, MultiItems& foreign);
  void hand_to_background(MultiItems& mine);
  void make(const MultiItems& mine);
  /// Whether the caller, who has it, can go with it.
  bool will_do(const Candidate& old) const noexcept;
  void serve_old(const MultiItem& item);

  void wait_for_other_processes(MultiItems& foreign);
  void wait_for_others(const MultiItems& joined, MultiItems& again);
  void give_up_waiting(MultiItem& item);

  RegionCore& core_;
  const SetupPtr setup_;
  const Lifetime lifetime_;
  const MangledKeys mangled_;
  const detail::AcceptEach accept_;
  const detail::FunctionRef<void(std::size_t)> refuse_;
  const detail::CreateEach create_;
  const std::function<detail::DetachedCreateEach()>& detach_;
  const Creation::Deadline deadline_;
  std::vector<MultiItem> items_;
};

}  // namespace cairn::hosting
