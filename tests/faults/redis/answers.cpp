// What becomes of callers when the server says no, says half of it, or says something else.

#include "bare_redis.hpp"
#include "batch.hpp"
#include "catch.hpp"
#include "component_under_test.hpp"
#include "failure_of.hpp"
#include "load.hpp"
#include "scripted_redis.hpp"

#include <random>

using namespace cairn;
using namespace std::chrono_literals;

namespace {

using Clock = std::chrono::steady_clock;
using Answer = ScriptedRedis::Answer;
using Words = ScriptedRedis::Words;

const auto bulk = ScriptedRedis::bulk;

}  // namespace

TEST_CASE("an error that will pass is unavailable, and one that will not is rejected",
          "[redis][fault]") {
  struct Said {
    const char* answer;
    Errc code;
  };
  const auto said = GENERATE(
      Said{"LOADING Redis is loading the dataset in memory", Errc::unavailable},
      Said{"MISCONF Redis is configured to save RDB snapshots, but cannot", Errc::unavailable},
      Said{"OOM command not allowed when used memory > 'maxmemory'.", Errc::unavailable},
      Said{"BUSY Redis is busy running a script.", Errc::unavailable},
      Said{"MASTERDOWN Link with MASTER is down", Errc::unavailable},
      Said{"CLUSTERDOWN The cluster is down", Errc::unavailable},
      Said{"TRYAGAIN Multiple keys request during rehashing of slot", Errc::unavailable},
      Said{"ERR max number of clients reached", Errc::unavailable},
      Said{"READONLY You can't write against a read only replica.", Errc::rejected},
      Said{"NOAUTH Authentication required.", Errc::rejected},
      Said{"NOPERM this user has no permissions to run the command", Errc::rejected},
      Said{"ERR unknown command", Errc::rejected},
      Said{"WRONGTYPE Operation against a key holding the wrong kind of value", Errc::corrupt});
  INFO(said.answer);
  std::atomic<bool> ill{true};
  ScriptedRedis server([&](const Words& words) -> Answer {
    if (ill) return {"-" + std::string(said.answer) + "\r\n"};
    return {words[0] == "GET" ? bulk("v") : "+OK\r\n"};
  });
  ComponentUnderTest redis("redis", quick_at(server.url()));
  Batch batch({"a", "b"});
  const std::vector<Entry> values{Entry::copy("1"), Entry::copy("2")};
  for (const auto& operation : std::vector<std::function<void(Call)>>{
           [&](Call call) { redis->get("k", call); },
           [&](Call call) { redis->set("k", Entry::copy("v"), {}, call); },
           [&](Call call) { redis->remove("k", call); },
           [&](Call call) { redis->lock("k", 1s, call); },
           [&](Call call) { redis->get_multi(batch.keys, batch.results(), call); }}) {
    const Failure failure = failure_of(operation);
    CHECK(failure.code == said.code);
    CHECK_THAT(failure.text, Catch::Contains(said.answer));
  }
  batch.statuses.assign(2, CAIRN_OK);
  redis->set_multi(batch.keys, values, {}, batch.answers(), Call());
  CHECK(batch.statuses == std::vector<cairn_status>(2, static_cast<cairn_status>(said.code)));

  ill = false;
  CHECK(redis->get("k", Call())->bytes() == "v");  // the server was never left alone for it
  CHECK(statistic(redis, "breaker_opened") == 0);
  CHECK(statistic(redis, "connects") == 1);
  CHECK(statistic(redis, "error_replies") == 7);
}

TEST_CASE("an answer that stops in the middle costs the timeout, and is no value",
          "[redis][fault]") {
  std::atomic<bool> ill{true};
  std::atomic<int> asked{0};
  ScriptedRedis server([&](const Words&) -> Answer {
    ++asked;
    return {ill ? "$100\r\nonly the beginning" : bulk("whole")};
  });
  auto options = quick_at(server.url());
  options["timeout"] = "1s";  // a loaded machine connects slowly, which is not the server's silence
  ComponentUnderTest redis("redis", options);
  const auto took = time_of(
      [&] { CHECK(failure_of([&](Call call) { redis->get("k", call); }).code == Errc::timeout); });
  CHECK(took >= 1s);
  CHECK(took < 1s + 5s);  // a loaded machine wakes threads late
  CHECK(asked == 1);
  ill = false;
  std::this_thread::sleep_for(30ms);  // the pause after a failure is 24 ms at most
  CHECK(redis->get("k", Call())->bytes() == "whole");
  CHECK(server.connections() == 2);
}

