#include "catch.hpp"
#include "meanwhile.hpp"
#include "region/failed_keys.hpp"
#include "test_host.hpp"

#include <atomic>
#include <barrier>
#include <future>
#include <thread>

using namespace cairn;
using namespace std::chrono_literals;

TEST_CASE("a missing value is created once, then found", "[creation]") {
  TestHost host(plain);
  int calls = 0;
  const auto create = [&] { return ++calls; };
  CHECK(host.region().get_or_create("k", create) == 1);
  CHECK(host.region().get_or_create("k", create) == 1);
  CHECK(calls == 1);
  const auto s = host.region().statistics();
  CHECK(s.creations == 1);
  CHECK(s.hits == 1);
  CHECK(s.absent == 1);
}

TEST_CASE("an expired value is created anew by the one who finds it", "[creation]") {
  TestHost host(plain);
  int calls = 0;
  const auto create = [&] { return ++calls; };
  host.region().get_or_create("k", create);
  host.clock.advance(11s);
  CHECK(host.region().get_or_create("k", create) == 2);
  CHECK(host.region().get_or_create("k", create) == 2);
}

TEST_CASE("an expiration given to a call overrides and is not remembered", "[creation]") {
  TestHost host(plain);
  int calls = 0;
  const auto create = [&] { return ++calls; };
  host.region().get_or_create("k", create);
  host.clock.advance(11s);
  CHECK(host.region().get_or_create("k", create, {Expiration::never()}) == 1);
  CHECK(host.region().get_or_create("k", create) == 2);
  CHECK(host.region().get_or_create("k", create, {Expiration(0s)}) == 3);
}

TEST_CASE("many callers of a missing key wait for one creator and get its value", "[creation]") {
  TestHost host(plain);
  Region& region = host.region();
  Gate gate;
  std::atomic<int> calls{0};
  const auto create = [&] {
    ++calls;
    return gate(7);
  };
  std::vector<std::future<int>> callers;
  callers.push_back(
      std::async(std::launch::async, [&] { return region.get_or_create("k", create); }));
  gate.wait_for_entry();
  CHECK(region.key_is_locked("k"));
  CHECK_FALSE(region.key_is_locked("other"));
  for (int i = 0; i < 20; ++i) {
    callers.push_back(
        std::async(std::launch::async, [&] { return region.get_or_create("k", create); }));
  }
  REQUIRE(eventually([&] { return region.statistics().waits == 20; }));
  gate.open();
  for (auto& caller : callers) CHECK(caller.get() == 7);
  CHECK(calls == 1);
  CHECK_FALSE(region.key_is_locked("k"));
}

TEST_CASE("while one recreates a stale value the others get the old one at once", "[creation]") {
  TestHost host(plain);
  Region& region = host.region();
  region.set("k", 1);
  host.clock.advance(11s);
  Gate gate;
  auto creator = std::async(std::launch::async,
                            [&] { return region.get_or_create("k", [&] { return gate(2); }); });
  gate.wait_for_entry();
  CHECK(region.get_or_create("k", [] { return 99; }) == 1);
  CHECK(region.statistics().stale_served == 1);
  gate.open();
  CHECK(creator.get() == 2);
  CHECK(region.get<int>("k") == 2);
}

TEST_CASE("with serve_stale off, callers wait for the new value", "[creation]") {
  TestHost host(plain + "serve_stale = false\n");
  Region& region = host.region();
  region.set("k", 1);
  host.clock.advance(11s);
  Gate gate;
  auto creator = std::async(std::launch::async,
                            [&] { return region.get_or_create("k", [&] { return gate(2); }); });
  gate.wait_for_entry();
  auto waiter =
      std::async(std::launch::async, [&] { return region.get_or_create("k", [] { return 99; }); });
  REQUIRE(eventually([&] { return region.statistics().waits == 1; }));
  gate.open();
  CHECK(creator.get() == 2);
  CHECK(waiter.get() == 2);
}

TEST_CASE("a creator's exception comes out unchanged, and the next caller tries", "[creation]") {
  TestHost host(plain);
  struct Mine {
    int code;
  };
  const auto fails = []() -> int { throw Mine{42}; };
  try {
    host.region().get_or_create("k", fails);
    FAIL("it did not throw");
  } catch (const Mine& mine) {
    CHECK(mine.code == 42);
  }
  CHECK(host.region().get_or_create("k", [] { return 1; }) == 1);
  CHECK(host.region().statistics().creation_errors == 1);
}

