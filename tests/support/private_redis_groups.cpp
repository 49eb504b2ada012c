#include "private_redis_groups.hpp"

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <thread>

namespace {

using namespace std::chrono_literals;

std::string output_of(const std::string& command, const std::string& file) {
  const int status = std::system((command + " > " + file + " 2>&1").c_str());
  std::ifstream in(file);
  std::string text{std::istreambuf_iterator<char>(in), {}};
  if (status != 0) throw std::runtime_error(command + ": " + text);
  return text;
}

std::string cli(int port) {
  return "redis-cli -h 127.0.0.1 -p " + std::to_string(port) + " ";
}

// Groups settle by themselves: ask until they have.
template <class Settled>
void wait_for(const char* what, Settled settled) {
  const auto limit = std::chrono::steady_clock::now() + 90s;
  while (!settled()) {
    if (std::chrono::steady_clock::now() > limit) throw std::runtime_error(what);
    std::this_thread::sleep_for(50ms);
  }
}

bool contains(const std::string& text, const char* part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

PrivateCluster::PrivateCluster() {
  std::string create = "redis-cli --cluster create";
  for (int i = 0; i < 6; ++i) {
    nodes_.push_back(std::make_unique<PrivateRedis>(std::vector<std::string>{
        "--cluster-enabled", "yes", "--cluster-node-timeout", "500", "--cluster-port",
        std::to_string(free_port()), "--repl-diskless-sync-delay", "0",
        "--cluster-replica-validity-factor", "0"}));
    create += " 127.0.0.1:" + std::to_string(nodes_.back()->port());
  }
  const std::string log = folder_ / "create.log";
  output_of(create + " --cluster-replicas 1 --cluster-yes", log);
  for (const auto& node : nodes_) {
    wait_for("the cluster does not settle", [&] {
      const std::string slots = output_of(cli(node->port()) + "cluster slots", log);
      bool knows_all = true;
      for (const auto& other : nodes_) {
        knows_all = knows_all && contains(slots, std::to_string(other->port()).c_str());
      }
      return knows_all &&
             contains(output_of(cli(node->port()) + "cluster info", log), "cluster_state:ok");
    });
  }
  for (std::size_t i = 3; i < 6; ++i) {
    wait_for("a replica does not connect", [&] {
      return contains(output_of(cli(nodes_[i]->port()) + "info replication", log),
                      "master_link_status:up");
    });
  }
}

std::string PrivateCluster::some_nodes() const {
  return "127.0.0.1:" + std::to_string(nodes_[0]->port()) +
         ", 127.0.0.1:" + std::to_string(nodes_[1]->port());
}

PrivateSentinels::PrivateSentinels() {
  const std::string log = folder_ / "settle.log";
  servers_.push_back(std::make_unique<PrivateRedis>());
  const std::string master_port = std::to_string(master().port());
  for (int i = 0; i < 2; ++i) {
    servers_.push_back(std::make_unique<PrivateRedis>(std::vector<std::string>{
        "--replicaof", "127.0.0.1 " + master_port, "--repl-diskless-sync-delay", "0"}));
  }
  output_of(cli(master().port()) + "config set repl-diskless-sync-delay 0", log);
  // Before the sentinels, who look for replicas at once and then every ten seconds.
  for (std::size_t i = 0; i < 2; ++i) {
    wait_for("a replica does not connect", [&] {
      return contains(output_of(cli(replica(i).port()) + "info replication", log),
                      "master_link_status:up");
    });
  }
  for (int i = 0; i < 3; ++i) {
    const int port = free_port();
    const std::string file = folder_ / ("sentinel-" + std::to_string(i) + ".conf");
    std::ofstream(file) << "port " << port << "\nbind 127.0.0.1\ndir " << folder_.path().string()
                        << "\nsentinel monitor mymaster 127.0.0.1 " << master_port
                        << " 2\nsentinel down-after-milliseconds mymaster 500"
                           "\nsentinel failover-timeout mymaster 3000\n";
    sentinels_.push_back(std::make_unique<PrivateServer>(
        std::vector<std::string>{"redis-server", file, "--sentinel"},
        PrivateServer::Address{"", port}, folder_ / ("sentinel-" + std::to_string(i) + ".log")));
  }
  for (const auto& sentinel : sentinels_) {
    wait_for("the sentinels do not find each other", [&] {
      const std::string info = output_of(cli(sentinel->address().port) + "info sentinel", log);
      return contains(info, "status=ok") && contains(info, "slaves=2,sentinels=3");
    });
  }
}

std::string PrivateSentinels::addresses() const {
  std::string all;
  for (const auto& sentinel : sentinels_) {
    all += (all.empty() ? "" : ", ") + std::string("127.0.0.1:") +
           std::to_string(sentinel->address().port);
  }
  return all;
}
