// The redis plugin against a real master with two replicas and three sentinels.

#include "bare_redis.hpp"
#include "batch.hpp"
#include "catch.hpp"
#include "component_under_test.hpp"
#include "facts_said.hpp"
#include "failure_of.hpp"
#include "meanwhile.hpp"
#include "private_redis_groups.hpp"

#include <thread>

using namespace cairn;
using namespace std::chrono_literals;

namespace {

using Clock = std::chrono::steady_clock;

PrivateSentinels& group() {
  static PrivateSentinels one;
  return one;
}

ComponentUnderTest::OptionTexts options() {
  return {{"mode", "sentinel"},
          {"sentinels", group().addresses()},
          {"retry_after", "20ms"},
          {"retry_after_at_most", "200ms"}};
}

// For servers that hang.
ComponentUnderTest::OptionTexts impatient_options() {
  auto texts = options();
  texts["timeout"] = texts["connect_timeout"] = "1s";
  return texts;
}

}  // namespace

TEST_CASE("the sentinels name the master, and it is used", "[redis][sentinel]") {
  ComponentUnderTest redis("redis", options());
  redis->set("k", Entry::copy("v"), {}, Call());
  BareRedis master(group().master().port());
  CHECK(master({"GET", "k"}) == "v");
  const auto token = redis->lock("k", 10s, Call());
  REQUIRE(token.has_value());
  CHECK(master({"EXISTS", "_lockk"}) == "1");
  CHECK(redis->unlock("k", *token, Call()));

  auto texts = options();
  texts["service"] = "nobody";
  ComponentUnderTest lost("redis", texts);
  const Failure failure = failure_of([&](Call call) { lost->get("k", call); });
  CHECK(failure.code == Errc::unavailable);
  CHECK_THAT(failure.text, Catch::Contains("no sentinel told who the master of nobody is"));
}

TEST_CASE("the master behind sentinels says what it is, whoever asks", "[redis][sentinel]") {
  ComponentUnderTest redis("redis", options());
  auto facts = facts_said(redis);
  CHECK(facts["role"] == "master, 2 replicas");
  CHECK(facts["address"] == "127.0.0.1:" + std::to_string(group().master().port()));
  ComponentUnderTest direct("redis", {{"url", group().master().url()}});
  CHECK(facts_said(direct)["keyspace"] == facts["keyspace"]);
  ComponentUnderTest replica("redis", {{"url", group().replica(0).url()}});
  CHECK_THAT(facts_said(replica)["role"], Catch::StartsWith("replica of 127.0.0.1:"));
  CHECK_THAT(facts_said(replica)["warnings"], Catch::Contains("refuses to store"));
}

TEST_CASE("replicas behind sentinels answer reads when told to", "[redis][sentinel]") {
  auto texts = options();
  texts["read_from"] = "replica";
  ComponentUnderTest redis("redis", texts);
  redis->set("read", Entry::copy("v"), {}, Call());
  BareRedis master(group().master().port());
  master({"WAIT", "2", "2000"});
  master({"CONFIG", "RESETSTAT"});
  for (int i = 0; i < 10; ++i) CHECK(redis->get("read", Call())->bytes() == "v");
  CHECK_THAT(master({"INFO", "commandstats"}), !Catch::Contains("cmdstat_get:"));
}

TEST_CASE("a replica that hangs is passed over, and used again later", "[redis][sentinel][fault]") {
  auto texts = impatient_options();
  texts["read_from"] = "replica";
  ComponentUnderTest redis("redis", texts);
  redis->set("read", Entry::copy("v"), {}, Call());
  BareRedis master(group().master().port());
  master({"WAIT", "2", "20000"});
  redis->get("read", Call());
  group().replica(0).process().freeze();
  for (int i = 0; i < 20; ++i) {
    CHECK_FALSE(failure_of([&](Call call) { redis->get("read", call); }).code);
  }
  group().replica(0).process().resume();
  CHECK(eventually([&] {
    redis->get("read", Call());
    std::this_thread::sleep_for(5ms);
    return statistic(redis, "servers_left_alone") == 0;
  }));
}

TEST_CASE("a failover is followed, whether the master is frozen or asked to go",
          "[redis][sentinel][fault]") {
  ComponentUnderTest redis("redis", impatient_options());
  redis->set("k", Entry::copy("before"), {}, Call());
  BareRedis(group().master().port())({"WAIT", "2", "20000"});
  group().master().process().freeze();
  const auto frozen = Clock::now();
  std::chrono::milliseconds longest{0};
  CHECK(eventually([&] {
    std::this_thread::sleep_for(5ms);
    const auto begin = Clock::now();
    const auto failure =
        failure_of([&](Call call) { redis->set("k", Entry::copy("after"), {}, call); });
    longest = std::max(longest,
                       std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - begin));
    return !failure.code;
  }));
  WARN("writable " << (Clock::now() - frozen) / 1ms << " ms after the master froze; longest call "
                   << longest.count() << " ms");
  CHECK(longest < 1s + 4s);  // a loaded machine runs threads late
  CHECK(redis->get("k", Call())->bytes() == "after");

  // The old one comes back as a replica: nothing is written to it any more.
  group().master().process().resume();
  const auto role = [&]() -> std::string {
    try {
      return BareRedis(group().master().port())({"ROLE"});
    } catch (const std::runtime_error&) {  // it drops its callers when it changes its role
      return "";
    }
  };
  CHECK(eventually([&] {
    std::this_thread::sleep_for(20ms);
    return role().substr(0, 5) == "slave";
  }));
  CHECK_FALSE(failure_of([&](Call call) { redis->set("k", Entry::copy("again"), {}, call); }).code);
  CHECK(redis->get("k", Call())->bytes() == "again");
}
