// What becomes of callers when the nodes of a cluster lie, contradict each other or fall silent.

#include "bare_redis.hpp"
#include "batch.hpp"
#include "catch.hpp"
#include "component_under_test.hpp"
#include "failure_of.hpp"
#include "load.hpp"
#include "scripted_redis.hpp"

#include <filesystem>

using namespace cairn;
using namespace std::chrono_literals;

namespace {

using Answer = ScriptedRedis::Answer;
using Words = ScriptedRedis::Words;

const auto bulk = ScriptedRedis::bulk;

ComponentUnderTest::OptionTexts cluster_at(const std::string& nodes) {
  auto options = quick_at("");
  options.erase("url");
  options["mode"] = "cluster";
  options["nodes"] = nodes;
  return options;
}

// A cluster's map: each range of slots with one server.
struct Range {
  int first, last;
  std::string host;
  int port;
};
std::string map_of(const std::vector<Range>& ranges) {
  std::string text = "*" + std::to_string(ranges.size()) + "\r\n";
  for (const Range& range : ranges) {
    text += "*3\r\n:" + std::to_string(range.first) + "\r\n:" + std::to_string(range.last) +
            "\r\n*2\r\n" + bulk(range.host) + ":" + std::to_string(range.port) + "\r\n";
  }
  return text;
}

std::size_t open_descriptors() {
  const std::filesystem::directory_iterator all("/proc/self/fd");
  return static_cast<std::size_t>(std::distance(begin(all), end(all)));
}

}  // namespace

TEST_CASE("a server that redirects to itself for ever is given up", "[redis][cluster][fault]") {
  const ScriptedRedis* self = nullptr;
  ScriptedRedis server([&](const Words& words) -> Answer {
    if (words[0] == "CLUSTER") return {self->all_slots()};
    return {"-MOVED 12 " + self->address() + "\r\n"};
  });
  self = &server;
  ComponentUnderTest redis("redis", cluster_at(server.address()));
  const Failure failure = failure_of([&](Call call) { redis->get("k", call); });
  CHECK(failure.code == Errc::unavailable);
  CHECK_THAT(failure.text, Catch::Contains("redirected too often"));
  const int for_one = server.commands();
  CHECK(for_one <= 8);  // the map, the first try and five redirects

  std::vector<std::string> names;
  for (int i = 0; i < 100; ++i) names.push_back("k" + std::to_string(i));
  Batch batch(names);
  CHECK(failure_of([&](Call call) { redis->get_multi(batch.keys, batch.results(), call); }).code ==
        Errc::unavailable);
  CHECK(server.commands() - for_one <= 100 * 8);
}

TEST_CASE("two servers that point at each other are given up within the timeout",
          "[redis][cluster][fault]") {
  std::vector<std::unique_ptr<ScriptedRedis>> servers;
  for (int i = 0; i < 2; ++i) {
    servers.push_back(std::make_unique<ScriptedRedis>([&servers, i](const Words& words) -> Answer {
      if (words[0] == "CLUSTER") return {servers[0]->all_slots()};
      return {"-MOVED 12 " + servers[static_cast<std::size_t>(1 - i)]->address() + "\r\n"};
    }));
  }
  ComponentUnderTest redis("redis", cluster_at(servers[0]->address()));
  const auto took = time_of([&] {
    CHECK(failure_of([&](Call call) { redis->get("k", call); }).code == Errc::unavailable);
  });
  CHECK(took < 10s);
  CHECK(servers[0]->commands() + servers[1]->commands() <= 8);
}

TEST_CASE("after one redirect the whole map is read again, and nobody else is redirected",
          "[redis][cluster][fault]") {
  std::vector<std::unique_ptr<ScriptedRedis>> servers;
  std::atomic<std::size_t> home{0};
  std::atomic<int> maps{0};
  for (std::size_t i = 0; i < 2; ++i) {
    servers.push_back(std::make_unique<ScriptedRedis>([&, i](const Words& words) -> Answer {
      if (words[0] == "CLUSTER") {
        ++maps;
        return {servers[home]->all_slots()};
      }
      if (home != i) return {"-MOVED 12 " + servers[home]->address() + "\r\n"};
      return {bulk("v")};
    }));
  }
  ComponentUnderTest redis("redis",
                           cluster_at(servers[0]->address() + ", " + servers[1]->address()));
  CHECK(redis->get("k0", Call())->bytes() == "v");
  home = 1;
  CHECK(redis->get("k1", Call())->bytes() == "v");
  CHECK(statistic(redis, "redirects") == 1);
  std::this_thread::sleep_for(60ms);  // so long a map is good after a redirect, and 10 ms
  for (int i = 2; i < 50; ++i) {
    CHECK(redis->get("k" + std::to_string(i), Call())->bytes() == "v");
  }
  CHECK(statistic(redis, "redirects") == 1);
  CHECK(maps == 2);
}

