// Least recently used, with second chance instead of a move per hit (CLOCK; Corbató, 1968).
#pragma once

#include "policy.hpp"

namespace cairn::memory {

class Lru final : public Policy {
 public:
  void add(Record& record, std::uint64_t) override { entries_.push_front(record); }
  void replace(Record& old, Record& with) noexcept override {
    entries_.replace(old, with);
    entries_.move_to_front(with);
  }
  void remove(Record& record) noexcept override { entries_.remove(record); }
  Victim evict() noexcept override {
    Record* victim = entries_.coldest();
    if (victim != nullptr) entries_.remove(*victim);
    return {victim, false};
  }

 private:
  List entries_;
};

}  // namespace cairn::memory
