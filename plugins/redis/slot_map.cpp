#include "slot_map.hpp"

#include <algorithm>
#include <optional>

namespace cairn::redis {

namespace {

// A server is: host, port, id and more.
std::optional<Address> address_of(const Reply& server, const Address& asked) {
  if (server.items.size() < 2) return std::nullopt;
  const std::int64_t port = server.items[1].integer;
  Address address;
  address.host = server.items[0].text();
  if (address.host.empty()) address.host = asked.host;  // it does not know its own name
  if (address.host.empty() || address.host == "?" || port < 1 || port > largest_port) {
    return std::nullopt;
  }
  address.port = static_cast<int>(port);
  return address;
}

}  // namespace

// An entry is: first slot, last slot, master, replicas.
std::shared_ptr<const SlotMap> SlotMap::read(const Reply& slots, const Address& asked,
                                             bool with_replicas, const NodeAt& node_at) {
  if (slots.items.size() > slot_count) return nullptr;
  auto map = std::make_shared<SlotMap>();
  map->shard_of_slot_.fill(nobody);
  for (const Reply& range : slots.items) {
    if (range.items.size() < 3) continue;
    const auto master = address_of(range.items[2], asked);
    if (!master) continue;
    Shard shard{node_at(*master, false), {}};
    for (std::size_t i = 3; with_replicas && i < range.items.size(); ++i) {
      if (const auto replica = address_of(range.items[i], asked)) {
        shard.replicas.push_back(node_at(*replica, true));
      }
    }
    const auto index = static_cast<std::uint16_t>(map->shards_.size());
    map->shards_.push_back(std::move(shard));
    const auto first = std::max<std::int64_t>(0, range.items[0].integer);
    const auto last = std::min<std::int64_t>(range.items[1].integer, slot_count - 1);
    for (std::int64_t slot = first; slot <= last; ++slot) {
      map->shard_of_slot_[static_cast<std::size_t>(slot)] = index;
    }
  }
  return map->shards_.empty() ? nullptr : map;
}

std::shared_ptr<const SlotMap> SlotMap::moved(std::string_view key,
                                              const std::shared_ptr<Node>& master) const {
  const Shard* const now_at = shard_of(key);
  if (now_at != nullptr && now_at->master == master) return nullptr;
  auto map = std::make_shared<SlotMap>(*this);
  auto& shards = map->shards_;
  auto shard = std::find_if(shards.begin(), shards.end(),
                            [&](const Shard& other) { return other.master == master; });
  if (shard == shards.end()) shard = shards.insert(shard, Shard{master, {}});
  map->shard_of_slot_[slot_of(key)] = static_cast<std::uint16_t>(shard - shards.begin());
  return map;
}

}  // namespace cairn::redis
