#include "router.hpp"

#include "tls.hpp"

#include <cairn/abi.h>

#include <algorithm>

namespace cairn::redis {

namespace {

// One server.
class Standalone final : public Router {
 public:
  explicit Standalone(std::shared_ptr<Node> node) : node_(std::move(node)) {}

  Reply run(const Command& command, Clock::time_point deadline) override {
    bool sent = false;
    Reply reply = run_on(*node_, command, deadline, sent);
    add_address(*node_, reply);
    return reply;
  }

  void run_all(std::span<const Command> commands, std::span<Reply> replies,
               Clock::time_point deadline) override {
    if (commands.empty()) return;
    const char* begin = commands.front().bytes.data();
    const char* end = commands.back().bytes.data() + commands.back().bytes.size();
    bool repeatable = true;
    for (const Command& command : commands) repeatable = repeatable && command.repeatable;
    Request request({begin, static_cast<std::size_t>(end - begin)}, replies, deadline);
    node_->run(request, repeatable);
  }

  std::shared_ptr<Node> home_of(std::string_view, Clock::time_point) override { return node_; }
  std::vector<std::shared_ptr<Node>> masters(Clock::time_point) override { return {node_}; }
  Health health() override {
    return {1, node_->breaker().closed() ? 0u : 1u, node_->breaker().times_opened()};
  }

 private:
  const std::shared_ptr<Node> node_;
};

void add_login(CommandBuffer& greeting, Endpoint& endpoint, const Login& login) {
  if (login.password.empty()) return;
  endpoint.password = login.password;
  if (login.username.empty()) {
    greeting.add({"AUTH", login.password});
  } else {
    greeting.add({"AUTH", login.username, login.password});
  }
  endpoint.greeting_refusals.emplace_back(login.username.empty() ? "the server refuses our password"
                                                                 : "the server refuses our login");
}

}  // namespace

Reply run_on(Node& node, const Command& command, Clock::time_point deadline, bool& sent) {
  Reply reply;
  Request request(command.bytes, {&reply, 1}, deadline);
  node.run(request, command.repeatable);
  sent = request.sent();
  return reply;
}

Reply run_on_replica(Node& replica, const Command& command, Clock::time_point deadline) {
  const auto half = (deadline - Clock::now()) / 2;
  bool sent = false;
  Reply reply = run_on(replica, command, Clock::now() + half, sent);
  // The connection takes callers who leave early for hurried. This one was not, unless its own time
  // was short: nobody else needs to find out.
  const bool was_hurried = half < replica.endpoint().timeout * 4 / 10;
  if (reply.is(Reply::Type::failure) && reply.code == Errc::timeout && !was_hurried) {
    replica.breaker().failed(Clock::now(), "no answer in half of the time");
  }
  return reply;
}

Reply nobody_to_ask(std::string what, const AskedInVain& asked, Clock::time_point deadline) {
  // A longer one would be cut at the end, which is where the last server's reason is.
  constexpr std::size_t longest = sizeof(cairn_call::error_text) - sizeof "redis: ";
  const bool late = Clock::now() >= deadline;
  if (late) what += " in time";
  const std::string why = asked.text(longest - std::min(longest, what.size() + 2));
  if (!why.empty()) what.append(": ").append(why);
  return Reply::failure(late ? Errc::timeout : Errc::unavailable, {}, what);
}

void add_address(const Node& node, Reply& reply) {
  if (!reply.is(Reply::Type::error)) return;
  const std::string text = text_without(node.endpoint().password, reply);
  reply.bytes = Entry::copy(text + " (" + node.endpoint().address.text() + ")");
}

std::shared_ptr<Node> NodeFactory::make(Endpoint endpoint, std::size_t connections) const {
  endpoint.tls = tls;
  endpoint.descriptors = descriptors;
  endpoint.keepalive = settings.keepalive;
  endpoint.connect_timeout = settings.connect_timeout;
  endpoint.timeout = settings.timeout;
  const Node::Limits limits{connections, settings.retry_after, settings.retry_after_at_most};
  return std::make_shared<Node>(std::move(endpoint), limits, counters);
}

std::shared_ptr<Node> NodeFactory::make(const Address& address, std::string_view role,
                                        bool read_only) const {
  Endpoint endpoint;
  endpoint.address = address;
  endpoint.role = role;
  CommandBuffer greeting;
  add_login(greeting, endpoint, settings.login);
  if (settings.db != 0) {
    const std::string db = std::to_string(settings.db);
    greeting.add({"SELECT", db});
    endpoint.greeting_refusals.push_back("the server refuses database " + db);
  }
  if (read_only) {
    greeting.add({"READONLY"});
    endpoint.greeting_refusals.emplace_back("the server refuses to be read as a replica");
  }
  if (!role.empty()) {
    greeting.add({"ROLE"});
    endpoint.greeting_refusals.emplace_back("the server does not tell its role");
  }
  endpoint.greeting = greeting.bytes();
  return make(std::move(endpoint), static_cast<std::size_t>(settings.connections));
}

std::shared_ptr<Node> NodeFactory::make_sentinel(const Address& address) const {
  Endpoint endpoint;
  endpoint.address = address;
  CommandBuffer greeting;
  endpoint.login_options = "`sentinel_password`";
  add_login(greeting, endpoint, settings.sentinel_login);
  endpoint.greeting = greeting.bytes();
  return make(std::move(endpoint), 1);
}

std::unique_ptr<Router> make_router(const Settings& settings, Counters& counters,
                                    std::shared_ptr<Descriptors> descriptors) {
  const NodeFactory factory{settings, make_tls_context(settings.tls), std::move(descriptors),
                            counters};
  switch (settings.mode) {
    case Mode::sentinel: return make_sentinel_router(factory);
    case Mode::cluster: return make_cluster_router(factory);
    case Mode::standalone: break;
  }
  return std::make_unique<Standalone>(factory.make(settings.servers.front()));
}

}  // namespace cairn::redis
