// Creators that end in ways of their own: not with a std::exception, not with a text, or with their thread.
#include "catch.hpp"
#include "meanwhile.hpp"
#include "region/background.hpp"
#include "test_host.hpp"

#include <pthread.h>

#include <atomic>
#include <exception>
#include <future>
#include <map>
#include <thread>

using namespace cairn;
using namespace std::chrono_literals;

namespace {

struct WithoutText final : std::exception {
  const char* what() const noexcept override { return nullptr; }
};

}  // namespace

TEST_CASE("a creator that ends its thread leaves the key to the next caller", "[creation]") {
  TestHost host(plain + GENERATE("", "share_errors = true\n"));
  Region& region = host.region();
  const bool batch = GENERATE(false, true);
  Gate gate;
  std::thread ends([&] {
    if (batch) {
      region.get_or_create_multi({"k", "l"}, [&](Names names) {
        gate(0);
        pthread_exit(nullptr);
        return std::vector<int>(names.size());
      });
    } else {
      region.get_or_create("k", [&] {
        gate(0);
        pthread_exit(nullptr);
        return 1;
      });
    }
  });
  gate.wait_for_entry();
  auto waits =
      std::async(std::launch::async, [&] { return region.get_or_create("k", [] { return 2; }); });
  auto waits_too = std::async(std::launch::async, [&] {
    return region.get_or_create_multi({"k"}, [](Names) { return std::vector<int>{2}; }).front();
  });
  REQUIRE(eventually([&] { return region.statistics().waits == 2; }));
  gate.open();
  ends.join();
  CHECK(waits.get() == 2);
  CHECK(waits_too.get() == 2);
  CHECK_FALSE(region.key_is_locked("k"));
  CHECK_FALSE(region.key_is_locked("l"));
}

TEST_CASE("stale_on_error does not hold back a thread that ends", "[creation]") {
  TestHost host(plain + "stale_on_error = \"1h\"\n");
  Region& region = host.region();
  region.set_multi(std::map<std::string, int>{{"k", 1}, {"l", 1}});
  host.clock.advance(11s);
  std::atomic<int> went_on{0};
  std::thread([&] {
    region.get_or_create("k", []() -> int { pthread_exit(nullptr); });
    ++went_on;
  }).join();
  std::thread([&] {
    region.get_or_create_multi({"l"}, [](Names) -> std::vector<int> { pthread_exit(nullptr); });
    ++went_on;
  }).join();
  CHECK(went_on == 0);
  CHECK_FALSE(region.key_is_locked("k"));
  CHECK_FALSE(region.key_is_locked("l"));
}

TEST_CASE("background creators that end their threads take no other creator's place",
          "[creation][background]") {
  TestHost host(plain + "background = true\n[background]\nthreads = 1\n");
  Region& region = host.region();
  const auto stale = [&] {
    region.set("k", 1);
    host.clock.advance(11s);
  };
  for (int i = 0; i < 3; ++i) {
    stale();
    CHECK(region.get_or_create("k", detached([]() -> int { pthread_exit(nullptr); })) == 1);
    REQUIRE(eventually([&] { return !region.key_is_locked("k"); }));
    stale();
    region.get_or_create_multi({"k"},
                               detached([](Names) -> std::vector<int> { pthread_exit(nullptr); }));
    REQUIRE(eventually([&] { return !region.key_is_locked("k"); }));
  }
  stale();
  CHECK(region.get_or_create("k", detached([] { return 2; })) == 1);
  CHECK(eventually([&] { return region.get<int>("k").value_or(0) == 2; }));
}

TEST_CASE("a background creator may throw an exception without a text", "[creation][background]") {
  TestHost host(plain + "background = true\n");
  Region& region = host.region();
  region.set("k", 1);
  host.clock.advance(11s);
  CHECK(region.get_or_create("k", detached([]() -> int { throw WithoutText(); })) == 1);
  REQUIRE(eventually([&] { return host.log().size() == 1; }));
  CHECK_THAT(host.log().front(),
             Catch::Contains("failed in the background: an exception that says nothing"));
  CHECK(eventually([&] { return !region.key_is_locked("k"); }));
}

TEST_CASE("a pool goes on when jobs end its threads, and its end waits for what is queued",
          "[background]") {
  std::atomic<int> done{0};
  for (int round = 0; round < 50; ++round) {
    done = 0;
    {
      hosting::Background pool(1, 100, true);
      for (int i = 0; i < 8; ++i) {
        REQUIRE(pool.submit([&done, i] {
          ++done;
          if (i % 2 == 0) pthread_exit(nullptr);
        }));
      }
    }
    CHECK(done == 8);
  }
}
