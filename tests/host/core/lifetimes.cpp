// What a hit asks first, "is it surely fresh?", against all that the rules say.
#include "catch.hpp"
#include "region/freshness.hpp"
#include "stack/stack.hpp"

#include <cairn/cairn.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <random>
#include <string>

using namespace cairn;
using namespace cairn::hosting;
using namespace std::chrono_literals;

namespace {

std::int64_t some_age(std::mt19937_64& random) {
  const int digits = std::uniform_int_distribution<int>(0, 18)(random);
  std::int64_t most = 1;
  for (int i = 0; i < digits; ++i) most *= 10;
  return std::uniform_int_distribution<std::int64_t>(0, most)(random);
}

}  // namespace

TEST_CASE("what is surely fresh is fresh and not due, whatever its key, kind and jitter",
          "[freshness]") {
  std::mt19937_64 random(1);
  const auto one_in_three = [&] { return random() % 3 == 0; };
  for (int i = 0; i < 200'000; ++i) {
    RegionPolicy policy;
    if (!one_in_three()) policy.expiration_time = std::chrono::nanoseconds(some_age(random));
    if (one_in_three()) policy.negative_ttl = std::chrono::nanoseconds(some_age(random));
    if (one_in_three()) policy.jitter = std::uniform_real_distribution<double>(0, 1)(random);
    if (one_in_three()) policy.refresh_at = std::uniform_real_distribution<double>(0, 1)(random);
    std::optional<Expiration> of_call;
    if (one_in_three()) of_call = Expiration(std::chrono::nanoseconds(some_age(random)));
    const Lifetime lifetime(policy, of_call);

    const std::int64_t surely = lifetime.surely_fresh();
    if (surely < 0) continue;  // nothing is
    const std::string key = std::to_string(random());
    const auto created = static_cast<std::int64_t>(random() >> 2);
    for (const bool negative : {false, true}) {
      INFO(surely << " of " << lifetime.expiration_of(key, created, negative));
      REQUIRE(!is_past(surely, lifetime.expiration_of(key, created, negative)));
      REQUIRE(surely <= lifetime.refresh_of(key, created, negative));
    }
  }
}

TEST_CASE("without jitter and refresh, all that is not past its age is surely fresh",
          "[freshness]") {
  RegionPolicy policy;
  CHECK(Lifetime(policy, std::nullopt).surely_fresh() == Lifetime::never);
  policy.expiration_time = 5min;
  CHECK(Lifetime(policy, std::nullopt).surely_fresh() == std::chrono::nanoseconds(5min).count());
  policy.negative_ttl = 10s;
  CHECK(Lifetime(policy, std::nullopt).surely_fresh() == std::chrono::nanoseconds(10s).count());
  CHECK(Lifetime(policy, Expiration(0s)).surely_fresh() < 0);
}

TEST_CASE("no time that an entry gives for its making overflows its age", "[freshness]") {
  HostOptions options;
  if (GENERATE(false, true)) options.clock = std::make_shared<ManualClock>();
  Host host(Config::from_text(
                "[region.r]\nbackend = \"memory\"\nexpiration_time = \"" +
                GENERATE(std::string("1s"), std::string("100ms"), std::string("73000d")) + "\"\n"),
            options);
  Region& region = host.region("r");
  // As a store or a layer of the program's own may answer.
  const auto set_made = [&](std::int64_t created_ns) {
    Entry entry = Entry::of(Document::build([](Writer out) { out.integer(1); }));
    entry.set_created(Time(std::chrono::nanoseconds(created_ns)));
    entry.set_value_version(2);
    const cairn_next& store = host.stack_of("r")->store().table();
    cairn_call call{};
    call.size = sizeof call;
    REQUIRE(store.set.fn(store.set.self, &call, Key("k").raw(), &entry.raw(), nullptr) == CAIRN_OK);
  };
  const auto is_there = [&] {
    const bool alone = region.get<int>("k").has_value();
    CHECK(region.get_multi<int>({"k"}).at(0).has_value() == alone);
    CHECK(region.metadata("k").has_value() == alone);
    return alone;
  };
  SECTION("before all times") {
    set_made(INT64_MIN);
    CHECK_FALSE(is_there());
    const auto known = region.metadata("k", {.ignore_expiration = true});
    REQUIRE(known.has_value());
    CHECK(known->age == std::chrono::nanoseconds::max());
    CHECK(region.get_or_create<int>("k", [] { return 2; }) == 2);
  }
  SECTION("after all times") {
    set_made(INT64_MAX);
    CHECK(is_there());
    CHECK(region.metadata("k")->age < 0s);
    CHECK(region.get_or_create<int>("k", [] { return 2; }) == 1);
  }
}