TEST_CASE("a redirect to nowhere, and a map of nonsense, are failures with a reason",
          "[redis][cluster][fault]") {
  const auto* const redirect =
      GENERATE("MOVED", "MOVED 12", "MOVED 12 ", "MOVED x nowhere:0", "ASK 12 :99999",
               "MOVED 99999999999 127.0.0.1:1", "ASK 12 [::1");
  INFO(redirect);
  const ScriptedRedis* self = nullptr;
  ScriptedRedis server([&](const Words& words) -> Answer {
    if (words[0] == "CLUSTER") return {self->all_slots()};
    return {"-" + std::string(redirect) + "\r\n"};
  });
  self = &server;
  ComponentUnderTest redis("redis", cluster_at(server.address()));
  CHECK(failure_of([&](Call call) { redis->get("k", call); }).code == Errc::unavailable);
}

TEST_CASE("a map of slots that is nonsense is no map", "[redis][cluster][fault]") {
  const auto* const map = GENERATE("*0\r\n", "$5\r\nhello\r\n", "*1\r\n:1\r\n", "*1\r\n*0\r\n",
                                   "*1\r\n*3\r\n:-5\r\n:99999999\r\n*0\r\n",
                                   "*1\r\n*3\r\n:5\r\n:1\r\n*2\r\n$0\r\n\r\n:0\r\n",
                                   "-ERR This instance has cluster support disabled\r\n");
  INFO(map);
  ScriptedRedis server(
      [&](const Words& words) -> Answer { return {words[0] == "CLUSTER" ? map : "$-1\r\n"}; });
  ComponentUnderTest redis("redis", cluster_at(server.address()));
  const Failure failure = failure_of([&](Call call) { redis->get("k", call); });
  CHECK(failure.code == Errc::unavailable);
}

