// Recreations that wait for a thread of the pool, and callers who cannot wait as long.
#include "catch.hpp"
#include "meanwhile.hpp"
#include "region/flights.hpp"
#include "test_host.hpp"

#include <atomic>
#include <future>
#include <map>
#include <thread>

using namespace cairn;
using namespace std::chrono_literals;

namespace {

const std::string one_thread = R"(
[region.r]
backend = "memory"
expiration_time = "10s"
background = true
[background]
threads = 1
)";

// Keys "a", "b" and "c" are stale, and the pool's only thread is at work on "a" until the gate opens.
struct BusyPool {
  Gate gate;  // outlives the host, which ends when its job does
  TestHost host{one_thread};
  Region& region = host.region();

  template <class Then>
  explicit BusyPool(Then then) {
    region.set_multi(std::map<std::string, int>{{"a", 1}, {"b", 2}, {"c", 3}});
    host.clock.advance(11s);
    const auto create = detached([this, then] {
      gate(0);
      return then();
    });
    CHECK(region.get_or_create("a", create) == 1);
    gate.wait_for_entry();
  }
};

}  // namespace

TEST_CASE("a background creator may need a value whose making waits behind it", "[background]") {
  Region* region = nullptr;
  BusyPool pool([&region] { return region->get_or_create("b", [] { return 20; }) + 1; });
  region = &pool.region;
  const bool batch = GENERATE(false, true);
  if (batch) {
    CHECK(region->get_or_create_multi({"b", "c"}, detached([](Names names) {
                                        return std::vector<int>(names.size(), 30);
                                      })) == std::vector<std::optional<int>>{2, 3});
  } else {
    CHECK(region->get_or_create("b", detached([] { return 30; })) == 2);
  }
  region->remove("b");
  pool.gate.open();
  CHECK(eventually([&] { return region->get<int>("a").value_or(0) == 31; }));
  CHECK(region->get<int>("b") == 30);
  CHECK(eventually([&] { return !region->key_is_locked("a") && !region->key_is_locked("b"); }));
}

TEST_CASE("who needs a value that is queued makes it, without waiting for those before it",
          "[background]") {
  std::atomic<int> calls{0};
  BusyPool pool([] { return 11; });
  Region& region = pool.region;
  const auto thirty = detached([&calls] { return ++calls * 30; });
  CHECK(region.get_or_create("b", thirty) == 2);
  CHECK(region.get_or_create("c", thirty) == 3);
  region.invalidate();
  CHECK(region.get_or_create("b", [] { return 99; }) == 30);
  const auto many = region.get_or_create_multi(
      {"b", "c"}, [](Names names) { return std::vector<int>(names.size(), 99); });
  CHECK(many == std::vector<std::optional<int>>{30, 60});
  pool.gate.open();
  CHECK(eventually([&] { return !region.key_is_locked("a"); }));
  CHECK(calls == 2);
}

TEST_CASE("a queued creator that fails for one who needs it leaves him his own", "[background]") {
  BusyPool pool([] { return 11; });
  Region& region = pool.region;
  CHECK(region.get_or_create("b", detached([]() -> int { throw 42; })) == 2);
  region.remove("b");
  CHECK(region.get_or_create("b", [] { return 5; }) == 5);
  CHECK(region.statistics().creation_errors == 1);
  pool.gate.open();
}

TEST_CASE("who waits already takes up what is put into a queue", "[background][flights]") {
  using hosting::Flight;
  using hosting::Flights;
  Flights flights;
  auto lead = flights.claim("k").lead;
  const auto other = flights.claim("k").other;
  std::atomic<int> taken_up{0};
  std::vector<std::future<Flight::Landing>> waiters;
  for (int i = 0; i < 4; ++i) {
    waiters.push_back(
        std::async(std::launch::async, [&] { return other->wait(hosting::FutexWord::for_ever); }));
  }
  lead.set_down([&] {
    if (taken_up.fetch_add(1) == 0) lead.land_empty();
  });
  for (auto& waiter : waiters) CHECK(waiter.get() == Flight::Landing::gave_up);
  CHECK(taken_up >= 1);
}

TEST_CASE("a runner of the program's own is not anticipated", "[background]") {
  TestHost host(
      "[region.r]\nbackend = \"memory\"\nexpiration_time = \"10s\"\nlock_wait = \"5ms\"\n"
      "on_lock_timeout = \"error\"\n");
  Region& region = host.region();
  BackgroundJob kept;
  region.set_background_runner([&](std::string_view, BackgroundJob job) { kept = std::move(job); });
  region.set("k", 1);
  host.clock.advance(11s);
  CHECK(region.get_or_create("k", detached([] { return 2; })) == 1);
  region.remove("k");
  CHECK_THROWS_WITH(region.get_or_create("k", [] { return 3; }), Catch::Contains("waited 5 ms"));
  kept();
  CHECK(region.get<int>("k") == 2);
}
