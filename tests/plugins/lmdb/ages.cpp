// How old what an earlier run has left is: by the clock of the system, which stands still for no test. So
// the earlier run is what has another clock.
#include "catch.hpp"
#include "temporary_folder.hpp"

#include <cairn/cairn.hpp>

#include <memory>
#include <string>

using namespace cairn;
using namespace std::chrono_literals;

TEST_CASE("a value is fresh until its expiration, and no longer, by the coarse clock",
          "[lmdb][expiration]") {
  const auto expiration = GENERATE(150ms, 1000ms, 60'000ms);
  constexpr auto step = 50ms, around = 3000ms;
  TemporaryFolder folder;
  const auto config = [&] {
    return Config::from_text("[region.r]\nbackend = { plugin = \"lmdb\", path = \"" +
                             folder.path() + "\" }\nvalues = \"bytes\"\nexpiration_time = \"" +
                             std::to_string(expiration.count()) + "ms\"\n");
  };
  const SystemClock system;
  const auto leave = [&] {
    HostOptions options;
    const auto clock = std::make_shared<ManualClock>();
    options.clock = clock;
    Host earlier(config(), options);
    for (auto from_the_end = -around; from_the_end <= around; from_the_end += step) {
      clock->set(system.now() - expiration + from_the_end);
      earlier.region("r").set(std::to_string(from_the_end.count()),
                              std::to_string(clock->now().time_since_epoch().count()));
    }
  };
  int fresh = 0, expired = 0;
  const auto look = [&] {
    Host host(config());
    for (auto from_the_end = around; from_the_end >= -around; from_the_end -= step) {
      const std::string key = std::to_string(from_the_end.count());
      const auto made = host.region("r").get<std::string>(key, {.ignore_expiration = true});
      REQUIRE(made.has_value());
      const auto before = system.coarse_now();
      const bool found = host.region("r").get<std::string>(key).has_value();
      const auto after = system.now();
      const Time ends = Time(std::chrono::nanoseconds(std::stoll(*made))) + expiration;
      if (after < ends) {
        CHECK(found);
        ++fresh;
      } else if (before > ends) {
        CHECK_FALSE(found);
        ++expired;
      }
    }
  };
  while (fresh == 0) {  // on a machine that has stood still meanwhile, all have expired
    leave();
    look();
  }
  CHECK(expired > 0);
}