TEST_CASE("a caller in a hurry does not wait for one who asks a silent node for the map",
          "[redis][cluster][fault]") {
  std::atomic<bool> is_asked{false}, answers{false};
  ScriptedRedis silent([&](const Words&) -> Answer {
    is_asked = true;
    eventually([&] { return answers.load(); });
    return {"*0\r\n"};
  });
  auto options = cluster_at(silent.address());
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

TEST_CASE("a redirect to an IPv6 address is written without brackets", "[redis][cluster][fault]") {
  ScriptedRedis there([](const Words&) -> Answer { return {bulk("v6")}; }, "::1");
  const auto* const kind = GENERATE("MOVED", "ASK");
  const ScriptedRedis* self = nullptr;
  ScriptedRedis here([&](const Words& words) -> Answer {
    if (words[0] == "CLUSTER") return {self->all_slots()};
    return {"-" + std::string(kind) + " 12 ::1:" + std::to_string(there.port()) + "\r\n"};
  });
  self = &here;
  ComponentUnderTest redis("redis", cluster_at(here.address()));
  CHECK(redis->get("k", Call())->bytes() == "v6");
}

TEST_CASE("a redirect that names no host leads to the host that says it",
          "[redis][cluster][fault]") {
  ScriptedRedis there([](const Words& words) -> Answer {
    return {words[0] == "ASKING" ? "+OK\r\n" : bulk("there")};
  });
  const auto* const kind = GENERATE("MOVED", "ASK");
  const ScriptedRedis* self = nullptr;
  ScriptedRedis here([&](const Words& words) -> Answer {
    if (words[0] == "CLUSTER") return {self->all_slots()};
    return {"-" + std::string(kind) + " 12 :" + std::to_string(there.port()) + "\r\n"};
  });
  self = &here;
  ComponentUnderTest redis("redis", cluster_at(here.address()));
  CHECK(redis->get("k", Call())->bytes() == "there");
  Batch batch({"a", "b"});
  redis->get_multi(batch.keys, batch.results(), Call());
  CHECK(batch.statuses == std::vector<cairn_status>{CAIRN_OK, CAIRN_OK});
  CHECK(batch.entries[1].bytes() == "there");
}

TEST_CASE("a map that names a port that there cannot be is not followed",
          "[redis][cluster][fault]") {
  ScriptedRedis victim([](const Words&) -> Answer { return {bulk("of somebody else")}; });
  ScriptedRedis here([&](const Words& words) -> Answer {
    if (words[0] != "CLUSTER") return {bulk("mine")};
    // The port modulo 65536 is that of another server.
    return {map_of({{0, 16383, "127.0.0.1", victim.port() + 65536}})};
  });
  ComponentUnderTest redis("redis", cluster_at(here.address()));
  CHECK(failure_of([&](Call call) { redis->get("k", call); }).code == Errc::unavailable);
  CHECK(victim.connections() == 0);
}

TEST_CASE("a map of more ranges than there are slots is no map", "[redis][cluster][fault]") {
  std::atomic<bool> lies{true};
  const ScriptedRedis* self = nullptr;
  ScriptedRedis server([&](const Words& words) -> Answer {
    if (words[0] != "CLUSTER") return {bulk("v")};
    if (!lies) return {self->all_slots()};
    return {map_of(std::vector<Range>(60'000, Range{0, 16383, "127.0.0.1", self->port()}))};
  });
  self = &server;
  ComponentUnderTest redis("redis", cluster_at(server.address()));
  CHECK(failure_of([&](Call call) { redis->get("k", call); }).code == Errc::unavailable);
  lies = false;
  CHECK(redis->get("k", Call())->bytes() == "v");
}

TEST_CASE("redirects to servers that there are not leave nothing behind",
          "[redis][cluster][fault]") {
  std::atomic<int> port{20'000};
  std::atomic<bool> lies{true};
  const ScriptedRedis* self = nullptr;
  ScriptedRedis server([&](const Words& words) -> Answer {
    if (words[0] == "CLUSTER") return {self->all_slots()};
    if (lies) return {"-MOVED 12 127.0.0.2:" + std::to_string(++port) + "\r\n"};
    return {bulk("v")};
  });
  self = &server;
  ComponentUnderTest redis("redis", cluster_at(server.address()));
  failure_of([&](Call call) { redis->get("k", call); });
  const std::size_t before = open_descriptors();
  for (int i = 0; i < 300; ++i) {
    failure_of([&](Call call) { redis->get("k" + std::to_string(i), call); });
  }
  CHECK(open_descriptors() < before + 20);
  const long long opened = statistic(redis, "breaker_opened");
  lies = false;
  CHECK(comes_to_answer(redis, "k", "v"));
  CHECK(eventually([&] {
    failure_of([&](Call call) { redis->get("k", call); });
    return statistic(redis, "servers") == 1;
  }));
  CHECK(statistic(redis, "breaker_opened") >= opened);  // what was counted stays counted
}

TEST_CASE("a node that cannot be reached to hear news from disturbs nobody's lock",
          "[redis][cluster][fault]") {
  const ScriptedRedis* self = nullptr;
  ScriptedRedis server([&](const Words& words) -> Answer {
    // The slots of `_locka` are here; those of `_lockb` at an address that nobody can connect to.
    if (words[0] == "CLUSTER") {
      return {map_of({{0, 8191, "127.0.0.1", self->port()}, {8192, 16383, "255.255.255.255", 1}})};
    }
    if (words[0] == "SUBSCRIBE") return {"*3\r\n" + bulk("subscribe") + bulk(words[1]) + ":1\r\n"};
    if (words[0] == "GET") return {"$-1\r\n"};
    if (words[0] == "PTTL") return {":-2\r\n"};
    return {"+OK\r\n"};
  });
  self = &server;
  ComponentUnderTest redis("redis", cluster_at(server.address()));
  // One key on each side.
  const auto is_here = [&](const std::string& key) {
    return !failure_of([&](Call call) { redis->lock(key, 1s, call); }).code;
  };
  std::string here = "a", there = "a";
  for (int i = 0; !is_here(here); ++i) here = "h" + std::to_string(i);
  for (int i = 0; is_here(there); ++i) there = "t" + std::to_string(i);
  ComponentUnderTest fresh("redis", cluster_at(server.address()));
  CHECK(fresh->await_unlock(here, 1s, Call()));  // its subscription lingers
  failure_of([&](Call call) { fresh->await_unlock(there, 1s, call); });
  CHECK(fresh->lock(here, 1s, Call()).has_value());
}
