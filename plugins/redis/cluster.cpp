// A cluster: sixteen thousand slots, each with a master of its own, which may move.
//
// The slot map is asked for once and kept. MOVED corrects it, a master that cannot be reached makes
// us ask again; ASK is followed for the one command. A batch is split by server and travels to all
// of them at once. Locks live in the slot of their own name, as those of Python's client do.

#include "router.hpp"
#include "slots.hpp"
#include "url.hpp"

#include <algorithm>
#include <array>
#include <deque>
#include <map>
#include <mutex>
#include <string>
#include <vector>

namespace cairn::redis {

namespace {

constexpr int most_redirects = 5;
constexpr auto between_refreshes = std::chrono::milliseconds(50);
constexpr std::uint16_t nobody = 0xffff;

struct Shard {
  std::shared_ptr<Node> master;
  std::vector<std::shared_ptr<Node>> replicas;
};

struct SlotMap {
  std::uint64_t version = 0;
  std::vector<Shard> shards;
  std::array<std::uint16_t, slot_count> shard_of{};
};

// "MOVED 3999 127.0.0.1:6381" and "ASK 3999 127.0.0.1:6381".
struct Redirect {
  bool is_ask;
  std::string to;
};

std::optional<Redirect> redirect_in(const Reply& reply) {
  if (!reply.is(Reply::Type::error)) return std::nullopt;
  const std::string_view text = reply.text();
  const bool is_ask = text.starts_with("ASK ");
  if (!is_ask && !text.starts_with("MOVED ")) return std::nullopt;
  return Redirect{is_ask, std::string(text.substr(text.rfind(' ') + 1))};
}

bool is_unreachable(const Reply& reply) noexcept {
  return reply.is(Reply::Type::failure);
}

class Cluster final : public Router {
 public:
  explicit Cluster(const NodeFactory& factory)
      : factory_(factory), read_from_replica_(factory.settings.read_from_replica) {
    for (const Address& address : factory_.settings.servers) node_at(address, false);
  }

  Reply run(const Command& command, Clock::time_point deadline) override;
  void run_all(std::span<const Command> commands, std::span<Reply> replies,
               Clock::time_point deadline) override;
  bool is_sharded() const noexcept override { return true; }
  std::shared_ptr<Node> home_of(std::string_view key, Clock::time_point deadline) override {
    const auto map = current(deadline);
    return map == nullptr ? nullptr : node_for(*map, key, false);
  }
  std::vector<std::shared_ptr<Node>> masters(Clock::time_point deadline) override;
  Health health() override;

 private:
  std::shared_ptr<const SlotMap> known() const {
    const std::lock_guard lock(mutex_);
    return map_;
  }
  std::shared_ptr<const SlotMap> current(Clock::time_point deadline) {
    auto map = known();
    if (map == nullptr) return refresh(0, deadline);
    return read_from_replica_ && reminder_.is_due() ? refresh(map->version, deadline) : map;
  }
  std::shared_ptr<const SlotMap> refresh(std::uint64_t seen, Clock::time_point deadline);
  std::shared_ptr<const SlotMap> read_map(const Reply& slots, const Address& asked);
  void learn(std::string_view key, const Redirect& redirect);
  std::vector<std::shared_ptr<Node>> whom_to_ask();
  std::shared_ptr<Node> node_at(const Address& address, bool as_replica);
  std::shared_ptr<Node> node_for(const SlotMap& map, std::string_view key, bool reads);
  Reply follow(const Command& command, Redirect redirect, Clock::time_point deadline);
  void run_once(const SlotMap& map, std::span<const Command> commands, std::span<Reply> replies,
                const std::vector<std::size_t>& which, Clock::time_point deadline);
  static Reply no_map() {
    return Reply::failure(Errc::unavailable, "no node of the cluster tells where its slots are");
  }

  const NodeFactory factory_;
  const bool read_from_replica_;
  std::atomic<std::size_t> turn_{0};  // which replica is next
  Reminder reminder_;

  std::mutex refresh_mutex_;  // one asks, the others wait for what it learns
  Clock::time_point refreshed_at_{};

