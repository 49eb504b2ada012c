// Least recently used, with second chance instead of a move per hit (CLOCK; Corbató, 1968).
#pragma once

#include "hash.hpp"
#include "policy.hpp"

namespace cairn::memory {

class Lru final : public Policy {
 public:
  explicit Lru(const Hasher& hasher) : hasher_(hasher) {}

  void foresee_victims() const noexcept override { entries_.foresee(); }
  void foresee_next_victims() const noexcept override { entries_.foresee_next(); }
  void add(Record& record, std::uint64_t) override { entries_.push_front(record); }
  void replace(Record& old, Record& with) noexcept override { entries_.replace(old, with); }
  void note_set(Record& record) noexcept override { entries_.move_to_front(record); }
  void remove(Record& record) noexcept override { entries_.remove(record); }
  Victim evict() noexcept override {
    Record* victim = entries_.coldest();
    if (victim == nullptr) return {};
    entries_.remove(*victim);
    return {victim, hasher_(victim->key()), false};
  }

 private:
  const Hasher& hasher_;
  alignas(cache_line) List entries_;
};
static_assert(sizeof(Lru) == Policy::size);

}  // namespace cairn::memory
