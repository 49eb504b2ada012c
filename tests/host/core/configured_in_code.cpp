// What a program builds by itself is looked at like what it reads from a file.
#include "catch.hpp"

#include <cairn/cairn.hpp>

#include <functional>
#include <limits>
#include <memory>
#include <string>

using namespace cairn;
using namespace std::chrono_literals;

namespace {

Config one_region() {
  Config config;
  config.regions.push_back({"r", "memory"});
  return config;
}

std::string error_of(const std::function<void(Config&)>& change) {
  Config config = one_region();
  change(config);
  try {
    Host host(config);
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "";
}
std::string error_of_policy(const std::function<void(RegionPolicy&)>& change) {
  return error_of([&](Config& config) { change(config.regions.front().policy); });
}

}  // namespace

TEST_CASE("rules that cannot be are refused in code as in a file", "[config]") {
  static constexpr double nan = std::numeric_limits<double>::quiet_NaN();
  using P = RegionPolicy;
  CHECK(error_of_policy([](P&) {}) == "");
  CHECK(error_of_policy([](P& p) { p.jitter = 5; }) ==
        "configuration: error: region `r`: `jitter` must be a part, from 0 to 1\n");
  CHECK_THAT(error_of_policy([](P& p) { p.jitter = nan; }), Catch::Contains("`jitter` must be"));
  CHECK_THAT(error_of_policy([](P& p) { p.refresh_at = 1; }), Catch::Contains("`refresh_at` must"));
  CHECK_THAT(error_of_policy([](P& p) { p.refresh_at = nan; }),
             Catch::Contains("`refresh_at` must"));
  CHECK(error_of_policy([](P& p) { p.expiration_time = -1s; }) ==
        "configuration: error: region `r`: `expiration_time` cannot be negative\n"
        "help: leave it out if values never expire\n");
  CHECK_THAT(error_of_policy([](P& p) { p.ttl = -1s; }), Catch::Contains("`ttl` cannot"));
  CHECK_THAT(error_of_policy([](P& p) { p.lock_wait = -1s; }), Catch::Contains("`lock_wait` can"));
  CHECK_THAT(error_of_policy([](P& p) { p.negative_ttl = -1s; }),
             Catch::Contains("`negative_ttl` cannot"));
  CHECK_THAT(error_of_policy([](P& p) { p.stale_on_error = -1s; }),
             Catch::Contains("`stale_on_error` cannot"));
  CHECK_THAT(error_of_policy([](P& p) { p.invalidation_delay = -1s; }),
             Catch::Contains("`invalidation_delay` cannot"));
  CHECK_THAT(error_of_policy([](P& p) { p.value_version = 0; }),
             Catch::Contains("`value_version` must be at least 1"));
}

TEST_CASE("names, threads, folders and locks that cannot be are refused in code", "[config]") {
  CHECK_THAT(error_of([](Config& c) {
               c.regions.push_back({"r", "null"});
             }),
             Catch::Contains("region `r`: the name is there twice"));
  CHECK_THAT(error_of([](Config& c) {
               c.regions.push_back({"", "null"});
             }),
             Catch::Contains("a name cannot be empty"));
  CHECK_THAT(error_of([](Config& c) {
               c.regions.push_back({"a\nb", "null"});
             }),
             Catch::Contains("a name cannot contain control characters"));
  CHECK_THAT(error_of([](Config& c) {
               c.backends.push_back({"b", {"memory"}});
               c.backends.push_back({"b", {"null"}});
             }),
             Catch::Contains("backend `b`: the name is there twice"));
  CHECK_THAT(error_of([](Config& c) {
               c.backends.push_back({"b", {"memory"}});
               c.backends.back().lock_timeout = -1s;
             }),
             Catch::Contains("backend `b`: `lock_timeout` cannot be negative"));
  CHECK_THAT(error_of([](Config& c) {
               c.regions[0].backend = BackendConfig{"", {"memory"}, false, -1s};
             }),
             Catch::Contains("region `r`: `lock_timeout` cannot be negative"));
  CHECK_THAT(error_of([](Config& c) { c.background.threads = 0; }),
             Catch::Contains("`threads` must be from 1 to 1024, and is 0"));
  CHECK_THAT(error_of([](Config& c) { c.background.queue = -1; }),
             Catch::Contains("`queue` must be from 0 to 1000000000, and is -1"));
  CHECK_THAT(error_of([](Config& c) { c.plugin_path = {""}; }),
             Catch::Contains("plugin_path: `` cannot be a folder"));
  CHECK(error_of([](Config& c) { c.plugin_path = {"/proc/self/status"}; }) ==
        "configuration: error: `plugin_path` lists folders, and `/proc/self/status` is a file\n"
        "help: did you mean `/proc/self`?\n");
}

TEST_CASE("everything that is wrong in code is told at once", "[config]") {
  const std::string error = error_of([](Config& config) {
    config.regions.front().policy.jitter = -1;
    config.regions.front().policy.ttl = -1s;
    config.background.threads = 5000;
  });
  for (const char* part : {"`jitter`", "`ttl`", "`threads`"}) {
    CHECK_THAT(error, Catch::Contains(part));
  }
}

TEST_CASE("what replaces a region is looked at as well", "[config]") {
  Host host(one_region());
  RegionConfig config = host.config_of("r");
  config.policy.jitter = 2;
  CHECK_THROWS_AS(host.replace(config), ConfigError);
  CHECK(host.config_of("r").policy.jitter == 0);
}

TEST_CASE("a host without a clock takes the system's, and one without a log says nothing",
          "[config]") {
  HostOptions options;
  options.clock = nullptr;
  options.log = nullptr;
  Host host(one_region(), options);
  host.region("r").set("k", 1);
  const auto metadata = host.region("r").metadata("k");
  REQUIRE(metadata.has_value());
  CHECK(std::chrono::abs(metadata->created - SystemClock().now()) < 1h);
}

TEST_CASE("a host lets go of its log at its end, also if it could not be made", "[config]") {
  const auto logger = std::make_shared<int>(0);
  HostOptions options;
  const auto fail = [&](const Config& config) {
    options.log = [logger](auto...) {};
    CHECK_THROWS_AS(Host(config, options), Error);
    options.log = nullptr;
    CHECK(logger.use_count() == 1);
  };
  Config wrong = one_region();
  wrong.regions.front().backend = "nobody";
  fail(wrong);
  Config cannot_be_made = one_region();
  cannot_be_made.regions.front().backend = BackendConfig{"", {"lmdb", {{"path", "/proc/nowhere"}}}};
  cannot_be_made.regions.front().bytes_only = true;
  fail(cannot_be_made);
  options.log = [logger](auto...) {};
  CHECK(Host(one_region(), options).has_region("r"));
  options.log = nullptr;
  CHECK(logger.use_count() == 1);
}
