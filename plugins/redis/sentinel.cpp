// A master that sentinels watch, and its replicas.
//
// The sentinels are asked who the master is, the master itself whether it agrees (ROLE, on every
// new connection). When it cannot be reached, or says that it may not be written to, they are asked
// again.

#include "router.hpp"
#include "turn.hpp"

#include <algorithm>
#include <mutex>
#include <optional>
#include <vector>

namespace cairn::redis {

namespace {

constexpr auto between_questions = std::chrono::milliseconds(100);

class Sentinel final : public Router {
 public:
  explicit Sentinel(const NodeFactory& factory)
      : factory_(factory),
        service_(factory.settings.service),
        read_from_replica_(factory.settings.read_from_replica) {
    for (const Address& address : factory_.settings.servers) {
      sentinels_.push_back(factory_.make_sentinel(address));
    }
  }

  Reply run(const Command& command, Clock::time_point deadline) override;
  void run_all(std::span<const Command> commands, std::span<Reply> replies,
               Clock::time_point deadline) override;
  std::shared_ptr<Node> home_of(std::string_view, Clock::time_point deadline) override {
    const auto view = current(deadline);
    return view == nullptr ? nullptr : view->master;
  }
  std::vector<std::shared_ptr<Node>> masters(Clock::time_point deadline) override {
    const auto view = current(deadline);
    if (view == nullptr) throw_if_refused(no_master(deadline));
    return {view->master};
  }
  Health health() override;

 private:
  struct View {
    std::shared_ptr<Node> master;
    std::vector<std::shared_ptr<Node>> replicas;
  };
  using ViewPtr = std::shared_ptr<const View>;

  ViewPtr known() const {
    const std::lock_guard lock(mutex_);
    return view_;
  }
  ViewPtr current(Clock::time_point deadline) {
    auto view = known();
    const bool due = view == nullptr || (read_from_replica_ && reminder_.is_due());
    return due ? ask(view, nullptr, deadline) : view;
  }
  ViewPtr ask(const ViewPtr& seen, const Node* failed, Clock::time_point deadline);
  std::optional<Address> master_of(Node& sentinel, Clock::time_point deadline,
                                   AskedInVain& in_vain) const;
  std::string knows_another(Node& sentinel, Clock::time_point deadline) const;
  std::vector<Address> replicas_of(Node& sentinel, Clock::time_point deadline) const;
  std::vector<std::shared_ptr<Node>> replicas_at(const std::vector<Address>& addresses,
                                                 const View* before) const;
  std::shared_ptr<Node> reader(const View& view);
  Reply run_on_master(const ViewPtr& view, std::shared_ptr<Node>& asked, const Command& command,
                      Clock::time_point deadline);
  Reply no_master(Clock::time_point deadline) const {
    const std::lock_guard lock(mutex_);
    return nobody_to_ask("no sentinel told who the master of " + service_ + " is", in_vain_,
                         deadline);
  }
  // The master is another one now, or will be.
  static bool must_ask_again(const Reply& reply) noexcept {
    return reply.is(Reply::Type::failure) ||
           (reply.is(Reply::Type::error) && reply.text().starts_with("READONLY"));
  }

  const NodeFactory factory_;
  const std::string service_;
  const bool read_from_replica_;
  std::vector<std::shared_ptr<Node>> sentinels_;
  std::atomic<std::size_t> turn_{0};  // which replica is next
  Reminder reminder_;

  Turns asking_;  // one asks, the others wait for what it learns
  Clock::time_point asked_at_{};

