// The redis plugin against a real cluster of three masters and three replicas.

#include "bare_redis.hpp"
#include "batch.hpp"
#include "catch.hpp"
#include "component_under_test.hpp"
#include "facts_said.hpp"
#include "failure_of.hpp"
#include "meanwhile.hpp"
#include "private_redis_groups.hpp"
#include "scanned.hpp"

#include <set>
#include <sstream>
#include <thread>

using namespace cairn;
using namespace std::chrono_literals;

namespace {

using Clock = std::chrono::steady_clock;

PrivateCluster& cluster() {
  static PrivateCluster one;
  return one;
}

ComponentUnderTest::OptionTexts options() {
  return {{"mode", "cluster"},
          {"nodes", cluster().some_nodes()},
          {"retry_after", "20ms"},
          {"retry_after_at_most", "200ms"}};
}

// Which of the nodes has the slot of `key`.
PrivateRedis& home_of(const std::string& key) {
  for (std::size_t i = 0; i < cluster().size(); ++i) {
    BareRedis bare(cluster().node(i).port());
    if (bare({"EXISTS", key}).substr(0, 5) != "MOVED") return cluster().node(i);
  }
  throw std::runtime_error("nobody has the slot of " + key);
}

std::string id_of(PrivateRedis& node) {
  return BareRedis(node.port())({"CLUSTER", "MYID"});
}

}  // namespace

TEST_CASE("keys of a cluster are found on their own masters, also in batches", "[redis][cluster]") {
  ComponentUnderTest redis("redis", options());
  std::vector<std::string> names;
  std::vector<Entry> values;
  for (int i = 0; i < 300; ++i) {
    names.push_back(std::string("key:").append(std::to_string(i)));
    values.push_back(Entry::copy(std::string("value ").append(std::to_string(i))));
  }
  Batch batch(names);
  batch.statuses.assign(names.size(), CAIRN_OK);
  redis->set_multi(batch.keys, values, {}, batch.answers(), Call());
  CHECK(std::set<cairn_status>(batch.statuses.begin(), batch.statuses.end()) ==
        std::set<cairn_status>{CAIRN_OK});
  for (std::size_t i = 0; i < 3; ++i) {
    CHECK(std::stoi(BareRedis(cluster().node(i).port())({"DBSIZE"})) > 50);
  }

  const long long writes = statistic(redis, "writes");
  batch.statuses.assign(names.size(), CAIRN_MISS);
  redis->get_multi(batch.keys, batch.results(), Call());
  int right = 0;
  for (std::size_t i = 0; i < names.size(); ++i) {
    right += batch.statuses[i] == CAIRN_OK && batch.entries[i].bytes() == values[i].bytes();
  }
  CHECK(right == 300);
  CHECK(statistic(redis, "writes") - writes == 3);  // one to each master
  CHECK(redis->get("key:7", Call())->bytes() == "value 7");

  batch.statuses.assign(names.size(), CAIRN_MISS);
  redis->remove_multi(batch.keys, batch.answers(), Call());
  CHECK(batch.statuses[299] == CAIRN_OK);
  CHECK_FALSE(redis->get("key:7", Call()).has_value());
  CHECK(statistic(redis, "redirects") == 0);
}

TEST_CASE("a cluster says what it is", "[redis][cluster]") {
  ComponentUnderTest redis("redis", options());
  auto facts = facts_said(redis);
  CHECK_THAT(facts["server"], Catch::StartsWith("Redis ") && Catch::EndsWith(", cluster"));
  CHECK(facts["masters"] == "3");
  CHECK(facts["role"] == "master, 1 replica");
  CHECK(facts["locks"] == "yes");
  CHECK(facts["news of locks"] == "yes");
  ComponentUnderTest again("redis", options());
  CHECK(facts_said(again)["keyspace"] == facts["keyspace"]);
}

TEST_CASE("a scan goes through every master", "[redis][cluster]") {
  ComponentUnderTest redis("redis", options());
  for (int i = 0; i < 500; ++i) {
    redis->set("scanned:" + std::to_string(i), Entry::copy(std::to_string(i)), {}, Call());
  }
  const auto found = scanned(redis, 50);
  int right = 0;
  for (int i = 0; i < 500; ++i) {
    const auto it = found.find("scanned:" + std::to_string(i));
    right += it != found.end() && it->second == std::to_string(i);
  }
  CHECK(right == 500);
}

