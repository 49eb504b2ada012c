#include "config/units.hpp"

#include "catch.hpp"

#include <random>

using namespace cairn::hosting;
using namespace std::chrono_literals;

TEST_CASE("durations are read as people write them", "[config]") {
  CHECK(parse_duration("250ms") == 250ms);
  CHECK(parse_duration("1.5s") == 1500ms);
  CHECK(parse_duration("1h30m") == 90min);
  CHECK(parse_duration("7d") == 168h);
  CHECK(parse_duration("2w") == 336h);
  CHECK(parse_duration("0") == 0ns);
  CHECK(parse_duration("0s") == 0ns);
  for (const char* wrong : {"", " ", "1", "s", "1 s", "1sec", "-1s", "+1s", "1e3s", "1.2.3s", ".s",
                            "30m1h", "1m2m", "1h ", "99999999w", "nan", "infs", "1S"}) {
    INFO(wrong);
    CHECK_FALSE(parse_duration(wrong).has_value());
  }
}

TEST_CASE("sizes and percentages are read as people write them", "[config]") {
  CHECK(parse_size("64KiB") == 65536u);
  CHECK(parse_size("1.5MiB") == 1572864u);
  CHECK(parse_size("2GB") == 2'000'000'000u);
  CHECK(parse_size("0") == 0u);
  CHECK(parse_size("512B") == 512u);
  for (const char* wrong :
       {"", "1", "KiB", "1kb", "1 MiB", "-1B", "1MiB1KiB", "8388608TiB", "1e3B"}) {
    INFO(wrong);
    CHECK_FALSE(parse_size(wrong).has_value());
  }
  CHECK(parse_percent("10%").value() == Approx(0.1));
  CHECK(parse_percent("0%") == 0.0);
  for (const char* wrong : {"", "%", "10", "0.1", "-1%", "10%%", "10 %"}) {
    INFO(wrong);
    CHECK_FALSE(parse_percent(wrong).has_value());
  }
}

TEST_CASE("what is formatted is read back exactly", "[config]") {
  std::mt19937_64 random(20261123);
  for (int i = 0; i < 20'000; ++i) {
    const std::uint64_t number = random() >> (1 + random() % 63);
    const auto duration = std::chrono::nanoseconds(static_cast<std::int64_t>(number));
    if (parse_duration(format_duration(duration)) != duration ||
        parse_size(format_size(number)) != number) {
      FAIL(number << ": " << format_duration(duration) << ", " << format_size(number));
    }
  }
  constexpr auto most = std::chrono::nanoseconds::max();
  CHECK(parse_duration(format_duration(most)) == most);
  CHECK(format_duration(90min) == "1h30m");
  CHECK(format_duration(0ns) == "0s");
  CHECK(format_size(64 << 20) == "64MiB");
  CHECK(format_size(1001) == "1001B");
}
