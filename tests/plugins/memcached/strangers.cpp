#include "catch.hpp"
#include "facts_said.hpp"
#include "memcached_under_test.hpp"

using namespace cairn;

TEST_CASE("a server that is no memcached is an error, not a miss", "[memcached]") {
  const PrivateRedis redis;
  ComponentUnderTest memcached(
      "memcached",
      {{"servers", "127.0.0.1:" + std::to_string(redis.port())}, {"dead_after", "1000"}});
  TextCall call;
  for (int i = 0; i < 2; ++i) {
    CHECK_THAT(error_of([&] { memcached->get("k", call); }),
               Catch::StartsWith("unavailable: memcached: 127.0.0.1:") &&
                   Catch::Contains("is it a memcached that answers there?"));
  }
  CHECK_THAT(error_of([&] { memcached->remove("k", call); }), Catch::StartsWith("unavailable: "));

  const std::vector<Key> keys{"a", "b"};
  std::vector<Entry> entries(keys.size());
  std::vector<cairn_status> statuses(keys.size(), CAIRN_OK);
  memcached->get_multi(keys, Results(entries.data(), statuses.data(), keys.size()), call);
  CHECK(statuses == std::vector<cairn_status>(keys.size(), CAIRN_UNAVAILABLE));
  CHECK_THROWS_WITH(facts_said(memcached),
                    Catch::Contains("is it a memcached that answers there?"));
}

TEST_CASE("servers tell their version, each, and a missing one is an error", "[memcached]") {
  const std::string protocol = GENERATE("ascii", "binary");
  Servers servers(2);
  ComponentUnderTest memcached("memcached", {{"servers", servers.list()}, {"protocol", protocol}});
  const auto facts = facts_said(memcached);
  const auto name_of = [&](std::size_t i) {
    return "127.0.0.1:" + std::to_string(servers[i].port());
  };
  CHECK_THAT(facts.at(name_of(0)), Catch::StartsWith("memcached 1."));
  CHECK_THAT(facts.at(name_of(1)), Catch::StartsWith("memcached 1."));
  CHECK(facts.at("keyspace") == "memcached " + name_of(0) + " " + name_of(1));

  ComponentUnderTest half("memcached",
                          {{"servers", servers.list() + ", 127.0.0.1:1"}, {"protocol", protocol}});
  CHECK_THROWS_WITH(facts_said(half), Catch::Contains("127.0.0.1:1: "));
}