  mutable std::mutex mutex_;  // guards what follows
  ViewPtr view_;
  AskedInVain in_vain_;  // when last no sentinel told
};

// Another view than `seen`, or the one there is. `failed`: who was asked in vain, or null; if that is the
// master, a sentinel that names it again may be behind, and the next one is asked.
Sentinel::ViewPtr Sentinel::ask(const ViewPtr& seen, const Node* failed,
                                Clock::time_point deadline) {
  const Turn mine(asking_, deadline);
  const ViewPtr before = known();
  if (!mine || before != seen) return before;
  if (before != nullptr && Clock::now() - asked_at_ < between_questions) return before;
  asked_at_ = Clock::now();
  AskedInVain in_vain;
  for (const auto& sentinel : sentinels_) {
    if (Clock::now() >= deadline) {
      in_vain.add(sentinel->endpoint().address, "not asked any more");
      continue;
    }
    const auto address = master_of(*sentinel, deadline, in_vain);
    if (!address) continue;
    const bool same = before != nullptr && before->master->endpoint().address == *address;
    if (same && failed == before->master.get()) continue;
    auto view = std::make_shared<View>();
    view->master = same ? before->master : factory_.make(*address, "master");
    if (read_from_replica_) {
      view->replicas = replicas_at(replicas_of(*sentinel, deadline), before.get());
    }
    if (same && view->replicas == before->replicas) return before;
    const std::lock_guard lock(mutex_);
    view_ = view;
    return view;
  }
  const std::lock_guard lock(mutex_);
  in_vain_ = std::move(in_vain);
  return before;
}

std::optional<Address> Sentinel::master_of(Node& sentinel, Clock::time_point deadline,
                                           AskedInVain& in_vain) const {
  factory_.counters.topology_reads.add();
  CommandBuffer command;
  command.add({"SENTINEL", "GET-MASTER-ADDR-BY-NAME", service_});
  bool sent = false;
  const Reply master = run_on(sentinel, {{}, command.bytes()}, deadline, sent);
  if (master.is_nil()) {
    in_vain.add(sentinel.endpoint().address, knows_another(sentinel, deadline));
    return std::nullopt;
  }
  if (master.items.size() == 2) {
    Address address{std::string(master.items[0].text()), parse_port(master.items[1].text()), ""};
    if (!address.host.empty() && address.port != 0) return address;
  }
  in_vain.add(sentinel, master, "is no sentinel");
  return std::nullopt;
}

// Why a sentinel tells nothing of the service: the name may be misspelt, and this is what it could be.
std::string Sentinel::knows_another(Node& sentinel, Clock::time_point deadline) const {
  CommandBuffer command;
  command.add({"SENTINEL", "MASTERS"});
  bool sent = false;
  const Reply masters = run_on(sentinel, {{}, command.bytes()}, deadline, sent);
  std::string names;
  for (const Reply& master : masters.items) {
    if (master.items.size() < 2 || master.items[0].text() != "name") continue;
    names.append(names.empty() ? "" : ", ").append(master.items[1].text());
  }
  return names.empty() ? "does not know it" : "knows only " + names;
}

// Those that are known already stay, with their connections.
std::vector<std::shared_ptr<Node>> Sentinel::replicas_at(const std::vector<Address>& addresses,
                                                         const View* before) const {
  std::vector<std::shared_ptr<Node>> replicas;
  for (const Address& address : addresses) {
    std::shared_ptr<Node> replica;
    if (before != nullptr) {
      for (const auto& known : before->replicas) {
        if (known->endpoint().address == address) replica = known;
      }
    }
    replicas.push_back(replica != nullptr ? replica : factory_.make(address));
  }
  return replicas;
}

// Each replica is a list: name, value, name, value.
std::vector<Address> Sentinel::replicas_of(Node& sentinel, Clock::time_point deadline) const {
  CommandBuffer command;
  command.add({"SENTINEL", "REPLICAS", service_});
  bool sent = false;
  const Reply replicas = run_on(sentinel, {{}, command.bytes()}, deadline, sent);
  std::vector<Address> result;
  for (const Reply& replica : replicas.items) {
    Address address;
    bool good = true;
    for (std::size_t i = 0; i + 1 < replica.items.size(); i += 2) {
      const std::string_view name = replica.items[i].text();
      const std::string_view value = replica.items[i + 1].text();
      if (name == "ip") address.host = value;
      if (name == "port") address.port = parse_port(value);
      if (name == "flags") good = good && value == "slave";  // neither down nor disconnected
      if (name == "master-link-status") good = good && value == "ok";
    }
    if (good && !address.host.empty() && address.port != 0) result.push_back(address);
  }
  return result;
}

// A replica that may be asked now; null: the master is to be asked.
std::shared_ptr<Node> Sentinel::reader(const View& view) {
  if (view.replicas.empty()) return nullptr;
  const auto& replica =
      view.replicas[turn_.fetch_add(1, std::memory_order_relaxed) % view.replicas.size()];
  return replica->breaker().may_ask(Clock::now()) ? replica : nullptr;
}

Reply Sentinel::run(const Command& command, Clock::time_point deadline) {
  const ViewPtr view = current(deadline);
  if (view == nullptr) return no_master(deadline);
  std::shared_ptr<Node> asked = command.reads ? reader(*view) : nullptr;
  Reply reply = asked != nullptr ? run_on_replica(*asked, command, deadline) : Reply();
  if (asked == nullptr || must_ask_again(reply)) {
    // A replica may have been replaced.
    const ViewPtr newer = asked == nullptr ? view : ask(view, asked.get(), deadline);
    reply = run_on_master(newer, asked, command, deadline);
  }
  add_address(*asked, reply);
  if (reply.is(Reply::Type::failure)) {
    reply = Reply::failure(reply.code, {},
                           std::string(reply.text()) + " (the master, say the sentinels)",
                           reply.system_error);
  }
  return reply;
}

// `asked`: who answered at last.
Reply Sentinel::run_on_master(const ViewPtr& view, std::shared_ptr<Node>& asked,
                              const Command& command, Clock::time_point deadline) {
  asked = view->master;
  bool sent = false;
  Reply reply = run_on(*asked, command, deadline, sent);
  if (!must_ask_again(reply) || Clock::now() >= deadline) return reply;
  const ViewPtr newer = ask(view, asked.get(), deadline);
  const bool was_refused = reply.is(Reply::Type::error);
  if (newer == view || (sent && !was_refused && !command.repeatable)) return reply;
  asked = newer->master;
  return run_on(*asked, command, deadline, sent);
}

void Sentinel::run_all(std::span<const Command> commands, std::span<Reply> replies,
                       Clock::time_point deadline) {
  if (commands.empty()) return;
  ViewPtr view = current(deadline);
  if (view == nullptr) {
    for (Reply& reply : replies) reply = no_master(deadline);
    return;
  }
  const char* begin = commands.front().bytes.data();
  const char* end = commands.back().bytes.data() + commands.back().bytes.size();
  const std::string_view bytes(begin, static_cast<std::size_t>(end - begin));
  const bool repeatable =
      std::all_of(commands.begin(), commands.end(), [](const auto& one) { return one.repeatable; });
  const auto run_at = [&](Node& node) {
    Request request(bytes, replies, deadline);
    node.run(request, repeatable);
  };
  run_at(*view->master);
  const bool again = std::any_of(replies.begin(), replies.end(), must_ask_again);
  if (!again || !repeatable || Clock::now() >= deadline) return;
  const ViewPtr newer = ask(view, view->master.get(), deadline);
  if (newer == view) return;
  for (Reply& reply : replies) reply = Reply();
  run_at(*newer->master);
}

Router::Health Sentinel::health() {
  Health health;
  const auto count = [&](Node& node) {
    ++health.servers;
    health.left_alone += node.breaker().closed() ? 0 : 1;
    health.breaker_opened += node.breaker().times_opened();
  };
  for (const auto& sentinel : sentinels_) count(*sentinel);
  if (const ViewPtr view = known()) {
    count(*view->master);
    for (const auto& replica : view->replicas) count(*replica);
  }
  return health;
}

}  // namespace

std::unique_ptr<Router> make_sentinel_router(const NodeFactory& factory) {
  return std::make_unique<Sentinel>(factory);
}

}  // namespace cairn::redis
