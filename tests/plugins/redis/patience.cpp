// Whether to wait awake or asleep, and whether the server is next door: learnt from what happens.

#include "../../../plugins/redis/patience.hpp"

#include "../../../plugins/redis/neighbour.hpp"
#include "catch.hpp"

using namespace std::chrono_literals;
using cairn::redis::Neighbour;
using cairn::redis::Patience;

namespace {

// How many of so many waits were yielded through, where those take `yielding` and a sleep 50 us.
int yielded(Patience& patience, std::chrono::nanoseconds yielding, int waits) {
  int count = 0;
  for (int i = 0; i < waits; ++i) {
    count += patience.yields() ? 1 : 0;
    patience.answered(patience.yields() ? yielding : 50us);
  }
  return count;
}

}  // namespace

TEST_CASE("who waits yields as long as nobody else takes the core", "[redis]") {
  Patience patience;
  CHECK(yielded(patience, 20us, 10'000) == 10'000);
  CHECK(yielded(patience, 800us, 10'000) == 10'000);  // many threads of ours
}

TEST_CASE("on a core that others keep busy waiters sleep, and rarely try again", "[redis]") {
  Patience patience;
  CHECK(yielded(patience, 4ms, 100) <= 8);
  CHECK(yielded(patience, 4ms, 100'000) < 100);
}

TEST_CASE("single disturbances change nothing", "[redis]") {
  Patience patience;
  for (int i = 0; i < 100; ++i) {
    CHECK(yielded(patience, 20us, 100) == 100);
    CHECK(yielded(patience, 4ms, 1) == 1);
  }
}

TEST_CASE("when the core is free again waiters yield again", "[redis]") {
  Patience patience;
  yielded(patience, 4ms, 100'000);
  CHECK(yielded(patience, 20us, 10'000) > 5'000);
}

TEST_CASE("a server is next door if it was there most of the time", "[redis]") {
  Neighbour neighbour;
  CHECK_FALSE(neighbour.is_here());
  for (int i = 0; i < 100; ++i) neighbour.saw(i % 10 != 0);
  CHECK(neighbour.is_here());
  for (int i = 0; i < 100; ++i) neighbour.saw(i % 10 == 0);
  CHECK_FALSE(neighbour.is_here());
}
