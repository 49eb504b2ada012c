#include "catch.hpp"
#include "meanwhile.hpp"
#include "test_host.hpp"

#include <atomic>
#include <future>
#include <thread>

using namespace cairn;
using namespace std::chrono_literals;

namespace {

const std::string one_on_b = "[backend.b]\nplugin = \"memory\"\n[region.r]\nbackend = \"b\"\n";

// Regions `one` and `two` with the same keys, which stand for two processes on one store: both keep their
// stamps there.
std::string two_processes(const std::string& keys = "") {
  std::string toml = "[backend.b]\nplugin = \"memory\"\n";
  for (const char* name : {"one", "two"}) {
    toml +=
        "[region." + std::string(name) + "]\nbackend = \"b\"\ninvalidation = \"store\"\n" + keys;
  }
  return toml;
}

}  // namespace

TEST_CASE("a hard invalidation makes every older value a miss", "[invalidation]") {
  TestHost host(plain);
  Region& region = host.region();
  region.set("k", 1);
  region.invalidate();
  CHECK_FALSE(region.get<int>("k").has_value());
  CHECK(region.get<int>("k", {.ignore_expiration = true}) == 1);
  int calls = 0;
  CHECK(region.get_or_create("k", [&] { return ++calls + 1; }) == 2);
  CHECK(region.get_or_create("k", [&] { return ++calls + 1; }) == 2);
  CHECK(calls == 1);
  CHECK(region.get_multi<int>({"k"}) == std::vector<std::optional<int>>{2});
}

TEST_CASE("what is stored right after an invalidation is good, even if the clock stands still",
          "[invalidation]") {
  TestHost host(plain);
  host.region().invalidate();
  host.region().set("k", 1);
  CHECK(host.region().get<int>("k") == 1);
  host.region().invalidate();
  CHECK_FALSE(host.region().get<int>("k").has_value());
}

TEST_CASE("an invalidation comes after what was stored before the clock went back",
          "[invalidation]") {
  TestHost host(plain);
  Region& region = host.region();
  const auto kind = GENERATE(Invalidation::hard, Invalidation::soft);
  region.set("k", 1);
  host.clock.advance(GENERATE(-1ns, -30s, -9min));
  region.set("other", 1);
  region.invalidate(kind);
  CHECK_FALSE(region.get<int>("k").has_value());
  CHECK_FALSE(region.get<int>("other").has_value());
}

TEST_CASE("what is made after an invalidation is good, although the clock has gone back since",
          "[invalidation]") {
  TestHost host(plain);
  Region& region = host.region();
  const auto kind = GENERATE(Invalidation::hard, Invalidation::soft);
  region.set("old", 1);
  region.invalidate(kind);
  host.clock.advance(GENERATE(-1ns, -30s, -9min));
  CHECK_FALSE(region.get<int>("old").has_value());
  region.set("k", 1);
  CHECK(region.get<int>("k") == 1);
  int calls = 0;
  for (int i = 0; i < 3; ++i) CHECK(region.get_or_create("made", [&] { return ++calls; }) == 1);
  for (int i = 0; i < 3; ++i) {
    region.get_or_create_multi({"a", "b"}, [&](std::span<const std::string_view> keys) {
      ++calls;
      return std::vector<int>(keys.size());
    });
  }
  CHECK(calls == 2);
  region.invalidate(kind);
  CHECK_FALSE(region.get<int>("k").has_value());
}

TEST_CASE("a clock that was wrong by far does not keep values young", "[invalidation]") {
  TestHost host(plain);
  Region& region = host.region();
  host.clock.advance(24h);
  region.set("k", 1);
  region.invalidate();
  host.clock.advance(-24h);
  region.set("k", 1);
  CHECK(region.metadata("k")->age == 0s);
}

TEST_CASE("after a hard invalidation callers wait for the new value", "[invalidation]") {
  TestHost host(plain);
  Region& region = host.region();
  region.set("k", 1);
  region.invalidate(Invalidation::hard);
  std::promise<void> entered;
  std::promise<void> opened;
  auto creator = std::async(std::launch::async, [&] {
    return region.get_or_create("k", [&] {
      entered.set_value();
      opened.get_future().wait();
      return 2;
    });
  });
  entered.get_future().wait();
  auto waiter =
      std::async(std::launch::async, [&] { return region.get_or_create("k", [] { return 3; }); });
  CHECK(eventually([&] { return region.statistics().waits == 1; }));
  opened.set_value();
  CHECK(creator.get() == 2);
  CHECK(waiter.get() == 2);
}

TEST_CASE("after a soft invalidation get misses, and get_or_create serves the old value meanwhile",
          "[invalidation]") {
  TestHost host(plain);
  Region& region = host.region();
  region.set("k", 1);
  region.invalidate(Invalidation::soft);
  CHECK_FALSE(region.get<int>("k").has_value());
  std::promise<void> entered;
  std::promise<void> opened;
  auto creator = std::async(std::launch::async, [&] {
    return region.get_or_create("k", [&] {
      entered.set_value();
      opened.get_future().wait();
      return 2;
    });
  });
  entered.get_future().wait();
  CHECK(region.get_or_create("k", [] { return 3; }) == 1);
  opened.set_value();
  CHECK(creator.get() == 2);
  CHECK(region.get_or_create("k", [] { return 3; }) == 2);
}