  mutable std::mutex mutex_;  // guards what follows
  std::shared_ptr<const SlotMap> map_;
  std::map<std::string, std::shared_ptr<Node>> masters_;
  std::map<std::string, std::shared_ptr<Node>> replicas_;
};

std::shared_ptr<Node> Cluster::node_at(const Address& address, bool as_replica) {
  const std::lock_guard lock(mutex_);
  std::shared_ptr<Node>& node = (as_replica ? replicas_ : masters_)[address.text()];
  if (node == nullptr) node = factory_.make(address, {}, as_replica);
  return node;
}

std::shared_ptr<Node> Cluster::node_for(const SlotMap& map, std::string_view key, bool reads) {
  const std::uint16_t at = map.shard_of[slot_of(key)];
  if (at == nobody) return nullptr;
  const Shard& shard = map.shards[at];
  if (reads && read_from_replica_ && !shard.replicas.empty()) {
    const auto& replica =
        shard.replicas[turn_.fetch_add(1, std::memory_order_relaxed) % shard.replicas.size()];
    if (replica->breaker().may_ask(Clock::now())) return replica;
  }
  return shard.master;
}

// ---- the slot map ----

std::vector<std::shared_ptr<Node>> Cluster::whom_to_ask() {
  const std::lock_guard lock(mutex_);
  std::vector<std::shared_ptr<Node>> nodes;
  for (const auto& [address, node] : masters_) nodes.push_back(node);
  // Those in good health first.
  std::stable_partition(nodes.begin(), nodes.end(),
                        [](const auto& node) { return node->breaker().closed(); });
  return nodes;
}

// A newer map than `seen`, or the one there is if nobody can tell or has told just now; null if
// there is none at all.
std::shared_ptr<const SlotMap> Cluster::refresh(std::uint64_t seen, Clock::time_point deadline) {
  const std::lock_guard one_asks(refresh_mutex_);
  const auto map = known();
  if (map != nullptr && map->version > seen) return map;
  if (map != nullptr && Clock::now() - refreshed_at_ < between_refreshes) return map;
  CommandBuffer command;
  command.add({"CLUSTER", "SLOTS"});
  for (const auto& node : whom_to_ask()) {
    if (Clock::now() >= deadline) break;
    factory_.counters.topology_reads.add();
    bool sent = false;
    const Reply slots = run_on(*node, {{}, command.bytes()}, deadline, sent);
    if (!slots.is(Reply::Type::array) || slots.items.empty()) continue;
    auto newer = read_map(slots, node->endpoint().address);
    if (newer == nullptr) continue;
    refreshed_at_ = Clock::now();
    const std::lock_guard lock(mutex_);
    map_ = newer;
    return newer;
  }
  refreshed_at_ = Clock::now();
  return map;
}

// A MOVED is proof for its own slot, and a sign that others have moved: the whole map is read again
// when it is next needed and old enough.
void Cluster::learn(std::string_view key, const Redirect& redirect) {
  if (redirect.is_ask) return;
  std::shared_ptr<Node> master;
  try {
    master = node_at(parse_address(redirect.to, 6379, "redirect"), false);
  } catch (const Error&) {
    return;  // follow() says what is wrong with it
  }
  const std::lock_guard lock(mutex_);
  const std::uint16_t slot = slot_of(key);
  if (map_ == nullptr) return;
  const std::uint16_t now_at = map_->shard_of[slot];
  if (now_at != nobody && map_->shards[now_at].master == master) return;
  auto map = std::make_shared<SlotMap>(*map_);
  ++map->version;
  auto shard = std::find_if(map->shards.begin(), map->shards.end(),
                            [&](const Shard& other) { return other.master == master; });
  if (shard == map->shards.end()) shard = map->shards.insert(shard, Shard{master, {}});
  map->shard_of[slot] = static_cast<std::uint16_t>(shard - map->shards.begin());
  map_ = std::move(map);
}

// An entry is: first slot, last slot, master, replicas; a server is: host, port, id and more.
std::shared_ptr<const SlotMap> Cluster::read_map(const Reply& slots, const Address& asked) {
  const auto address_of = [&](const Reply& server) -> std::optional<Address> {
    if (server.items.size() < 2) return std::nullopt;
    Address address;
    address.host = server.items[0].text();
    address.port = static_cast<int>(server.items[1].integer);
    if (address.host.empty()) address.host = asked.host;  // it does not know its own name
    if (address.host == "?") return std::nullopt;
    return address;
  };
  auto map = std::make_shared<SlotMap>();
  const auto before = known();
  map->version = (before == nullptr ? 0 : before->version) + 1;
  map->shard_of.fill(nobody);
  for (const Reply& range : slots.items) {
    if (range.items.size() < 3) continue;
    const auto master = address_of(range.items[2]);
    if (!master) continue;
    Shard shard{node_at(*master, false), {}};
    for (std::size_t i = 3; read_from_replica_ && i < range.items.size(); ++i) {
      if (const auto replica = address_of(range.items[i])) {
        shard.replicas.push_back(node_at(*replica, true));
      }
    }
    const auto index = static_cast<std::uint16_t>(map->shards.size());
    map->shards.push_back(std::move(shard));
    const std::int64_t last = std::min<std::int64_t>(range.items[1].integer, slot_count - 1);
    for (std::int64_t slot = std::max<std::int64_t>(0, range.items[0].integer); slot <= last;
         ++slot) {
      map->shard_of[static_cast<std::size_t>(slot)] = index;
    }
  }
  return map->shards.empty() ? nullptr : map;
}

// ---- commands ----

Reply Cluster::run(const Command& command, Clock::time_point deadline) {
  Reply reply;
  auto map = current(deadline);
  for (int attempt = 0; map != nullptr && attempt < 2; ++attempt) {
    const std::shared_ptr<Node> node = node_for(*map, command.key, command.reads);
    bool sent = false;
    if (node == nullptr) {
      reply =
          Reply::failure(Errc::unavailable, "no server of the cluster has the slot of this key");
    } else {
      const std::shared_ptr<Node> master = node_for(*map, command.key, false);
      reply = run_on(*node, command, node == master ? deadline : half_way_to(deadline), sent);
      if (is_unreachable(reply) && node != master) reply = run_on(*master, command, deadline, sent);
      if (auto redirect = redirect_in(reply)) {
        learn(command.key, *redirect);
        return follow(command, std::move(*redirect), deadline);
      }
      if (!is_unreachable(reply)) return reply;
    }
    // Its master may have been replaced.
    if ((sent && !command.repeatable) || Clock::now() >= deadline) return reply;
    auto newer = refresh(map->version, deadline);
    if (newer == map) return reply;
    map = std::move(newer);
  }
  return map == nullptr ? no_map() : reply;
}

Reply Cluster::follow(const Command& command, Redirect redirect, Clock::time_point deadline) {
  Reply reply;
  for (int hop = 0; hop < most_redirects; ++hop) {
    factory_.counters.redirects.add();
    std::shared_ptr<Node> node;
    try {
      node = node_at(parse_address(redirect.to, 6379, "redirect"), false);
    } catch (const Error&) {
      return Reply::failure(Errc::unavailable, "a redirect to `" + redirect.to + "`");
    }
    bool sent = false;
    if (redirect.is_ask) {
      CommandBuffer asking;
      asking.add({"ASKING"});
      const std::string both = std::string(asking.bytes()).append(command.bytes);
      std::array<Reply, 2> replies;
      Request request(both, replies, deadline);
      node->run(request, command.repeatable);
      reply = std::move(replies[1]);
    } else {
      reply = run_on(*node, command, deadline, sent);
    }
    auto next = redirect_in(reply);
    if (!next) return reply;
    redirect = std::move(*next);
  }
  return Reply::failure(Errc::unavailable, "redirected too often, last to " + redirect.to);
}

// Those of the commands that `which` lists, each to its server, all servers at once.
void Cluster::run_once(const SlotMap& map, std::span<const Command> commands,
                       std::span<Reply> replies, const std::vector<std::size_t>& which,
                       Clock::time_point deadline) {
  struct Part {
    std::shared_ptr<Node> node;
    std::vector<std::size_t> which;
    std::string bytes;
    std::vector<Reply> replies;
    bool repeatable = true;
    std::optional<Request> request;
    Node::Ticket ticket;
  };
  std::deque<Part> parts;  // a request stays where it is
  for (const std::size_t i : which) {
    const auto node = node_for(map, commands[i].key, commands[i].reads);
    if (node == nullptr) {
      replies[i] =
          Reply::failure(Errc::unavailable, "no server of the cluster has the slot of a key");
      continue;
    }
    auto part = std::find_if(parts.begin(), parts.end(),
                             [&](const Part& other) { return other.node == node; });
    if (part == parts.end()) {
      parts.emplace_back();
      part = parts.end() - 1;
      part->node = node;
    }
    part->which.push_back(i);
    part->bytes.append(commands[i].bytes);
    part->repeatable = part->repeatable && commands[i].repeatable;
  }
  for (Part& part : parts) part.replies.resize(part.which.size());
  for (Part& part : parts) {
    part.request.emplace(part.bytes, part.replies, deadline);
    part.ticket = part.node->start(*part.request, /*push=*/parts.size() > 1);
  }
  for (Part& part : parts) {
    part.node->finish(*part.request, part.ticket, part.repeatable);
    for (std::size_t i = 0; i < part.which.size(); ++i) {
      replies[part.which[i]] = std::move(part.replies[i]);
    }
  }
}

void Cluster::run_all(std::span<const Command> commands, std::span<Reply> replies,
                      Clock::time_point deadline) {
  auto map = current(deadline);
  if (map == nullptr) {
    for (Reply& reply : replies) reply = no_map();
    return;
  }
  std::vector<std::size_t> which(commands.size());
  for (std::size_t i = 0; i < which.size(); ++i) which[i] = i;
  run_once(*map, commands, replies, which, deadline);

  // What has moved or could not be reached: once more with a newer map, if there is one.
  std::vector<std::size_t> again;
  for (const std::size_t i : which) {
    const auto redirect = redirect_in(replies[i]);
    const bool elsewhere = redirect && !redirect->is_ask;
    if (redirect && redirect->is_ask) replies[i] = follow(commands[i], *redirect, deadline);
    if (elsewhere) learn(commands[i].key, *redirect);
    if (elsewhere || (is_unreachable(replies[i]) && commands[i].repeatable)) again.push_back(i);
  }
  if (again.empty() || Clock::now() >= deadline) return;
  auto newer = known();
  if (newer == map) newer = refresh(map->version, deadline);
  if (newer != map) run_once(*newer, commands, replies, again, deadline);
  for (const std::size_t i : again) {
    if (auto redirect = redirect_in(replies[i])) {
      replies[i] = follow(commands[i], std::move(*redirect), deadline);
    }
  }
}

std::vector<std::shared_ptr<Node>> Cluster::masters(Clock::time_point deadline) {
  std::vector<std::shared_ptr<Node>> masters;
  const auto map = current(deadline);
  if (map == nullptr) return masters;
  for (const Shard& shard : map->shards) masters.push_back(shard.master);
  const auto address = [](const auto& node) { return node->endpoint().address.text(); };
  std::sort(masters.begin(), masters.end(),
            [&](const auto& a, const auto& b) { return address(a) < address(b); });
  masters.erase(std::unique(masters.begin(), masters.end()), masters.end());
  return masters;
}

Router::Health Cluster::health() {
  const std::lock_guard lock(mutex_);
  Health health;
  for (const auto* nodes : {&masters_, &replicas_}) {
    for (const auto& [address, node] : *nodes) {
      ++health.servers;
      health.left_alone += node->breaker().closed() ? 0 : 1;
      health.breaker_opened += node->breaker().times_opened();
    }
  }
  return health;
}

}  // namespace

std::unique_ptr<Router> make_cluster_router(const NodeFactory& factory) {
  return std::make_unique<Cluster>(factory);
}

}  // namespace cairn::redis