TEST_CASE("waiters of a creator that throws try in turn", "[creation]") {
  TestHost host(plain);
  Region& region = host.region();
  std::promise<void> entered;
  std::promise<void> release;
  auto first = std::async(std::launch::async, [&] {
    return region.get_or_create("k", [&]() -> int {
      entered.set_value();
      release.get_future().wait();
      throw std::runtime_error("the first fails");
    });
  });
  entered.get_future().wait();
  auto second =
      std::async(std::launch::async, [&] { return region.get_or_create("k", [] { return 2; }); });
  REQUIRE(eventually([&] { return region.statistics().waits == 1; }));
  release.set_value();
  CHECK_THROWS_WITH(first.get(), "the first fails");
  CHECK(second.get() == 2);
}

TEST_CASE("with share_errors, waiters get the error of the creator that they waited for",
          "[creation]") {
  TestHost host(plain + "share_errors = true\n");
  Region& region = host.region();
  std::promise<void> entered;
  std::promise<void> release;
  auto first = std::async(std::launch::async, [&] {
    return region.get_or_create("k", [&]() -> int {
      entered.set_value();
      release.get_future().wait();
      throw std::runtime_error("the first fails");
    });
  });
  entered.get_future().wait();
  auto second =
      std::async(std::launch::async, [&] { return region.get_or_create("k", [] { return 2; }); });
  REQUIRE(eventually([&] { return region.statistics().waits == 1; }));
  release.set_value();
  CHECK_THROWS_WITH(first.get(), "the first fails");
  CHECK_THROWS_WITH(second.get(), "the first fails");
}

TEST_CASE("a value that should not be cached is returned, and handed to those who waited",
          "[creation]") {
  TestHost host(plain);
  Region& region = host.region();
  int calls = 0;
  const auto create = [&] { return ++calls; };
  const auto only_big = [](int value) { return value > 2; };
  CHECK(region.get_or_create("k", create, {}, only_big) == 1);
  CHECK_FALSE(region.get<int>("k").has_value());
  CHECK(region.get_or_create("k", create, {}, only_big) == 2);
  CHECK(region.get_or_create("k", create, {}, only_big) == 3);
  CHECK(region.get<int>("k") == 3);
}

TEST_CASE("a creator may create other keys, but not its own", "[creation]") {
  TestHost host(plain);
  Region& region = host.region();
  CHECK(region.get_or_create(
            "outer", [&] { return 1 + region.get_or_create("inner", [] { return 10; }); }) == 11);
  CHECK_THROWS_WITH(region.get_or_create(
                        "k", [&]() -> int { return region.get_or_create("k", [] { return 1; }); }),
                    Catch::Contains("the creator of key `k` asks for that very key"));
  CHECK(region.get_or_create("k", [] { return 5; }) == 5);  // nothing was left behind
}

TEST_CASE("a wait that is over ends as the policy says", "[creation]") {
  const std::string config = plain + "lock_wait = \"20ms\"\n";
  const auto scene = [&](const std::string& toml, auto check) {
    TestHost host(toml);
    Region& region = host.region();
    Gate gate;
    auto creator = std::async(std::launch::async,
                              [&] { return region.get_or_create("k", [&] { return gate(1); }); });
    gate.wait_for_entry();
    check(region);
    CHECK(region.statistics().wait_timeouts == 1);
    gate.open();
    CHECK(creator.get() == 1);
  };
  SECTION("create: without the lock") {
    scene(config, [](Region& region) { CHECK(region.get_or_create("k", [] { return 2; }) == 2); });
  }
  SECTION("error") {
    scene(config + "on_lock_timeout = \"error\"\n", [](Region& region) {
      CHECK_THROWS_WITH(region.get_or_create("k", [] { return 2; }),
                        Catch::Contains("waited 20 ms for the value of key `k`"));
    });
  }
  SECTION("stale, without an old value: error") {
    scene(config + "on_lock_timeout = \"stale\"\n", [](Region& region) {
      CHECK_THROWS_AS(region.get_or_create("k", [] { return 2; }), Error);
    });
  }
}

