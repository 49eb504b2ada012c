#include "catch.hpp"
#include "test_host.hpp"

#include <algorithm>

using namespace cairn;
using namespace std::chrono_literals;

namespace {

const std::string two_versions = R"(
[backend.b]
plugin = "memory"
[region.r]
backend = "b"
expiration_time = "10s"
[region.newer]
backend = "b"
value_version = 3
)";

int lines_with(const TestHost& host, const std::string& text) {
  const auto lines = host.log();
  return static_cast<int>(std::count_if(lines.begin(), lines.end(), [&](const std::string& line) {
    return line.find(text) != std::string::npos;
  }));
}

}  // namespace

TEST_CASE("at level debug, a creator's time and key are logged", "[parity][log]") {
  TestHost host(two_versions, LogLevel::debug);
  host.region().get_or_create("k\n1", [] { return 1; });
  CHECK(lines_with(host, "region r: creation time ") == 1);
  CHECK(lines_with(host, " s for key: k\\x0a1") == 1);
  host.region().get_or_create_multi({"b", "a"}, [](auto) { return std::vector<int>{1, 2}; });
  CHECK(lines_with(host, " s for 2 keys: a, b") == 1);
}

TEST_CASE("of many keys, the log shows the first", "[parity][log]") {
  TestHost host(two_versions, LogLevel::debug);
  std::vector<std::string> keys;
  for (int i = 1000; i < 2000; ++i) keys.push_back(std::to_string(i));
  host.region().get_or_create_multi(keys,
                                    [](auto names) { return std::vector<int>(names.size()); });
  CHECK(lines_with(host, "for 1000 keys: 1000, 1001") == 1);
  for (const std::string& line : host.log()) CHECK(line.size() < 400);
}

TEST_CASE("at level debug, the reason of a miss is logged: version before invalidation",
          "[parity][log]") {
  TestHost host(two_versions, LogLevel::debug);
  host.region().get_or_create("k", [] { return 1; });
  CHECK(lines_with(host, "no value present for key: k") == 1);
  host.region().invalidate(Invalidation::hard);
  host.region().get_or_create("k", [] { return 2; });
  CHECK(lines_with(host, "hard invalidation detected for key: k") == 1);
  host.region("newer").invalidate(Invalidation::hard);
  host.region("newer").get_or_create("k", [] { return 3; });
  CHECK(lines_with(host, "value version update for key: k") == 1);
  CHECK(lines_with(host, "hard invalidation detected for key: k") == 1);
}

TEST_CASE("at the default level, nothing is logged while all is well", "[parity][log]") {
  TestHost host(two_versions);
  host.region().get_or_create("k", [] { return 1; });
  host.region().invalidate();
  host.region().get_or_create("k", [] { return 2; });
  CHECK(host.log().empty());
}

TEST_CASE("a frequent failure does not hide a rare one, and each is told once a minute",
          "[parity][log]") {
  TestHost host(R"(
[backend.b]
plugin = "memory"
max_bytes = "1MiB"
[region.raw]
backend = "b"
[region.r]
backend = "b"
wrap = ["msgpack"]
)");
  host.region("raw").set("k", std::string("no msgpack"));
  for (int i = 0; i < 3; ++i) host.region().get<std::vector<int>>("k");
  for (int i = 0; i < 3; ++i)
    host.region().set("big", std::vector<std::string>{std::string(2 << 20, 'x')});
  CHECK(lines_with(host, "get failed (corrupt)") == 1);
  CHECK(lines_with(host, "set failed (rejected)") == 1);
}

TEST_CASE("a value of another type is told of, once a minute", "[parity][log]") {
  TestHost host(two_versions);
  host.region().set("k", std::vector<int>{1});
  for (int i = 0; i < 3; ++i) CHECK_FALSE(host.region().get<std::string>("k"));
  CHECK(lines_with(host, "an entry is not of the type asked for: ") == 1);
}

TEST_CASE("whatever is logged comes as one line", "[log]") {
  TestHost host(two_versions + "[region.spare]\nbackend = \"memory\"\njitter = \"5%\"\n",
                LogLevel::debug);
  host.region().set("k", 1);
  host.clock.advance(11s);
  host.region().set_background_runner([](std::string_view, BackgroundJob job) { job(); });
  host.region().get_or_create(
      "k", detached([]() -> int { throw std::runtime_error("first\nregion s: second\x1b[2J"); }));
  CHECK(lines_with(host, "in the background: first\\x0aregion s: second\\x1b[2J; next try") == 1);
  CHECK(lines_with(host,
                   "host: <text>:12:10: `jitter` has no effect on values that never expire; set") ==
        1);
  for (const std::string& line : host.log()) CHECK(line.find('\n') == std::string::npos);
}
