// Stale values' recreation on another thread: as Recreation, for the keys of a batch, by one creator call.
#pragma once

#include "multi_creation.hpp"
#include "recreation.hpp"

#include <deque>

namespace cairn::hosting {

class MultiRecreation {
 public:
  MultiRecreation(std::shared_ptr<RegionCore> core, SetupPtr setup,
                  detail::DetachedCreateEach create);
  MultiRecreation(const MultiRecreation&) = delete;
  MultiRecreation& operator=(const MultiRecreation&) = delete;

  /// Takes over the key's flight and lock.
  void add(MultiItem& item);
  /// As of Recreation.
  void run();
  void wait_in_queue(const std::shared_ptr<MultiRecreation>& self);

 private:
  struct Owned {
    std::string name;
    std::string key;
    MultiItem item;
  };

  const std::shared_ptr<RegionCore> core_;
  const SetupPtr setup_;
  const detail::DetachedCreateEach create_;
  Once turn_;
  std::deque<Owned> owned_;  // which stay where they are: their items point into them
};

}  // namespace cairn::hosting
