// Keeping locks alive: what is due when, and what is left of those that were given back.
#include "catch.hpp"
#include "meanwhile.hpp"
#include "region/lease.hpp"

#include <malloc.h>

#include <atomic>
#include <chrono>
#include <stdexcept>

using namespace cairn::hosting;
using namespace std::chrono_literals;

TEST_CASE("locks that were given back leave nothing behind, however long their lease", "[lease]") {
  LeaseKeeper keeper;
  const auto hold = [&] { const auto handle = keeper.keep(24h, [] { return true; }); };
  for (int i = 0; i < 100; ++i) hold();
  const auto before = mallinfo2().uordblks;
  for (int i = 0; i < 20'000; ++i) hold();
  CHECK(mallinfo2().uordblks <= before + 20'000);
}

TEST_CASE("a lease that comes later and ends sooner is renewed in its own time", "[lease]") {
  LeaseKeeper keeper;
  std::atomic<int> renewals{0};
  const auto later = keeper.keep(24h, [] { return true; });
  const auto sooner = keeper.keep(1ms, [&] {
    ++renewals;
    return true;
  });
  CHECK(eventually([&] { return renewals >= 3; }));
}

TEST_CASE("a lease is renewed until it is lost, and also after a failure", "[lease]") {
  LeaseKeeper keeper;
  std::atomic<int> asked{0};
  auto handle = keeper.keep(1ms, [&] {
    if (++asked == 1) throw std::runtime_error("the store is away");
    return asked < 3;
  });
  REQUIRE(eventually([&] { return asked == 3; }));
  handle = {};
  CHECK(asked == 3);
}

TEST_CASE("a lease may be let go while it is renewed", "[lease]") {
  LeaseKeeper keeper;
  for (int i = 0; i < 200; ++i) {
    std::atomic<bool> renewing{false};
    std::atomic<bool> gone{false};
    std::atomic<bool> late{false};
    {
      const auto handle = keeper.keep(0ms, [&] {
        renewing = true;
        if (gone) late = true;
        return true;
      });
      REQUIRE(eventually([&] { return renewing.load(); }));
    }
    gone = true;
    CHECK_FALSE(late);
  }
}