TEST_CASE("a cluster's lock lives where its own name belongs, and wakes its waiters",
          "[redis][cluster]") {
  ComponentUnderTest holder("redis", options());
  ComponentUnderTest waiter("redis", options());
  const auto token = holder->lock("user:1", 5min, Call());
  REQUIRE(token.has_value());
  CHECK(BareRedis(home_of("_lockuser:1").port())({"EXISTS", "_lockuser:1"}) == "1");
  CHECK_FALSE(waiter->lock("user:1", 10s, Call()).has_value());
  std::atomic<bool> free{false};
  std::thread waits([&] { free = waiter->await_unlock("user:1", 2min, Call()); });
  BareRedis home(home_of("_lockuser:1").port());
  const std::string channel = "cairn:unlocked:_lockuser:1";
  CHECK(eventually([&] { return home({"PUBSUB", "NUMSUB", channel}) == channel + " 1"; }));
  CHECK_FALSE(free);
  CHECK(holder->unlock("user:1", *token, Call()));
  waits.join();
  CHECK(free);
}

TEST_CASE("a slot that is being moved is followed by ASK and MOVED", "[redis][cluster]") {
  ComponentUnderTest redis("redis", options());
  redis->set("{tag}old", Entry::copy("old"), {}, Call());
  PrivateRedis& from = home_of("{tag}old");
  PrivateRedis* to = nullptr;
  for (std::size_t i = 0; i < 3; ++i) {
    if (&cluster().node(i) != &from) to = &cluster().node(i);
  }
  BareRedis at_from(from.port());
  BareRedis at_to(to->port());
  const std::string slot = at_from({"CLUSTER", "KEYSLOT", "{tag}old"});
  at_to({"CLUSTER", "SETSLOT", slot, "IMPORTING", id_of(from)});
  at_from({"CLUSTER", "SETSLOT", slot, "MIGRATING", id_of(*to)});

  redis->set("{tag}new", Entry::copy("new"), {}, Call());  // ASK
  CHECK(redis->get("{tag}new", Call())->bytes() == "new");
  CHECK(redis->get("{tag}old", Call())->bytes() == "old");  // not moved yet
  Batch batch({"{tag}old", "{tag}new", "elsewhere"});
  redis->get_multi(batch.keys, batch.results(), Call());
  CHECK(batch.statuses == std::vector<cairn_status>{CAIRN_OK, CAIRN_OK, CAIRN_MISS});
  CHECK(batch.entries[1].bytes() == "new");
  const long long asked = statistic(redis, "redirects");
  CHECK(asked >= 3);

  at_from({"MIGRATE", "127.0.0.1", std::to_string(to->port()), "{tag}old", "0", "2000"});
  for (std::size_t i = 0; i < 3; ++i) {
    BareRedis(cluster().node(i).port())({"CLUSTER", "SETSLOT", slot, "NODE", id_of(*to)});
  }
  batch.statuses.assign(3, CAIRN_MISS);
  redis->get_multi(batch.keys, batch.results(), Call());  // MOVED
  CHECK(batch.statuses == std::vector<cairn_status>{CAIRN_OK, CAIRN_OK, CAIRN_MISS});
  CHECK(redis->get("{tag}old", Call())->bytes() == "old");
  const long long moved = statistic(redis, "redirects");
  CHECK(redis->get("{tag}new", Call())->bytes() == "new");
  CHECK(statistic(redis, "redirects") == moved);  // it knows by now
}

TEST_CASE("replicas answer reads when told to", "[redis][cluster]") {
  auto texts = options();
  texts["read_from"] = "replica";
  ComponentUnderTest redis("redis", texts);
  redis->set("replicated", Entry::copy("v"), {}, Call());
  BareRedis(home_of("replicated").port())({"WAIT", "1", "2000"});
  CHECK(redis->get("replicated", Call())->bytes() == "v");
  long long reads = 0;
  for (std::size_t i = 3; i < 6; ++i) {
    const std::string stats = BareRedis(cluster().node(i).port())({"INFO", "commandstats"});
    if (stats.find("cmdstat_get:") != std::string::npos) ++reads;
  }
  CHECK(reads >= 1);
}

TEST_CASE("a master that dies is replaced by its replica", "[redis][cluster][fault]") {
  auto texts = options();
  texts["timeout"] = texts["connect_timeout"] = "1s";
  ComponentUnderTest redis("redis", texts);
  redis->set("survivor", Entry::copy("before"), {}, Call());
  PrivateRedis& master = home_of("survivor");
  BareRedis(master.port())({"WAIT", "1", "20000"});
  master.process().kill();
  const auto killed = Clock::now();
  std::chrono::milliseconds longest{0};
  CHECK(eventually([&] {
    std::this_thread::sleep_for(5ms);
    const auto begin = Clock::now();
    const auto failure =
        failure_of([&](Call call) { redis->set("survivor", Entry::copy("after"), {}, call); });
    longest = std::max(longest,
                       std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - begin));
    return !failure.code;
  }));
  WARN("writable " << (Clock::now() - killed) / 1ms << " ms after the master died; longest call "
                   << longest.count() << " ms");
  CHECK(longest < 1s + 4s);  // a loaded machine runs threads late
  CHECK(redis->get("survivor", Call())->bytes() == "after");
}
