// A cluster: sixteen thousand slots, each with a master of its own, which may move.
//
// The slot map is asked for once and kept. MOVED corrects it, a master that cannot be reached makes
// us ask again; ASK is followed for the one command. A batch is split by server and travels to all
// of them at once. Locks live in the slot of their own name, as those of Python's client do.

#include "router.hpp"
#include "slot_map.hpp"
#include "turn.hpp"

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

// "MOVED 3999 127.0.0.1:6381" and "ASK 3999 127.0.0.1:6381".
struct Redirect {
  bool is_ask;
  std::string to;
};

// "127.0.0.1:6381", "::1:6381", "[::1]:6381", or ":6381" at the host that says it.
std::optional<Address> address_of(const Redirect& redirect, const Address& said_by) {
  const std::string_view to = redirect.to;
  const std::size_t colon = to.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  std::string_view host = to.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  Address address{std::string(host.empty() ? said_by.host : host), parse_port(to.substr(colon + 1)),
                  ""};
  if (address.host.empty() || address.port == 0) return std::nullopt;
  return address;
}

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
  using SlotMapPtr = std::shared_ptr<const SlotMap>;

  SlotMapPtr known() const {
    const std::lock_guard lock(mutex_);
    return map_;
  }
  SlotMapPtr current(Clock::time_point deadline) {
    auto map = known();
    const bool due =
        map == nullptr || others_moved_too() || (read_from_replica_ && reminder_.is_due());
    return due ? refresh(map, deadline) : map;
  }
  bool others_moved_too() noexcept;
  SlotMapPtr refresh(const SlotMapPtr& seen, Clock::time_point deadline);
  void forget_others_than(const SlotMap& map);
  void learn(std::string_view key, const Redirect& redirect, const Node& said_by);
  std::vector<std::shared_ptr<Node>> whom_to_ask();
  std::shared_ptr<Node> node_at(const Address& address, bool as_replica);
  std::shared_ptr<Node> node_for(const SlotMap& map, std::string_view key, bool reads);
  Reply run_where_it_is(const Command& command, Clock::time_point deadline,
                        std::shared_ptr<Node>& asked);
  Reply follow(const Command& command, Redirect redirect, std::shared_ptr<Node>& asked,
               Clock::time_point deadline);
  void run_once(const SlotMap& map, std::span<const Command> commands, std::span<Reply> replies,
                const std::vector<std::size_t>& which, Clock::time_point deadline);
  Reply no_map(Clock::time_point deadline) const {
    const std::lock_guard lock(mutex_);
    return nobody_to_ask("no node of the cluster told where its slots are", in_vain_, deadline);
  }
  static Reply no_server() noexcept {
    return Reply::failure(Errc::unavailable, {}, "no server of the cluster has the slot of a key");
  }

  const NodeFactory factory_;
  const bool read_from_replica_;
  std::atomic<std::size_t> turn_{0};  // which replica is next
  Reminder reminder_;
  std::atomic<Clock::rep> moved_at_{0};  // the first MOVED since the map was read; 0: none

  Turns refreshing_;  // one asks, the others wait for what it learns
  Clock::time_point refreshed_at_{};

  mutable std::mutex mutex_;  // guards what follows
  SlotMapPtr map_;
  AskedInVain in_vain_;  // when last no node told
  std::map<std::string, std::shared_ptr<Node>> masters_;
  std::map<std::string, std::shared_ptr<Node>> replicas_;
  std::uint64_t opened_before_ = 0;  // breakers of nodes that are forgotten
};

std::shared_ptr<Node> Cluster::node_at(const Address& address, bool as_replica) {
  const std::lock_guard lock(mutex_);
  std::shared_ptr<Node>& node = (as_replica ? replicas_ : masters_)[address.text()];
  if (node == nullptr) node = factory_.make(address, {}, as_replica);
  return node;
}