TEST_CASE("an answer that is cut off is asked for again, on another connection", "[redis][fault]") {
  std::atomic<int> asked{0};
  ScriptedRedis server([&](const Words& words) -> Answer {
    if (words[0] != "GET") return {"+OK\r\n"};
    if (++asked == 2) return {"$5\r\nhal", /*hang_up=*/true};
    return {bulk("whole")};
  });
  ComponentUnderTest redis("redis", quick_at(server.url()));
  redis->get("k", Call());
  CHECK(redis->get("k", Call())->bytes() == "whole");
  CHECK(statistic(redis, "retries") == 1);
  CHECK(statistic(redis, "connections_lost") == 1);
}

TEST_CASE("of a batch that is cut off, what may be repeated is repeated whole", "[redis][fault]") {
  std::atomic<int> sets{0};
  ScriptedRedis server([&](const Words&) -> Answer {
    return ++sets == 2 ? Answer{"", /*hang_up=*/true} : Answer{"+OK\r\n"};
  });
  ComponentUnderTest redis("redis", {{"url", server.url()}, {"timeout", "10s"}});
  Batch batch({"a", "b", "c"});
  batch.statuses.assign(3, CAIRN_OK);
  const std::vector<Entry> values{Entry::copy("1"), Entry::copy("2"), Entry::copy("3")};
  redis->set_multi(batch.keys, values, {}, batch.answers(), Call());
  CHECK(batch.statuses == std::vector<cairn_status>(3, CAIRN_OK));
  CHECK(sets == 5);
}

TEST_CASE("an unlock whose answer is lost is not sent twice", "[redis][fault]") {
  std::atomic<int> scripts{0};
  ScriptedRedis server([&](const Words& words) -> Answer {
    if (words[0] != "EVAL") return {"+OK\r\n"};
    ++scripts;
    return {"", /*hang_up=*/true};
  });
  ComponentUnderTest redis("redis", quick_at(server.url()));
  const auto token = redis->lock("k", 1s, Call());
  REQUIRE(token.has_value());
  CHECK(failure_of([&](Call call) { redis->unlock("k", *token, call); }).code == Errc::unavailable);
  CHECK(scripts == 1);
}

TEST_CASE("a lock whose answer is lost is ours if the server says so", "[redis][fault]") {
  std::mutex mutex;
  std::string holder;
  ScriptedRedis server([&](const Words& words) -> Answer {
    const std::lock_guard lock(mutex);
    if (words[0] == "SET") {
      holder = words[2];
      return {"", /*hang_up=*/true};
    }
    return {holder.empty() ? "$-1\r\n" : bulk(holder)};
  });
  ComponentUnderTest redis("redis", quick_at(server.url()));
  CHECK(redis->lock("k", 1s, Call()).has_value());
  CHECK(statistic(redis, "locks_taken") == 1);
}