TEST_CASE("a wait that is over may end with the old value", "[creation]") {
  TestHost host(plain + "serve_stale = false\nlock_wait = \"20ms\"\non_lock_timeout = \"stale\"\n");
  Region& region = host.region();
  region.set("k", 1);
  host.clock.advance(11s);
  Gate gate;
  auto creator = std::async(std::launch::async,
                            [&] { return region.get_or_create("k", [&] { return gate(2); }); });
  gate.wait_for_entry();
  CHECK(region.get_or_create("k", [] { return 3; }) == 1);
  gate.open();
  CHECK(creator.get() == 2);
}

TEST_CASE("a detached creator runs in the background while its caller has the old value",
          "[creation]") {
  TestHost host(plain + "background = true\n");
  Region& region = host.region();
  CHECK(region.get_or_create("k", detached([] { return 1; })) == 1);  // the first is made here
  host.clock.advance(11s);
  auto opened = std::make_shared<std::promise<void>>();
  std::shared_future<void> open = opened->get_future().share();
  CHECK(region.get_or_create("k", detached([open] {
                               open.wait();
                               return 2;
                             })) == 1);
  CHECK(region.key_is_locked("k"));
  opened->set_value();
  REQUIRE(eventually([&] { return !region.key_is_locked("k"); }));
  CHECK(region.get<int>("k") == 2);
  CHECK(region.statistics().refreshes == 1);
  // One that is not detached is run by its caller, background or not.
  host.clock.advance(11s);
  CHECK(region.get_or_create("k", [] { return 3; }) == 3);
}

TEST_CASE("a background creator that fails is logged, and not tried again at once", "[creation]") {
  TestHost host(plain + "background = true\n");
  Region& region = host.region();
  region.set("k", 1);
  host.clock.advance(11s);
  auto calls = std::make_shared<std::atomic<int>>(0);
  const auto fails = detached([calls]() -> int {
    ++*calls;
    throw std::runtime_error("no database");
  });
  const auto began = std::chrono::steady_clock::now();
  CHECK(region.get_or_create("k", fails) == 1);
  REQUIRE(eventually([&] { return !region.key_is_locked("k"); }));
  for (int i = 0; i < 10; ++i) CHECK(region.get_or_create("k", fails) == 1);
  REQUIRE(eventually([&] { return !region.key_is_locked("k"); }));
  CHECK(*calls <= 1 + (std::chrono::steady_clock::now() - began) / hosting::FailedKeys::shortest);
  REQUIRE(eventually([&] { return !host.log().empty(); }));
  CHECK_THAT(host.log().front(), Catch::Contains("failed in the background: no database"));
  CHECK(region.statistics().creation_errors == static_cast<std::uint64_t>(*calls));
}

TEST_CASE("a runner of the program's own recreates stale values", "[creation]") {
  TestHost host(plain);
  Region& region = host.region();
  std::vector<std::pair<std::string, BackgroundJob>> jobs;
  region.set_background_runner(
      [&](std::string_view key, BackgroundJob job) { jobs.emplace_back(key, std::move(job)); });
  CHECK(region.get_or_create("k", detached([] { return 1; })) == 1);
  CHECK(jobs.empty());  // a first creation is never put off
  host.clock.advance(11s);
  CHECK(region.get_or_create("k", detached([] { return 2; })) == 1);
  CHECK(region.get_or_create("k", detached([] { return 3; })) == 1);
  REQUIRE(jobs.size() == 1);  // the key is locked until the job has run
  CHECK(jobs[0].first == "k");
  CHECK(region.key_is_locked("k"));
  std::thread(jobs[0].second).join();  // on any thread
  CHECK(region.get_or_create("k", detached([] { return 4; })) == 2);

  host.clock.advance(11s);
  CHECK(region.get_or_create("k", detached([] { return 5; })) == 2);
  jobs.clear();  // a job that is dropped gives the key back
  CHECK_FALSE(region.key_is_locked("k"));
}

