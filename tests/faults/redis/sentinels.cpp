// What becomes of callers when sentinels, masters and replicas lie, contradict each other or fall silent.

#include "bare_redis.hpp"
#include "batch.hpp"
#include "catch.hpp"
#include "component_under_test.hpp"
#include "failure_of.hpp"
#include "load.hpp"
#include "scripted_redis.hpp"

using namespace cairn;
using namespace std::chrono_literals;

namespace {

using Answer = ScriptedRedis::Answer;
using Words = ScriptedRedis::Words;

const auto bulk = ScriptedRedis::bulk;

ComponentUnderTest::OptionTexts sentinels_at(const std::string& sentinels) {
  auto options = quick_at("");
  options.erase("url");
  options["mode"] = "sentinel";
  options["sentinels"] = sentinels;
  return options;
}

// What a sentinel says of where a server is.
std::string named(const std::string& host, int port) {
  return "*2\r\n" + bulk(host) + bulk(std::to_string(port));
}

// A server that is a master, and has one value for every key.
ScriptedRedis::Script a_master_with(const std::string& value) {
  return [value](const Words& words) -> Answer {
    if (words[0] == "ROLE") return {"*3\r\n" + bulk("master") + ":0\r\n*0\r\n"};
    return {words[0] == "GET" ? bulk(value) : "+OK\r\n"};
  };
}

}  // namespace

TEST_CASE("who waited for a lock, or took it, looks at the master and not at a replica behind",
          "[redis][sentinel][fault]") {
  ScriptedRedis master([](const Words& words) -> Answer {
    if (words[0] == "ROLE") return {"*3\r\n" + bulk("master") + ":0\r\n*0\r\n"};
    if (words[0] == "GET" && words[1].substr(0, 5) == "_lock") return {"$-1\r\n"};
    if (words[0] == "PTTL") return {":-2\r\n"};
    if (words[0] == "MGET") return {"*2\r\n" + bulk("new") + bulk("new")};
    return {words[0] == "GET" ? bulk("new") : "+OK\r\n"};
  });
  ScriptedRedis replica([](const Words& words) -> Answer {
    return {words[0] == "MGET" ? "*2\r\n$-1\r\n$-1\r\n" : "$-1\r\n"};
  });
  ScriptedRedis sentinel([&](const Words& words) -> Answer {
    const auto address = [](const ScriptedRedis& server) {
      return bulk("127.0.0.1") + bulk(std::to_string(server.port()));
    };
    if (words[1] != "REPLICAS") return {"*2\r\n" + address(master)};
    return {"*1\r\n*8\r\n" + bulk("ip") + bulk("127.0.0.1") + bulk("port") +
            bulk(std::to_string(replica.port())) + bulk("flags") + bulk("slave") +
            bulk("master-link-status") + bulk("ok")};
  });
  auto options = sentinels_at(sentinel.address());
  options["read_from"] = "replica";
  ComponentUnderTest redis("redis", options);
  const auto found = [&](const std::string& key) { return redis->get(key, Call()).has_value(); };
  CHECK_FALSE(found("taken"));
  CHECK(redis->lock("taken", 10s, Call()).has_value());
  CHECK(found("taken"));
  CHECK_FALSE(found("waited for"));
  CHECK(redis->await_unlock("waited for", 0s, Call()));
  CHECK(found("waited for"));
  CHECK_FALSE(found("another"));

  Batch with({"another", "taken"}), without({"another", "one more"});
  redis->get_multi(with.keys, with.results(), Call());
  redis->get_multi(without.keys, without.results(), Call());
  CHECK(with.statuses == std::vector<cairn_status>{CAIRN_OK, CAIRN_OK});
  CHECK(without.statuses == std::vector<cairn_status>{CAIRN_MISS, CAIRN_MISS});
}

TEST_CASE("a sentinel that still names the old master does not hide what others know",
          "[redis][sentinel][fault]") {
  std::atomic<bool> failed_over{false};
  ScriptedRedis old([&](const Words& words) -> Answer {
    if (failed_over && words[0] == "ROLE") return {"*1\r\n" + bulk("slave")};
    if (failed_over) return {"-READONLY You can't write against a read only replica.\r\n"};
    return a_master_with("old")(words);
  });
  ScriptedRedis now(a_master_with("now"));
  ScriptedRedis behind([&](const Words&) -> Answer { return {named("127.0.0.1", old.port())}; });
  ScriptedRedis informed([&](const Words&) -> Answer {
    return {named("127.0.0.1", failed_over ? now.port() : old.port())};
  });
  ComponentUnderTest redis("redis", sentinels_at(behind.address() + ", " + informed.address()));
  CHECK(redis->get("k", Call())->bytes() == "old");
  CHECK(informed.commands() == 0);  // nothing was in doubt
  failed_over = true;
  CHECK(comes_to_answer(redis, "k", "now"));
}