TEST_CASE("a server that drips holds nobody beyond the timeout", "[redis][fault]") {
  ScriptedRedis server([&](const Words&) -> Answer {
    return {bulk(std::string(10'000, 'x')), false, 20ms};
  });
  ComponentUnderTest redis("redis", impatient_at(server.url()));
  const auto took = time_of(
      [&] { CHECK(failure_of([&](Call call) { redis->get("k", call); }).code == Errc::timeout); });
  CHECK(took < 150ms + 10s);  // of the 200 s that the answer takes
}

TEST_CASE("what is not RESP is refused, and never a value", "[redis][fault]") {
  const auto* const garbage =
      GENERATE("HTTP/1.1 400 Bad Request\r\n\r\n", "$-5\r\n", "$99999999999999999999\r\n",
               "$abc\r\n", "*-2\r\n", "*2147483647\r\n", "*1000000\r\n*1000000\r\n", ":\r\n",
               ":12x\r\n", "\x01\x02\xff\xfe\r\n", "$3\r\nabcdef\r\n", "\r\n\r\n",
               "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n:1\r\n");
  INFO(garbage);
  std::atomic<bool> ill{true};
  ScriptedRedis server([&](const Words&) -> Answer { return {ill ? garbage : bulk("v")}; });
  ComponentUnderTest redis("redis", impatient_at(server.url()));
  for (int i = 0; i < 3; ++i) {
    const Failure failure = failure_of([&](Call call) { redis->get("k", call); });
    CHECK((failure.code == Errc::unavailable || failure.code == Errc::timeout));
    std::this_thread::sleep_for(20ms);
  }
  ill = false;
  CHECK(comes_to_answer(redis, "k", "v"));
}

TEST_CASE(
    "an answer that nobody asked for ends the connection, so that none is taken for another's",
    "[redis][fault]") {
  std::atomic<int> asked{0};
  ScriptedRedis server([&](const Words& words) -> Answer {
    const std::string mine = bulk(words[1]);
    return {++asked == 1 ? mine + bulk("of somebody else") : mine};
  });
  ComponentUnderTest redis("redis", quick_at(server.url()));
  for (int i = 0; i < 20; ++i) {
    const std::string key = "k" + std::to_string(i);
    try {
      const OptionalEntry found = redis->get(key, Call());
      CHECK(found->bytes() == key);
    } catch (const Error& error) {
      CHECK(error.code() == Errc::unavailable);
      std::this_thread::sleep_for(20ms);
    }
  }
  CHECK(server.connections() >= 2);
}

TEST_CASE("an answer of the wrong kind is corrupt, and the connection stays good",
          "[redis][fault]") {
  ScriptedRedis server([&](const Words& words) -> Answer {
    if (words[0] == "GET") return {":7\r\n"};
    if (words[0] == "MGET") return {"*1\r\n" + bulk("one of two")};
    return {bulk("?")};
  });
  ComponentUnderTest redis("redis", quick_at(server.url()));
  Batch batch({"a", "b"});
  const auto code = [&](const std::function<void(Call)>& operation) {
    return failure_of(operation).code;
  };
  CHECK(code([&](Call call) { redis->get("k", call); }) == Errc::corrupt);
  CHECK(code([&](Call call) { redis->set("k", Entry::copy("v"), {}, call); }) == Errc::corrupt);
  CHECK(code([&](Call call) { redis->remove("k", call); }) == Errc::corrupt);
  CHECK(code([&](Call call) { redis->get_multi(batch.keys, batch.results(), call); }) ==
        Errc::corrupt);
  CHECK(code([&](Call call) { redis->unlock("k", 7, call); }) == Errc::corrupt);
  CHECK(statistic(redis, "connects") == 1);
}

TEST_CASE("random damage never makes a caller wait beyond its bounds", "[redis][fault]") {
  constexpr unsigned seed = 20261125;
  std::mutex mutex;
  std::mt19937 random(seed);
  std::atomic<bool> ill{true};
  ScriptedRedis server([&](const Words& words) -> Answer {
    std::string answer = words[0] == "MGET" ? "*2\r\n" + bulk("a") + "$-1\r\n" : bulk("value");
    const std::lock_guard lock(mutex);
    if (!ill) return {answer};
    switch (random() % 4) {
      case 0: answer[random() % answer.size()] = static_cast<char>(random()); break;
      case 1: answer.erase(random() % answer.size(), 1 + random() % 3); break;
      case 2: answer.insert(random() % answer.size(), 1, static_cast<char>(random())); break;
      default: return {answer.substr(0, random() % answer.size()), random() % 2 == 0};
    }
    return {answer};
  });
  auto options = quick_at(server.url());
  options["timeout"] = "20ms";
  options["retry_after"] = options["retry_after_at_most"] = "1ms";
  ComponentUnderTest redis("redis", options);
  auto longest = 0ms;
  for (int i = 0; i < 400; ++i) {
    longest = std::max(longest, time_of([&] {
                         failure_of([&](Call call) {
                           Batch batch({"a", "b"});
                           if (i % 2 == 0) redis->get("k", call);
                           if (i % 2 == 1) redis->get_multi(batch.keys, batch.results(), call);
                         });
                       }));
  }
  WARN("longest call " << longest.count() << " ms, with a timeout of 20 ms and one repetition");
  CHECK(longest < 2 * 20ms + 5s);  // who waited for what does not come would be here still
  ill = false;
  CHECK(comes_to_answer(redis, "k", "value"));
}

TEST_CASE("a greeting that is refused says what the server said", "[redis][fault]") {
  std::atomic<int> gets{0};
  ScriptedRedis server([&](const Words& words) -> Answer {
    if (words[0] == "SELECT") return {"-ERR DB index is out of range\r\n"};
    gets += words[0] == "GET";
    return {"$-1\r\n"};
  });
  ComponentUnderTest redis("redis", quick_at(server.url() + "/99"));
  const Failure failure = failure_of([&](Call call) { redis->get("k", call); });
  CHECK(failure.code == Errc::rejected);
  CHECK_THAT(failure.text, Catch::Contains("DB index is out of range"));
  CHECK(gets == 0);  // nothing was read from the wrong database
}

// ---- between calls ----

TEST_CASE("what a server says while nobody asks is not taken for the next answer",
          "[redis][fault]") {
  std::atomic<int> asked{0};
  ScriptedRedis server([&](const Words& words) -> Answer {
    Answer answer{bulk(words.back())};
    if (++asked % 2 == 1) answer.unasked = bulk("of somebody else");
    return answer;
  });
  ComponentUnderTest redis("redis", {{"url", server.url()}, {"max_connections", "1"}});
  for (int i = 1; i <= 5; ++i) {
    const std::string key = "k" + std::to_string(i);
    CHECK(redis->get(key, Call())->bytes() == key);
    CHECK(eventually([&] { return server.surprises() == i; }));
    CHECK(redis->get("and " + key, Call())->bytes() == "and " + key);
  }
  CHECK(statistic(redis, "connections_lost") == 5);
  CHECK(statistic(redis, "breaker_opened") == 0);
}

TEST_CASE("an unlock over a connection that the server closed while it was idle is done",
          "[redis][fault]") {
  std::atomic<int> commands{0};
  ScriptedRedis server([&](const Words& words) -> Answer {
    ++commands;
    if (words[0] == "EVAL") return {":1\r\n"};
    return {"+OK\r\n", /*hang_up=*/true};
  });
  ComponentUnderTest redis("redis", {{"url", server.url()}});
  const auto token = redis->lock("k", 10s, Call());
  REQUIRE(token.has_value());
  CHECK(eventually([&] { return server.surprises() == 1; }));
  std::this_thread::sleep_for(5ms);  // as long as it takes until a connection is idle
  CHECK(redis->unlock("k", *token, Call()));
  CHECK(commands == 2);
  CHECK(statistic(redis, "retries") == 0);
}

TEST_CASE("one answer too many to the greeting is one too many", "[redis][fault]") {
  ScriptedRedis server([&](const Words& words) -> Answer {
    if (words[0] == "SELECT") return {"+OK\r\n+OK\r\n"};
    return {bulk(words[1])};
  });
  ComponentUnderTest redis("redis", quick_at(server.url() + "/1"));
  const Failure failure = failure_of([&](Call call) { redis->get("k", call); });
  CHECK(failure.code == Errc::unavailable);
  CHECK_THAT(failure.text, Catch::Contains("nobody asked for"));
}

TEST_CASE("each entry of a batch that is answered with something else is corrupt",
          "[redis][fault]") {
  ScriptedRedis server([&](const Words& words) -> Answer {
    if (words[1] == "good") return {words[0] == "SET" ? "+OK\r\n" : ":1\r\n"};
    return {bulk("?")};
  });
  ComponentUnderTest redis("redis", quick_at(server.url()));
  Batch batch({"good", "bad"});
  const std::vector<Entry> values{Entry::copy("1"), Entry::copy("2")};
  const std::vector<cairn_status> one_is_corrupt{CAIRN_OK, CAIRN_CORRUPT};
  batch.statuses.assign(2, CAIRN_OK);
  redis->set_multi(batch.keys, values, {}, batch.answers(), Call());
  CHECK(batch.statuses == one_is_corrupt);
  batch.statuses.assign(2, CAIRN_MISS);
  redis->remove_multi(batch.keys, batch.answers(), Call());
  CHECK(batch.statuses == one_is_corrupt);
}

TEST_CASE("a lease that ends after the end of time is only long", "[redis][fault]") {
  ScriptedRedis server([&](const Words& words) -> Answer {
    if (words[0] == "PTTL") return {":9223372036854775807\r\n"};
    if (words[0] == "GET")
      return {
          bulk("0000000000008000"
               "0000000000000001")};
    return {"*3\r\n" + bulk("subscribe") + bulk(words[1]) + ":1\r\n"};
  });
  ComponentUnderTest redis("redis", {{"url", server.url()}});
  const auto took = time_of([&] { CHECK_FALSE(redis->await_unlock("k", 50ms, Call())); });
  CHECK(took >= 50ms);
}

TEST_CASE("an answer that arrives byte by byte, or is cut at any byte, is itself or nothing",
          "[redis][fault]") {
  const std::string whole = "*3\r\n" + bulk("first") + "$-1\r\n" + bulk("a\r\nb");
  std::atomic<std::size_t> cut{0};
  std::atomic<bool> drips{false};
  ScriptedRedis server([&](const Words&) -> Answer {
    if (drips) return {whole, false, 100us};
    return {whole.substr(0, cut), cut < whole.size()};
  });
  auto options = quick_at(server.url());
  options["timeout"] = "5s";
  options["retry_after"] = options["retry_after_at_most"] = "1ms";
  ComponentUnderTest redis("redis", options);
  const auto ask = [&] {
    Batch batch({"a", "b", "c"});
    const Failure failure =
        failure_of([&](Call call) { redis->get_multi(batch.keys, batch.results(), call); });
    if (failure.code) {
      CHECK(failure.code == Errc::unavailable);
      return false;
    }
    CHECK(batch.statuses == std::vector<cairn_status>{CAIRN_OK, CAIRN_MISS, CAIRN_OK});
    CHECK(batch.entries[0].bytes() == "first");
    CHECK(batch.entries[2].bytes() == "a\r\nb");
    return true;
  };
  for (cut = 0; cut < whole.size(); ++cut) CHECK_FALSE(ask());
  CHECK(ask());
  drips = true;
  CHECK(ask());
}
