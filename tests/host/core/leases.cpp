// Keeping locks alive: what is due when, and what is left of those that were given back.
#include "catch.hpp"
#include "meanwhile.hpp"
#include "region/lease.hpp"

#include <malloc.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <stdexcept>
#include <thread>
#include <vector>

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
  const auto handle = keeper.keep(1ms, [&] {
    if (++asked == 1) throw std::runtime_error("the store is away");
    return asked < 3;
  });
  REQUIRE(eventually([&] { return asked == 3; }));
  std::atomic<int> of_another{0};  // whose turn comes as often
  const auto another = keeper.keep(1ms, [&] {
    ++of_another;
    return true;
  });
  REQUIRE(eventually([&] { return of_another >= 5; }));
  CHECK(asked == 3);
}

TEST_CASE("a lease may be let go while it is renewed, and is not renewed from then on", "[lease]") {
  struct Round {
    std::atomic<bool> renewing{false}, gone{false}, late{false};
  };
  std::vector<Round> rounds(200);
  {
    LeaseKeeper keeper;
    for (Round& round : rounds) {
      {
        const auto handle = keeper.keep(0ms, [&round] {
          round.renewing = true;
          std::this_thread::yield();  // who lets go comes meanwhile
          if (round.gone) round.late = true;
          return true;
        });
        REQUIRE(eventually([&] { return round.renewing.load(); }));
      }
      round.gone = true;
    }
  }
  CHECK(std::none_of(rounds.begin(), rounds.end(),
                     [](const Round& round) -> bool { return round.late; }));
}
