#include "stampede.hpp"

#include "catch.hpp"
#include "memcached_under_test.hpp"

TEST_CASE("eight processes that miss one value make it once, and have it within milliseconds",
          "[memcached]") {
  double best = 1e9;
  for (int round = 0; round < 5; ++round) {
    Servers servers(1, PrivateMemcached::On::unix_socket);
    const Stampede stampede =
        Stampede::of(8, "plugin = \"memcached\"\nservers = [\"" + servers.list() + "\"]\n");
    CHECK(stampede.creators == 1);
    CHECK(stampede.right == 8);
    best = std::min(best, stampede.last_waiter_ms);
  }
  // The bound is 5 ms on a machine of one's own; eight processes on few busy cores need longer to
  // run.
  INFO("last waiter after " << best << " ms");
  CHECK(best < 15);
}
