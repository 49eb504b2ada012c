#include "catch.hpp"
#include "meanwhile.hpp"
#include "memcached_under_test.hpp"
#include "yardstick.hpp"

#include <thread>

using namespace cairn;
using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

TEST_CASE("a lock is the item _lock<key>, and only its token frees or renews it", "[memcached]") {
  const auto protocol = GENERATE("ascii", "binary");
  const auto compatible = GENERATE("none", "bmemcached");
  Servers servers(1);
  Bystander bystander(servers[0]);
  ComponentUnderTest memcached(
      "memcached",
      {{"servers", servers.list()}, {"protocol", protocol}, {"compatible_with", compatible}});
  const auto token = memcached->lock("k", 30s, Call());
  REQUIRE(token.has_value());
  CHECK(bystander.get("_lockk").has_value());
  CHECK_FALSE(bystander.add("_lockk", "1"));
  CHECK_FALSE(memcached->lock("k", 30s, Call()).has_value());
  CHECK(memcached->lock("another", 0s, Call()).has_value());

  CHECK_FALSE(memcached->unlock("k", *token + 1, Call()));
  CHECK_FALSE(memcached->renew("k", *token + 1, 30s, Call()));
  CHECK(memcached->renew("k", *token, 60s, Call()));
  CHECK_FALSE(memcached->await_unlock("k", 0ns, Call()));
  bool released = false;
  std::thread([&] { released = memcached->unlock("k", *token, Call()); }).join();
  CHECK(released);
  CHECK_FALSE(bystander.get("_lockk").has_value());
  CHECK(memcached->await_unlock("k", 0ns, Call()));
  CHECK_FALSE(memcached->unlock("k", *token, Call()));
  CHECK_FALSE(memcached->renew("k", *token, 30s, Call()));
  CHECK(memcached->lock("k", 30s, Call()).has_value());
}

TEST_CASE("a holder that is late does not take the next holder's lock away", "[memcached]") {
  Servers servers(1);
  Bystander bystander(servers[0]);
  ComponentUnderTest memcached("memcached", {{"servers", servers.list()}});
  const auto late = memcached->lock("k", 30s, Call());
  REQUIRE(bystander.remove("_lockk"));    // as if its lease were over
  REQUIRE(bystander.add("_lockk", "1"));  // and Python has it
  CHECK_FALSE(memcached->unlock("k", *late, Call()));
  CHECK_FALSE(memcached->renew("k", *late, 30s, Call()));
  CHECK(bystander.get("_lockk") == Bystander::Item{"1", 0});
  CHECK_FALSE(memcached->lock("k", 30s, Call()).has_value());
}

TEST_CASE("a lease ends by itself", "[memcached]") {
  Servers servers(1);
  ComponentUnderTest memcached("memcached", {{"servers", servers.list()}});
  const auto before = Clock::now();
  REQUIRE(memcached->lock("k", 500ms, Call()).has_value());
  CHECK_FALSE(memcached->lock("k", 500ms, Call()).has_value());
  CHECK(memcached->await_unlock("k", 60s, Call()));
  CHECK(Clock::now() - before >= 500ms);  // never early
  CHECK(memcached->lock("k", 500ms, Call()).has_value());
}

TEST_CASE("a lease and a wait may be as long as can be said", "[memcached]") {
  Servers servers(1);
  ComponentUnderTest memcached("memcached", {{"servers", servers.list()}});
  constexpr auto longest = std::chrono::nanoseconds::max();
  const auto token = memcached->lock("k", longest, Call());
  REQUIRE(token.has_value());
  CHECK_FALSE(memcached->lock("k", longest, Call()).has_value());
  CHECK(memcached->renew("k", *token, longest, Call()));
  CHECK_FALSE(memcached->lock("k", longest, Call()).has_value());

  bool free = false;
  std::thread waiter([&] { free = memcached->await_unlock("k", longest, Call()); });
  std::this_thread::sleep_for(20ms);  // either order is right; this one is of interest
  CHECK(memcached->unlock("k", *token, Call()));
  waiter.join();
  CHECK(free);
}

TEST_CASE("a waiter sees the release within 5 ms", "[memcached]") {
  Servers servers(1, PrivateMemcached::On::unix_socket);
  ComponentUnderTest memcached("memcached", {{"servers", servers.list()}});
  std::vector<std::chrono::nanoseconds> late;
  Yardstick yardstick;
  for (int round = 0; round < 9; ++round) {
    yardstick.wake();
    const auto token = memcached->lock("k", 30s, Call());
    REQUIRE(token.has_value());
    Clock::time_point woke;
    bool free = false;
    std::thread waiter([&] {
      free = memcached->await_unlock("k", 60s, Call());
      woke = Clock::now();
    });
    std::this_thread::sleep_for(60ms);  // until it looks at the longest intervals
    const auto released = Clock::now();
    CHECK(memcached->unlock("k", *token, Call()));
    waiter.join();
    CHECK(free);
    late.push_back(woke - released);
  }
  // The waiter's own sleep ends late, then the server is woken, and the waiter by its answer.
  CHECK(median(late) < 9ms + 5 * yardstick.median());
}

TEST_CASE("waiting for a lock ends with the wait, or with the deadline of the call",
          "[memcached]") {
  Servers servers(1);
  ComponentUnderTest memcached("memcached", {{"servers", servers.list()}});
  REQUIRE(memcached->lock("k", 30s, Call()).has_value());
  const auto before = Clock::now();
  CHECK_FALSE(memcached->await_unlock("k", 30ms, Call()));
  CHECK(Clock::now() - before >= 30ms);
  TextCall call;
  call.raw.deadline_ns = (Clock::now() + 20ms).time_since_epoch() / 1ns;
  CHECK_FALSE(memcached->await_unlock("k", 60s, call));
  CHECK(Clock::now() - before < 5s);
}

TEST_CASE("a call whose deadline has passed sends nothing, and costs no connection",
          "[memcached]") {
  Servers servers(1);
  Bystander bystander(servers[0]);
  ComponentUnderTest memcached("memcached", {{"servers", servers.list()}});
  memcached->set("k", Entry::borrow("v"), {}, Call());
  CHECK(eventually([&] { return bystander.connections_of_others() == 1; }));
  TextCall late;
  late.raw.deadline_ns = (Clock::now() - 1ms).time_since_epoch() / 1ns;
  CHECK_THAT(error_of([&] { memcached->get("k", late); }), Catch::StartsWith("timeout"));
  CHECK_THAT(error_of([&] { memcached->set("k", Entry::borrow("w"), {}, late); }),
             Catch::StartsWith("timeout"));
  CHECK_THAT(error_of([&] { memcached->remove("k", late); }), Catch::StartsWith("timeout"));
  CHECK_THAT(error_of([&] { memcached->lock("k", 30s, late); }), Catch::StartsWith("timeout"));
  CHECK_FALSE(memcached->await_unlock("k", 30s, late));
  const Key keys[] = {"k", "l"};
  const Entry entries[] = {Entry::borrow("w"), Entry::borrow("w")};
  cairn_status statuses[2] = {CAIRN_OK, CAIRN_OK};
  memcached->set_multi(keys, entries, {}, Statuses(statuses, 2), late);
  CHECK(statuses[0] == CAIRN_TIMEOUT);
  CHECK(statuses[1] == CAIRN_TIMEOUT);
  CHECK(text_of(memcached->get("k", Call())) == "v");
  CHECK(memcached->lock("k", 30s, Call()).has_value());
  CHECK(bystander.connections_of_others() == 1);
  CHECK(memcached->stats(Call()).root()["servers_down"].int_value() == 0);
}