TEST_CASE("a soft invalidation works without an expiration too", "[invalidation]") {
  TestHost host("[region.r]\nbackend = \"memory\"\n");
  host.region().set("k", 1);
  host.region().invalidate(Invalidation::soft);
  CHECK(host.region().get_or_create("k", [] { return 2; }) == 2);
  CHECK(host.region().get_or_create("k", [] { return 3; }) == 2);
}

TEST_CASE("a soft invalidation does not bring back what a hard one buried", "[invalidation]") {
  TestHost host(plain + "stale_on_error = \"1h\"\n");
  Region& region = host.region();
  region.set("k", 1);
  region.invalidate(Invalidation::hard);
  region.invalidate(Invalidation::soft);
  // A stale value would be served for the creator's error; a buried one is not.
  CHECK_THROWS_WITH(region.get_or_create("k", []() -> int { throw std::runtime_error("no"); }),
                    "no");
}

TEST_CASE("a value whose creation began before an invalidation does not survive it",
          "[invalidation]") {
  TestHost host(plain);
  Region& region = host.region();
  CHECK(region.get_or_create("k", [&] {
    region.invalidate();
    host.clock.advance(1s);
    return 1;
  }) == 1);  // who asked gets it
  CHECK_FALSE(region.get<int>("k").has_value());
  CHECK(region.get_or_create("k", [] { return 2; }) == 2);
}

TEST_CASE("invalidation is a region's own", "[invalidation]") {
  TestHost host(plain + "[region.other]\nbackend = \"memory\"\n");
  host.region("other").set("k", 1);
  host.region().invalidate();
  CHECK(host.region("other").get<int>("k") == 1);
}

TEST_CASE("stamps kept in the store reach every region on it within the delay", "[invalidation]") {
  TestHost host(two_processes("invalidation_delay = \"20ms\"\n"));
  Region& one = host.region("one");
  Region& two = host.region("two");
  one.set("k", 1);
  CHECK(two.get<int>("k") == 1);
  one.invalidate();
  CHECK_FALSE(one.get<int>("k").has_value());
  REQUIRE(eventually([&] { return !two.get<int>("k").has_value(); }));
  host.clock.advance(1ms);  // between processes, only the clock tells before from after
  two.set("k", 2);
  CHECK(one.get<int>("k") == 2);
  two.invalidate(Invalidation::soft);
  CHECK(two.get_or_create("k", [] { return 3; }) == 3);
}

TEST_CASE(
    "what is made after an invalidation is good where the clock is behind that of who invalidated",
    "[invalidation]") {
  TestHost host(two_processes());
  Region& ahead = host.region("one");
  Region& behind = host.region("two");
  host.clock.advance(20s);
  ahead.set("k", 1);
  ahead.invalidate();
  host.clock.advance(-20s);
  // The first that it does: it learns of the invalidation in time.
  int calls = 0;
  for (int i = 0; i < 3; ++i) CHECK(behind.get_or_create("k", [&] { return ++calls + 1; }) == 2);
  CHECK(ahead.get<int>("k") == 2);
  behind.set("other", 3);
  CHECK(ahead.get<int>("other") == 3);
}

TEST_CASE(
    "what was begun before an invalidation of another process is void, however seldom one asks",
    "[invalidation]") {
  TestHost host(two_processes("invalidation_delay = \"1h\"\n"));
  Region& one = host.region("one");
  Region& two = host.region("two");
  two.set("asked", 1);
  CHECK(two.get<int>("asked") == 1);  // now it will not ask again for an hour
  const auto invalidate = [&] {
    host.clock.advance(1s);
    one.invalidate();
    host.clock.advance(1s);
  };
  const auto make = [&] {
    invalidate();
    return 1;
  };
  two.get_or_create("k", make);
  CHECK_FALSE(one.get<int>("k").has_value());
  two.get_or_create_multi({"a", "b"}, [&](Names names) {
    invalidate();
    return std::vector<int>(names.size());
  });
  CHECK_FALSE(one.get<int>("a").has_value());
  auto function = two.cached("f", [&](int) { return make(); });
  function.refresh(1);
  CHECK_FALSE(one.get<int>(function.key(1)).has_value());
  CHECK(two.get_or_create("k", [] { return 2; }) == 2);
  CHECK(one.get<int>("k") == 2);
}

