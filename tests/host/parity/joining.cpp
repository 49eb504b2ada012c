// Callers who wait for a value that somebody else makes, while the region changes under them.
#include "catch.hpp"
#include "meanwhile.hpp"
#include "test_host.hpp"

#include <atomic>
#include <future>
#include <thread>

using namespace cairn;
using namespace std::chrono_literals;

namespace {

// A caller whose creator stops in the middle until it is let go.
struct SlowCaller {
  SlowCaller(Region& region, const std::string& key, int value)
      : result(std::async(std::launch::async, [this, &region, key, value] {
          return region.get_or_create(key, [this, value] { return gate(value); });
        })) {
    gate.wait_for_entry();
  }
  int finish() {
    gate.open();
    return result.get();
  }
  Gate gate;
  std::future<int> result;
};

}  // namespace

TEST_CASE("who asks after a hard invalidation is not given what was begun before it",
          "[parity][creation]") {
  TestHost host(plain);
  Region& region = host.region();
  SlowCaller first(region, "k", 1);
  region.invalidate(Invalidation::hard);
  auto second =
      std::async(std::launch::async, [&] { return region.get_or_create("k", [] { return 2; }); });
  auto many = std::async(std::launch::async, [&] {
    return region.get_or_create_multi({"k"}, [](auto) { return std::vector<int>{3}; }).front();
  });
  REQUIRE(eventually([&] { return region.statistics().waits == 2; }));
  CHECK(first.finish() == 1);
  const int given = second.get();
  CHECK((given == 2 || given == 3));
  CHECK(many.get() == given);  // the one waited for the other
  CHECK(region.get<int>("k") == given);
}

TEST_CASE("a creation that ends while an invalidation is on its way does not survive it",
          "[parity][creation]") {
  // Ends a creation after the stamp of an invalidation was taken, and before it is in force.
  class Interrupted final : public InvalidationStrategy {
   public:
    explicit Interrupted(std::function<void()> in_between) : in_between_(std::move(in_between)) {}
    void invalidate(Invalidation kind, Time when) override {
      in_between_();
      stamps_.invalidate(kind, when);
    }
    Invalidation check(std::string_view key, Time created) const override {
      return stamps_.check(key, created);
    }

   private:
    std::function<void()> in_between_;
    LocalInvalidation stamps_;
  };
  TestHost host(plain);
  Region& region = host.region();
  SlowCaller first(region, "k", 1);
  region.set_invalidation(std::make_shared<Interrupted>([&] { CHECK(first.finish() == 1); }));
  region.invalidate(Invalidation::hard);
  CHECK(region.get<int>("k") == std::nullopt);
  CHECK(region.get_or_create("k", [] { return 2; }) == 2);
}

TEST_CASE("who waits across a soft invalidation may have the value, if old values may be served",
          "[parity][creation]") {
  const auto given = [](const std::string& toml) {
    TestHost host(toml);
    Region& region = host.region();
    SlowCaller first(region, "k", 1);
    region.invalidate(Invalidation::soft);
    auto second =
        std::async(std::launch::async, [&] { return region.get_or_create("k", [] { return 2; }); });
    REQUIRE(eventually([&] { return region.statistics().waits == 1; }));
    first.finish();
    return second.get();
  };
  CHECK(given(plain) == 1);
  CHECK(given(plain + "serve_stale = false\n") == 2);
}

TEST_CASE("a stack that is replaced while somebody creates loses neither creator nor waiters",
          "[parity][creation]") {
  TestHost host(plain);
  Region& region = host.region();
  SlowCaller first(region, "k", 1);
  auto second =
      std::async(std::launch::async, [&] { return region.get_or_create("k", [] { return 2; }); });
  REQUIRE(eventually([&] { return region.statistics().waits == 1; }));
  const auto before = host->stack_of("r");
  host->replace(host->config_of("r"));
  CHECK(host->stack_of("r") != before);
  // Who comes now waits for the same creator: replacing does not start a second one.
  CHECK(region.key_is_locked("k"));
  CHECK(first.finish() == 1);
  CHECK(second.get() == 1);
  CHECK(region.get<int>("k") == std::nullopt);  // it went into the stack that it was made for
  CHECK(region.get_or_create("k", [] { return 3; }) == 3);
}

TEST_CASE("a runner that throws is heard by the caller, and the key is given back",
          "[parity][creation]") {
  TestHost host(plain);
  Region& region = host.region();
  region.set("k", 1);
  host.clock.advance(11s);
  region.set_background_runner(
      [](std::string_view, BackgroundJob) { throw std::logic_error("no thread"); });
  CHECK_THROWS_WITH(region.get_or_create("k", detached([] { return 2; })), "no thread");
  CHECK_FALSE(region.key_is_locked("k"));
  region.set_background_runner({});
  CHECK(region.get_or_create("k", detached([] { return 2; })) == 2);
}

TEST_CASE("one who creates a stale value does not read it again", "[parity][creation]") {
  TestHost host(plain);
  Region& region = host.region();
  region.set("k", 1);
  host.clock.advance(11s);
  CHECK(region.get_or_create("k", [] { return 2; }) == 2);
  const RegionStatistics s = region.statistics();
  CHECK(s.expired == 1);  // each look is counted
  CHECK(s.hits + s.absent == 0);
}

TEST_CASE("a value removed between two looks is created, not missed", "[parity][creation]") {
  TestHost host(plain);
  Region& region = host.region();
  SlowCaller first(region, "k", 1);
  auto second = std::async(std::launch::async, [&] {
    return region.get_or_create("k", [] { return std::string("another type"); });
  });
  REQUIRE(eventually([&] { return region.statistics().waits == 1; }));
  first.finish();
  CHECK(second.get() == "another type");  // what it was handed is no text: it looked for itself
}

TEST_CASE("asking whether a key is locked does not lock it, and asks about the key that is stored",
          "[parity]") {
  TestHost host(plain + "key_mangler = \"sha1\"\n");
  Region& region = host.region();
  CHECK_FALSE(region.key_is_locked("k"));
  CHECK_FALSE(region.key_is_locked("k"));
  SlowCaller first(region, "k", 1);
  CHECK(region.key_is_locked("k"));
  first.finish();
  CHECK_FALSE(region.key_is_locked("k"));
}