std::shared_ptr<Node> Cluster::node_for(const SlotMap& map, std::string_view key, bool reads) {
  const Shard* const found = map.shard_of(key);
  if (found == nullptr) return nullptr;
  const Shard& shard = *found;
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

bool Cluster::others_moved_too() noexcept {
  auto moved_at = moved_at_.load(std::memory_order_relaxed);
  if (moved_at == 0) return false;
  const Clock::duration since = Clock::now().time_since_epoch() - Clock::duration(moved_at);
  return since >= between_refreshes && moved_at_.compare_exchange_strong(moved_at, 0);
}

// Another map than `seen`, or the one there is if nobody can tell or has told just now; null if
// there is none at all.
Cluster::SlotMapPtr Cluster::refresh(const SlotMapPtr& seen, Clock::time_point deadline) {
  const Turn mine(refreshing_, deadline);
  const auto map = known();
  if (!mine || map != seen) return map;
  if (map != nullptr && Clock::now() - refreshed_at_ < between_refreshes) return map;
  CommandBuffer command;
  command.add({"CLUSTER", "SLOTS"});
  AskedInVain in_vain;
  for (const auto& node : whom_to_ask()) {
    if (Clock::now() >= deadline) {
      in_vain.add(node->endpoint().address, "not asked any more");
      continue;
    }
    factory_.counters.topology_reads.add();
    bool sent = false;
    const Reply slots = run_on(*node, {{}, command.bytes()}, deadline, sent);
    if (!slots.is(Reply::Type::array)) {
      in_vain.add(*node, slots, "is no node of a cluster");
      continue;
    }
    auto newer = SlotMap::read(
        slots, node->endpoint().address, read_from_replica_,
        [this](const Address& at, bool as_replica) { return node_at(at, as_replica); });
    if (newer == nullptr) {
      in_vain.add(node->endpoint().address,
                  slots.items.empty() ? "knows of no slots" : "tells slots that make no sense");
      continue;
    }
    refreshed_at_ = Clock::now();
    const std::lock_guard lock(mutex_);
    map_ = newer;
    forget_others_than(*newer);
    return newer;
  }
  refreshed_at_ = Clock::now();
  const std::lock_guard lock(mutex_);
  in_vain_ = std::move(in_vain);
  return map;
}

// With the lock held. Nodes come and go, and redirects may lead anywhere: what is neither in the map
// nor named by the user must not pile up.
void Cluster::forget_others_than(const SlotMap& map) {
  std::vector<const Node*> wanted;
  for (const Shard& shard : map.shards()) {
    wanted.push_back(shard.master.get());
    for (const auto& replica : shard.replicas) wanted.push_back(replica.get());
  }
  std::sort(wanted.begin(), wanted.end());
  const auto& named = factory_.settings.servers;
  for (auto* nodes : {&masters_, &replicas_}) {
    std::erase_if(*nodes, [&](const auto& entry) {
      Node& node = *entry.second;
      const bool stays =
          std::binary_search(wanted.begin(), wanted.end(), entry.second.get()) ||
          std::find(named.begin(), named.end(), node.endpoint().address) != named.end();
      if (!stays) opened_before_ += node.breaker().times_opened();
      return !stays;
    });
  }
}

// A MOVED is proof for its own slot, and a sign that others have moved: a moment later, when those
// who tell the map know it too, one caller reads it again.
void Cluster::learn(std::string_view key, const Redirect& redirect, const Node& said_by) {
  if (redirect.is_ask) return;
  Clock::rep none = 0;
  moved_at_.compare_exchange_strong(none, Clock::now().time_since_epoch().count());
  const auto address = address_of(redirect, said_by.endpoint().address);
  if (!address) return;  // follow() says what is wrong with it
  const auto master = node_at(*address, false);
  const std::lock_guard lock(mutex_);
  if (map_ == nullptr) return;
  if (auto map = map_->moved(key, master)) map_ = std::move(map);
}

// ---- commands ----

Reply Cluster::run(const Command& command, Clock::time_point deadline) {
  std::shared_ptr<Node> asked;
  Reply reply = run_where_it_is(command, deadline, asked);
  if (asked == nullptr) return reply;
  add_address(*asked, reply);
  const auto& named = factory_.settings.servers;
  const bool is_named =
      std::find(named.begin(), named.end(), asked->endpoint().address) != named.end();
  if (reply.is(Reply::Type::failure) && !is_named) {
    reply = Reply::failure(reply.code, {}, std::string(reply.text()) + " (as the cluster tells)",
                           reply.system_error);
  }
  return reply;
}

// `asked`: who was asked last; null: nobody.
Reply Cluster::run_where_it_is(const Command& command, Clock::time_point deadline,
                               std::shared_ptr<Node>& asked) {
  Reply reply;
  auto map = current(deadline);
  for (int attempt = 0; map != nullptr && attempt < 2; ++attempt) {
    asked = node_for(*map, command.key, command.reads);
    bool sent = false;
    if (asked == nullptr) {
      reply = no_server();
    } else {
      const std::shared_ptr<Node> master = node_for(*map, command.key, false);
      if (asked != master) reply = run_on_replica(*asked, command, deadline);
      if (asked == master || is_unreachable(reply)) {
        asked = master;
        reply = run_on(*asked, command, deadline, sent);
      }
      if (auto redirect = redirect_in(reply)) {
        learn(command.key, *redirect, *asked);
        return follow(command, std::move(*redirect), asked, deadline);
      }
      if (!is_unreachable(reply)) return reply;
    }
    // Its master may have been replaced.
    if ((sent && !command.repeatable) || Clock::now() >= deadline) return reply;
    auto newer = refresh(map, deadline);
    if (newer == map) return reply;
    map = std::move(newer);
  }
  return map == nullptr ? no_map(deadline) : reply;
}

// `asked`: who said it; who was asked last.
Reply Cluster::follow(const Command& command, Redirect redirect, std::shared_ptr<Node>& asked,
                      Clock::time_point deadline) {
  Reply reply;
  for (int hop = 0; hop < most_redirects; ++hop) {
    factory_.counters.redirects.add();
    const auto address = address_of(redirect, asked->endpoint().address);
    if (!address) {
      return Reply::failure(Errc::unavailable, asked->endpoint().address.text(),
                            "a redirect to `" + redirect.to + "`");
    }
    std::shared_ptr<Node> node = node_at(*address, false);
    if (redirect.is_ask) {
      CommandBuffer asking;
      asking.add({"ASKING"});
      const std::string both = std::string(asking.bytes()).append(command.bytes);
      std::array<Reply, 2> replies;
      Request request(both, replies, deadline);
      node->run(request, command.repeatable);
      reply = std::move(replies[1]);
    } else {
      bool sent = false;
      reply = run_on(*node, command, deadline, sent);
    }
    auto next = redirect_in(reply);
    asked = std::move(node);
    if (!next) return reply;
    redirect = std::move(*next);
  }
  return Reply::failure(Errc::unavailable, {}, "redirected too often, last to " + redirect.to);
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
      replies[i] = no_server();
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
    for (Reply& reply : replies) reply = no_map(deadline);
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
    // Or a replica: where redirects name no host, all have the same.
    auto said_by = node_for(*map, commands[i].key, /*reads=*/false);
    if (redirect && redirect->is_ask)
      replies[i] = follow(commands[i], *redirect, said_by, deadline);
    if (elsewhere) learn(commands[i].key, *redirect, *said_by);
    if (elsewhere || (is_unreachable(replies[i]) && commands[i].repeatable)) again.push_back(i);
  }
  if (again.empty() || Clock::now() >= deadline) return;
  auto newer = known();
  if (newer == map) newer = refresh(map, deadline);
  if (newer != map) run_once(*newer, commands, replies, again, deadline);
  for (const std::size_t i : again) {
    if (auto redirect = redirect_in(replies[i])) {
      auto said_by = node_for(*newer, commands[i].key, /*reads=*/false);
      replies[i] = follow(commands[i], std::move(*redirect), said_by, deadline);
    }
  }
}

std::vector<std::shared_ptr<Node>> Cluster::masters(Clock::time_point deadline) {
  std::vector<std::shared_ptr<Node>> masters;
  const auto map = current(deadline);
  if (map == nullptr) throw_if_refused(no_map(deadline));
  for (const Shard& shard : map->shards()) masters.push_back(shard.master);
  const auto address = [](const auto& node) { return node->endpoint().address.text(); };
  std::sort(masters.begin(), masters.end(),
            [&](const auto& a, const auto& b) { return address(a) < address(b); });
  masters.erase(std::unique(masters.begin(), masters.end()), masters.end());
  return masters;
}

Router::Health Cluster::health() {
  const std::lock_guard lock(mutex_);
  Health health;
  health.breaker_opened = opened_before_;
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