TEST_CASE("a strategy of the program's own sees every key", "[invalidation]") {
  struct OnlyUsers final : InvalidationStrategy {
    void invalidate(Invalidation, Time) override { voided = true; }
    Invalidation check(std::string_view key, Time) const override {
      return voided && key.substr(0, 5) == "user:" ? Invalidation::hard : Invalidation::none;
    }
    std::atomic<bool> voided{false};
  };
  TestHost host(plain);
  Region& region = host.region();
  region.set_invalidation(std::make_shared<OnlyUsers>());
  region.set("user:1", 1);
  region.set("item:1", 1);
  region.invalidate();
  CHECK_FALSE(region.get<int>("user:1").has_value());
  CHECK(region.get<int>("item:1") == 1);
}

TEST_CASE("what was void stays void when a region keeps its invalidations elsewhere",
          "[invalidation][replacing]") {
  const bool in_store_first = GENERATE(true, false);
  TestHost host(one_on_b + (in_store_first ? "invalidation = \"store\"\n" : ""));
  Region& region = host.region();
  region.set("hard", 1);
  host.clock.advance(1s);
  region.invalidate();
  region.set("soft", 1);
  host.clock.advance(1s);
  region.invalidate(Invalidation::soft);
  region.set("new", 1);
  for (int round = 0; round < 3; ++round) {
    RegionConfig config = host->config_of("r");
    const bool in_store = config.policy.invalidation == InvalidationPlace::store;
    config.policy.invalidation = in_store ? InvalidationPlace::local : InvalidationPlace::store;
    host->replace(config);
    CHECK_FALSE(region.get<int>("hard").has_value());
    CHECK_FALSE(region.get<int>("soft").has_value());
    CHECK(region.get_or_create("soft", [&]() -> int {
      CHECK(region.get_or_create("new", [] { return 2; }) == 1);
      return 3;
    }) == 3);
    region.invalidate(Invalidation::soft);
    CHECK_FALSE(region.get<int>("soft").has_value());
    region.set("new", 1);
  }
}

TEST_CASE("a region that keeps invalidations in the process does not ask the store for them",
          "[invalidation][replacing]") {
  TestHost host("[region.r]\nbackend = \"memory\"\ninvalidation = \"store\"\n");
  Region& region = host.region();
  region.invalidate();
  RegionConfig config = host->config_of("r");
  config.policy.invalidation = InvalidationPlace::local;
  host->replace(config);
  region.invalidate();
  CHECK_FALSE(region.get_entry("cairn:invalidated", {.ignore_expiration = true}).has_value());
}

TEST_CASE("a strategy and a mangler of the program's own stay when the region is replaced",
          "[invalidation][replacing]") {
  struct Never final : InvalidationStrategy {
    void invalidate(Invalidation, Time) override {}
    Invalidation check(std::string_view, Time) const override { return Invalidation::none; }
  };
  TestHost host(one_on_b + "[region.plain]\nbackend = \"b\"\n");
  Region& region = host.region();
  region.set_invalidation(std::make_shared<Never>());
  region.set_key_mangler([](std::string_view key) { return "own:" + std::string(key); });
  RegionConfig config = host->config_of("r");
  config.policy.invalidation = InvalidationPlace::store;
  config.policy.key_mangler.kind = KeyMangler::Kind::sha1;
  host->replace(config);
  region.set("k", 1);
  host.clock.advance(1s);
  region.invalidate();
  CHECK(region.get<int>("k") == 1);
  CHECK(host.region("plain").get<int>("own:k") == 1);
  host->wrap("r", {"prefix", {{"prefix", "p:"}}});
  region.set("k", 2);
  CHECK(host.region("plain").get<int>("p:own:k") == 2);
  region.set_key_mangler({});
  region.set("k", 3);  // as configured
  CHECK(host.region("plain").get<int>("p:13fbd79c3d390e5d6585a21e11ff5ec1970cff0c") == 3);
}

TEST_CASE("invalidations are in force from their return on, also while a region is replaced",
          "[invalidation][replacing]") {
  TestHost host(one_on_b);
  Region& region = host.region();
  std::atomic<bool> done{false};
  std::atomic<int> survived{0}, replaced{0};
  std::thread invalidates([&] {
    for (int i = 0; i < 300 || replaced < 20; ++i) {
      region.set("k", i);
      region.invalidate();
      if (region.get<int>("k").has_value()) ++survived;
    }
    done = true;
  });
  while (!done) {
    RegionConfig config = host->config_of("r");
    const bool in_store = config.policy.invalidation == InvalidationPlace::store;
    config.policy.invalidation = in_store ? InvalidationPlace::local : InvalidationPlace::store;
    host->replace(config);
    ++replaced;
  }
  invalidates.join();
  CHECK(survived == 0);
}

TEST_CASE("the longest delay of stamps in the store is a delay", "[invalidation]") {
  TestHost host(two_processes("invalidation_delay = \"106751d\"\n"));
  Region& asks = host.region("one");
  asks.set("k", 1);
  CHECK(asks.get<int>("k") == 1);
  host.clock.advance(1s);
  host.region("two").invalidate();
  for (int i = 0; i < 3; ++i) CHECK(asks.get<int>("k") == 1);
}
