// A network between the program and its Redis that loses packets, and one that loses all of them.
//
// Run by in_two_networks.sh, inside a network of its own: the server is in another, at STORE_ADDRESS,
// and what goes to it and comes from it can be dropped.

#include "bare_redis.hpp"
#include "catch.hpp"
#include "component_under_test.hpp"
#include "failure_of.hpp"
#include "load.hpp"
#include "private_server.hpp"

#include <cstdlib>
#include <fstream>

using namespace cairn;
using namespace std::chrono_literals;

namespace {

using Clock = std::chrono::steady_clock;

std::string store_address() {
  const char* address = std::getenv("STORE_ADDRESS");
  if (address == nullptr) throw std::runtime_error("to be run by in_two_networks.sh");
  return address;
}

void run(const std::string& command) {
  if (std::system(command.c_str()) != 0) throw std::runtime_error("failed: " + command);
}

// What share of the packets is lost, each way, from now on.
void lose(int percent) {
  run("nft flush ruleset");
  if (percent == 0) return;
  const std::string which =
      percent == 100 ? "" : "numgen random mod 100 < " + std::to_string(percent);
  run("nft 'add table inet weather; "
      "add chain inet weather out { type filter hook output priority 0; }; "
      "add chain inet weather in { type filter hook input priority 0; }; "
      "add rule inet weather out ip daddr " +
      store_address() + " " + which +
      " counter drop; "
      "add rule inet weather in ip saddr " +
      store_address() + " " + which + " counter drop'");
}

class FarRedis {
 public:
  FarRedis()
      : server_({"ip", "netns", "exec", "store", "redis-server", "--port", "6379", "--bind",
                 store_address(), "--protected-mode", "no", "--save", "", "--unixsocket",
                 folder_ / "redis.sock", "--dir", folder_.path().string()},
                {folder_ / "redis.sock", 0}, folder_ / "redis.log") {
    lose(0);
  }
  ~FarRedis() { lose(0); }
  std::string url() const { return "redis://" + store_address() + ":6379"; }

 private:
  PrivateFolder folder_;
  PrivateServer server_;
};

}  // namespace

TEST_CASE("a network that loses packets slows callers down, within their timeout",
          "[redis][network]") {
  FarRedis server;
  auto options = impatient_at(server.url());
  options["timeout"] = options["connect_timeout"] = "1s";
  ComponentUnderTest redis("redis", options);
  for (const int percent : {2, 10, 30}) {
    Load load(redis);
    REQUIRE(load.recovery() < 15s);
    lose(percent);
    std::this_thread::sleep_for(2s);
    lose(0);
    const auto recovery = load.recovery();
    load.end();
    WARN(percent << " % lost each way: " << load.good << " good, " << load.failed
                 << " failed, longest set and get " << load.longest().count() << " ms; back after "
                 << recovery.count() << " ms");
    CHECK(load.good > 0);
    CHECK(load.wrong == 0);
    CHECK(load.longest() < 2 * 1s + 2s);  // a loaded machine runs threads late
    CHECK(recovery < 15s);
  }
}

TEST_CASE("a network that loses everything costs each caller the timeout, then nothing",
          "[redis][network]") {
  FarRedis server;
  auto options = impatient_at(server.url());
  {
    ComponentUnderTest redis("redis", options);
    Load load(redis);
    REQUIRE(load.recovery() < 15s);
    lose(100);
    std::this_thread::sleep_for(4s);
    const long long while_lost = load.good;
    lose(0);
    const auto recovery = load.recovery();
    load.end();
    WARN("all lost for 4 s: " << load.failed << " failed, longest set and get "
                              << load.longest().count() << " ms; back after " << recovery.count()
                              << " ms, " << load.good - while_lost << " good since");
    CHECK(load.wrong == 0);
    CHECK(load.failed > 8);
    CHECK(load.longest() < 2 * 150ms + 2s);  // without the timeout: as long as all is lost
    CHECK(recovery < 15s);
  }
  options = quick_at(server.url());
  options["timeout"] = "1s";
  options["retry_after"] = options["retry_after_at_most"] = "10m";
  ComponentUnderTest redis("redis", options);
  redis->set("k", Entry::copy("v"), {}, Call());
  lose(100);
  const Failure first = failure_of([&](Call call) { redis->get("k", call); });
  CHECK(first.code == Errc::timeout);
  const auto begin = Clock::now();
  CHECK(failure_of([&](Call call) { redis->get("k", call); }).code == Errc::unavailable);
  CHECK(Clock::now() - begin < 900ms);
}