TEST_CASE("a sentinel that names itself, nobody or nonsense is no reason to believe it",
          "[redis][sentinel][fault]") {
  const ScriptedRedis* self = nullptr;
  const auto* const said =
      GENERATE("itself", "*-1\r\n", "*2\r\n$0\r\n\r\n$1\r\n0\r\n",
               "*2\r\n$9\r\n127.0.0.1\r\n$5\r\n70000\r\n", "*2\r\n$9\r\n127.0.0.1\r\n$3\r\nabc\r\n",
               "*2\r\n:1\r\n:2\r\n", "*0\r\n", "+OK\r\n", "-NOAUTH Authentication required.\r\n");
  INFO(said);
  ScriptedRedis sentinel([&](const Words& words) -> Answer {
    if (words[0] == "ROLE") return {"*2\r\n" + bulk("sentinel") + "*1\r\n" + bulk("mymaster")};
    if (words[0] != "SENTINEL") return {"-ERR unknown command\r\n"};
    return {said == std::string("itself") ? named("127.0.0.1", self->port()) : said};
  });
  self = &sentinel;
  ComponentUnderTest redis("redis", sentinels_at(sentinel.address()));
  const Failure failure = failure_of([&](Call call) { redis->get("k", call); });
  CHECK(failure.code == Errc::unavailable);
  const bool believed = failure.text.find("is not a master") != std::string::npos;
  CHECK(believed == (said == std::string("itself")));
}

TEST_CASE("a caller in a hurry does not wait for one who asks silent sentinels",
          "[redis][sentinel][fault]") {
  std::atomic<bool> is_asked{false}, answers{false};
  ScriptedRedis silent([&](const Words&) -> Answer {
    is_asked = true;
    eventually([&] { return answers.load(); });
    return {"*-1\r\n"};
  });
  auto options = sentinels_at(silent.address());
  options["timeout"] = options["connect_timeout"] = "60s";
  ComponentUnderTest redis("redis", options);
  std::thread patient([&] { failure_of([&](Call call) { redis->get("k", call); }); });
  CHECK(eventually([&] { return is_asked.load(); }));
  Failure failure;
  const auto took =
      time_of([&] { failure = failure_of([&](Call call) { redis->get("k", call); }, 30ms); });
  CHECK(failure.code == Errc::timeout);
  CHECK(took < 20s);
  answers = true;
  patient.join();
}

TEST_CASE("a replica that is silent costs one caller half of the time, and then nobody",
          "[redis][sentinel][fault]") {
  std::atomic<int> asked{0};
  ScriptedRedis silent([&](const Words&) -> Answer {
    ++asked;
    return {""};
  });
  ScriptedRedis master(a_master_with("v"));
  ScriptedRedis sentinel([&](const Words& words) -> Answer {
    if (words[1] != "REPLICAS") return {named("127.0.0.1", master.port())};
    return {"*1\r\n*6\r\n" + bulk("ip") + bulk("127.0.0.1") + bulk("port") +
            bulk(std::to_string(silent.port())) + bulk("flags") + bulk("slave")};
  });
  auto options = sentinels_at(sentinel.address());
  options["read_from"] = "replica";
  options["timeout"] = "1s";
  options["retry_after"] = options["retry_after_at_most"] = "10m";
  ComponentUnderTest redis("redis", options);
  for (int i = 0; i < 5; ++i) CHECK(redis->get("k", Call())->bytes() == "v");
  CHECK(asked == 1);
  CHECK(statistic(redis, "servers_left_alone") == 1);
}

TEST_CASE("a master that is silent is left alone, also where replicas are asked that there are not",
          "[redis][sentinel][fault]") {
  std::atomic<int> asked{0};
  ScriptedRedis master([&](const Words& words) -> Answer {
    if (words[0] == "ROLE") return a_master_with("")(words);
    ++asked;
    return {""};
  });
  ScriptedRedis sentinel([&](const Words& words) -> Answer {
    return {words[1] == "REPLICAS" ? "*0\r\n" : named("127.0.0.1", master.port())};
  });
  auto options = sentinels_at(sentinel.address());
  options["read_from"] = "replica";
  options["timeout"] = "1s";
  options["retry_after"] = options["retry_after_at_most"] = "10m";
  ComponentUnderTest redis("redis", options);
  for (int i = 0; i < 3; ++i) {
    CHECK(failure_of([&](Call call) { redis->get("k", call); }).code.has_value());
  }
  CHECK(asked == 1);
  CHECK(statistic(redis, "servers_left_alone") == 1);
}
