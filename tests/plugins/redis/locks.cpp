// Creation locks: the protocol on the wire, and who wakes whom.

#include "bare_redis.hpp"
#include "catch.hpp"
#include "component_under_test.hpp"
#include "failure_of.hpp"
#include "meanwhile.hpp"
#include "private_server.hpp"
#include "yardstick.hpp"

#include <thread>

using namespace cairn;
using namespace std::chrono_literals;

namespace {

PrivateRedis& server() {
  static PrivateRedis one;
  return one;
}

using Clock = std::chrono::steady_clock;

// Whether one connection comes to listen for the release of `key`, for all who wait there.
bool is_listened_for(const std::string& key) {
  BareRedis bare(server().port());
  const std::string channel = "cairn:unlocked:_lock" + key;
  return eventually([&] { return bare({"PUBSUB", "NUMSUB", channel}) == channel + " 1"; });
}

}  // namespace

TEST_CASE("a lock is what Python's side takes it for", "[redis][lock]") {
  ComponentUnderTest redis("redis", {{"url", server().url()}});
  BareRedis bare(server().port());
  bare({"FLUSHALL"});

  const auto token = redis->lock("clef", 30s, Call());
  REQUIRE(token.has_value());
  const std::string value = bare({"GET", "_lockclef"});
  CHECK(value.size() == 32);
  CHECK(value.find_first_not_of("0123456789abcdef") == std::string::npos);
  CHECK(std::stoll(bare({"PTTL", "_lockclef"})) > 20'000);
  CHECK(bare({"SET", "_lockclef", "a python", "NX", "PX", "1000"}) == "(nil)");
  CHECK_FALSE(redis->lock("clef", 30s, Call()).has_value());

  CHECK(redis->unlock("clef", *token, Call()));
  CHECK(bare({"EXISTS", "_lockclef"}) == "0");
}

TEST_CASE("a lock that is no longer ours is left alone", "[redis][lock]") {
  ComponentUnderTest redis("redis", {{"url", server().url()}, {"lock_prefix", "L:"}});
  BareRedis bare(server().port());
  const auto token = redis->lock("k", 30s, Call());
  REQUIRE(token.has_value());
  bare({"SET", "L:k", "somebody else"});
  CHECK_FALSE(redis->renew("k", *token, 30s, Call()));
  CHECK_FALSE(redis->unlock("k", *token, Call()));
  CHECK(bare({"GET", "L:k"}) == "somebody else");
  bare({"DEL", "L:k"});
  CHECK_FALSE(redis->renew("k", *token, 30s, Call()));
  CHECK_FALSE(redis->unlock("k", *token, Call()));
  CHECK(statistic(redis, "locks_lost") == 4);
}

TEST_CASE("renewing sets the lease anew, or for ever", "[redis][lock]") {
  ComponentUnderTest redis("redis", {{"url", server().url()}});
  BareRedis bare(server().port());
  const auto token = redis->lock("renewed", 20s, Call());
  REQUIRE(token.has_value());
  CHECK(redis->renew("renewed", *token, 100s, Call()));
  CHECK(std::stoll(bare({"PTTL", "_lockrenewed"})) > 60'000);
  CHECK(redis->renew("renewed", *token, 0s, Call()));
  CHECK(bare({"PTTL", "_lockrenewed"}) == "-1");
  CHECK(redis->unlock("renewed", *token, Call()));
}

TEST_CASE("a lock without a lease stays until unlocked", "[redis][lock]") {
  ComponentUnderTest redis("redis", {{"url", server().url()}});
  BareRedis bare(server().port());
  const auto token = redis->lock("forever", 0s, Call());
  REQUIRE(token.has_value());
  CHECK(bare({"PTTL", "_lockforever"}) == "-1");
  CHECK(redis->unlock("forever", *token, Call()));
}

TEST_CASE("a waiter with no time only looks", "[redis][lock]") {
  ComponentUnderTest redis("redis", {{"url", server().url()}});
  CHECK(redis->await_unlock("looked", 0s, Call()));
  const auto token = redis->lock("looked", 30s, Call());
  CHECK_FALSE(redis->await_unlock("looked", 0s, Call()));
  CHECK(redis->unlock("looked", *token, Call()));
}

TEST_CASE("a waiter of another instance wakes when the lock is released", "[redis][lock]") {
  ComponentUnderTest holder("redis", {{"url", server().url()}});
  ComponentUnderTest waiter("redis", {{"url", server().url()}});
  std::vector<std::chrono::nanoseconds> delays;
  Yardstick yardstick;
  for (int round = 0; round < 5; ++round) {
    yardstick.wake();
    const auto token = holder->lock("news", 30s, Call());
    REQUIRE(token.has_value());
    std::vector<std::thread> threads;
    std::vector<Clock::time_point> woken(3);
    std::atomic<int> free{0};
    for (std::size_t t = 0; t < woken.size(); ++t) {
      threads.emplace_back([&, t] {
        if (waiter->await_unlock("news", 20s, Call())) ++free;
        woken[t] = Clock::now();
      });
    }
    CHECK(is_listened_for("news"));
    std::this_thread::sleep_for(10ms);  // the other two come too, most of the time
    const auto released = Clock::now();
    CHECK(holder->unlock("news", *token, Call()));
    for (std::thread& thread : threads) thread.join();
    CHECK(free == 3);
    for (const auto at : woken) delays.push_back(at - released);
  }
  WARN("a release is heard after " << median(delays) / 1us << " us (median)");
  // The server is woken, then who listens, then who waits.
  CHECK(median(delays) < 20ms + 5 * yardstick.median());
}

TEST_CASE("a waiter answers at once if the holder is not one of ours", "[redis][lock]") {
  ComponentUnderTest redis("redis", {{"url", server().url()}});
  BareRedis bare(server().port());
  bare({"SET", "_lockpython", "10fda5d8e72011f18f4f02fc00000001", "PX", "30000"});
  const auto begin = Clock::now();
  CHECK_FALSE(redis->await_unlock("python", 20s, Call()));
  CHECK(Clock::now() - begin < 15s);
}

TEST_CASE("a waiter is free when the lease of a dead holder is over", "[redis][lock]") {
  ComponentUnderTest redis("redis", {{"url", server().url()}});
  REQUIRE(redis->lock("abandoned", 200ms, Call()).has_value());
  CHECK(redis->await_unlock("abandoned", 60s, Call()));
  CHECK(redis->lock("abandoned", 1ms, Call()).has_value());
}

TEST_CASE("a waiter gives up at its limit while the lock is held", "[redis][lock]") {
  ComponentUnderTest redis("redis", {{"url", server().url()}});
  const auto token = redis->lock("long", 30s, Call());
  const auto begin = Clock::now();
  CHECK_FALSE(redis->await_unlock("long", 100ms, Call()));
  CHECK(Clock::now() - begin >= 100ms);
  CHECK(redis->unlock("long", *token, Call()));
}

TEST_CASE("waiters for different keys on one connection are told apart", "[redis][lock]") {
  ComponentUnderTest redis("redis", {{"url", server().url()}});
  const auto first = redis->lock("first", 30s, Call());
  const auto second = redis->lock("second", 30s, Call());
  std::atomic<bool> first_free{false};
  std::thread waits_for_first([&] { first_free = redis->await_unlock("first", 20s, Call()); });
  std::thread waits_for_second([&] { redis->await_unlock("second", 20s, Call()); });
  CHECK(is_listened_for("first"));
  CHECK(is_listened_for("second"));
  CHECK(redis->unlock("second", *second, Call()));
  waits_for_second.join();
  CHECK_FALSE(first_free);
  CHECK(redis->unlock("first", *first, Call()));
  waits_for_first.join();
  CHECK(first_free);
}

TEST_CASE("what lies under a lock's name and is no lock is waited for by nobody", "[redis][lock]") {
  ComponentUnderTest redis("redis", {{"url", server().url()}});
  BareRedis bare(server().port());
  const auto* const key = GENERATE("value", "list");
  const std::string name = std::string("_lock") + key;
  bare(key == std::string("list") ? std::vector<std::string>{"LPUSH", name, "x"}
                                  : std::vector<std::string>{"SET", name, "an entry"});
  CHECK_FALSE(redis->lock(key, 30s, Call()).has_value());  // it is taken, by whatever it is
  const Failure waiting = failure_of([&](Call call) { redis->await_unlock(key, 20s, call); });
  CHECK(waiting.code == Errc::rejected);
  CHECK_THAT(waiting.text, Catch::Contains(name) && Catch::Contains("lock_prefix"));
  CHECK(failure_of([&](Call call) { redis->lock(key, 30s, call); }).code == Errc::rejected);
  CHECK(redis->lock("another", 30s, Call()).has_value());
  bare({"DEL", name, "_lockanother"});
  CHECK(eventually(
      [&] { return !failure_of([&](Call call) { redis->lock(key, 30s, call); }).code; }));
}

TEST_CASE("a server that refuses to tell of unlocks is not asked again by each who waits",
          "[redis][lock]") {
  BareRedis bare(server().port());
  bare({"ACL", "SETUSER", "deaf", "on", ">secret", "~*", "+@all", "-subscribe", "resetchannels"});
  ComponentUnderTest redis("redis", {{"url", server().url()},
                                     {"username", "deaf"},
                                     {"password", "secret"},
                                     {"lock_prefix", "deaf:"}});
  const auto token = redis->lock("k", 30s, Call());
  REQUIRE(token.has_value());
  bare({"CONFIG", "RESETSTAT"});
  for (int i = 0; i < 50; ++i) CHECK_FALSE(redis->await_unlock("k", 20s, Call()));
  CHECK_THAT(bare({"INFO", "stats"}), Catch::Contains("total_connections_received:1\r\n"));
  CHECK(redis->unlock("k", *token, Call()));
  CHECK(redis->await_unlock("k", 20s, Call()));
}