TEST_CASE("stale_on_error serves the old value while the creator fails, up to its age",
          "[creation]") {
  TestHost host(plain + "stale_on_error = \"1m\"\n");
  Region& region = host.region();
  region.set("k", 1);
  const auto fails = []() -> int { throw std::runtime_error("down"); };
  host.clock.advance(11s);
  CHECK(region.get_or_create("k", fails) == 1);
  host.clock.advance(58s);
  CHECK(region.get_or_create("k", fails) == 1);
  host.clock.advance(2s);
  CHECK_THROWS_WITH(region.get_or_create("k", fails), "down");
  CHECK(region.get_or_create("k", [] { return 2; }) == 2);
}

TEST_CASE("finding nothing is remembered for negative_ttl", "[creation]") {
  TestHost host(plain + "negative_ttl = \"2s\"\n");
  Region& region = host.region();
  int calls = 0;
  const auto find = [&]() -> std::optional<int> {
    ++calls;
    return std::nullopt;
  };
  CHECK(region.get_or_create("k", find) == std::nullopt);
  host.clock.advance(1s);
  CHECK(region.get_or_create("k", find) == std::nullopt);
  CHECK(calls == 1);
  host.clock.advance(2s);
  CHECK(region.get_or_create("k", find) == std::nullopt);
  CHECK(calls == 2);
  region.set("found", std::optional<int>(5));
  host.clock.advance(9s);
  CHECK(region.get_or_create("found", find) == 5);
}

TEST_CASE("jitter lets values expire early, never late, and the same for every look",
          "[creation]") {
  TestHost host(plain + "jitter = \"50%\"\n");
  Region& region = host.region();
  for (int i = 0; i < 200; ++i) region.set("k" + std::to_string(i), i);
  const auto fresh = [&] {
    int n = 0;
    for (int i = 0; i < 200; ++i) n += region.get<int>("k" + std::to_string(i)).has_value() ? 1 : 0;
    return n;
  };
  host.clock.advance(5s);
  CHECK(fresh() == 200);
  host.clock.advance(2500ms);
  const int middle = fresh();
  CHECK(middle > 50);
  CHECK(middle < 150);
  CHECK(fresh() == middle);
  host.clock.advance(2600ms);
  CHECK(fresh() == 0);
}

TEST_CASE("refresh_at has one caller renew a value that is still good", "[creation]") {
  TestHost host(plain + "refresh_at = \"80%\"\n");
  Region& region = host.region();
  region.set("k", 1);
  host.clock.advance(7s);
  CHECK(region.get_or_create("k", [] { return 2; }) == 1);
  host.clock.advance(2s);
  CHECK(region.get_or_create("k", [] { return 2; }) == 2);
  CHECK(region.statistics().refreshes == 1);
  host.clock.advance(9s);
  CHECK(region.get_or_create("k", []() -> int { throw 1; }) ==
        2);  // a failure costs nobody anything
}

TEST_CASE("a value of another version is created anew by get_or_create, and found by get",
          "[creation]") {
  TestHost host(plain + "[region.new]\nbackend = \"memory\"\nvalue_version = 3\n");
  Entry old = Entry::copy("old");
  host.region().set("k", "old");
  RegionConfig config = host->config_of("r");
  config.policy.value_version = 3;
  // The same store with another version in the rules.
  TestHost shared(R"(
[backend.b]
plugin = "memory"
[region.r]
backend = "b"
[region.new]
backend = "b"
value_version = 3
)");
  shared.region().set("k", std::string("old"));
  CHECK(shared.region("new").get<std::string>("k") == "old");
  CHECK(shared.region("new").get_or_create("k", [] { return std::string("new"); }) == "new");
  CHECK(shared.region("new").statistics().other_version == 1);
}

TEST_CASE("null is a region without a cache: creators run every time", "[creation]") {
  TestHost host("[region.r]\nbackend = \"null\"\n");
  int calls = 0;
  CHECK(host.region().get_or_create("k", [&] { return ++calls; }) == 1);
  CHECK(host.region().get_or_create("k", [&] { return ++calls; }) == 2);
}

TEST_CASE("get_or_create_shared hands out the stored object itself", "[creation]") {
  TestHost host(plain);
  const auto a = host.region().get_or_create_shared("k", [] { return std::vector<int>{1, 2}; });
  const auto b = host.region().get_shared<std::vector<int>>("k");
  CHECK(a.get() == b.get());
}
