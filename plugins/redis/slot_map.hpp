// Which servers of a cluster have which slots, as one of them told.
//
// Threads: a map that was read is immutable. Errors: std::bad_alloc.
#pragma once

#include "node.hpp"
#include "resp.hpp"
#include "slots.hpp"

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>
#include <vector>

namespace cairn::redis {

struct Shard {
  std::shared_ptr<Node> master;
  std::vector<std::shared_ptr<Node>> replicas;
};

class SlotMap {
 public:
  using NodeAt = std::function<std::shared_ptr<Node>(const Address&, bool as_replica)>;

  /// What CLUSTER SLOTS answered when `asked`; null: nothing that makes sense.
  static std::shared_ptr<const SlotMap> read(const Reply& slots, const Address& asked,
                                             bool with_replicas, const NodeAt& node_at);

  /// Null: nobody has its slot.
  const Shard* shard_of(std::string_view key) const noexcept {
    const std::uint16_t at = shard_of_slot_[slot_of(key)];
    return at == nobody ? nullptr : &shards_[at];
  }
  const std::vector<Shard>& shards() const noexcept { return shards_; }

  /// The same with the slot of `key` at `master`; null: it is there already.
  std::shared_ptr<const SlotMap> moved(std::string_view key,
                                       const std::shared_ptr<Node>& master) const;

 private:
  static constexpr std::uint16_t nobody = 0xffff;
  std::vector<Shard> shards_;
  std::array<std::uint16_t, slot_count> shard_of_slot_{};
};

}  // namespace cairn::redis
