#include "catch.hpp"
#include "config/nearest_name.hpp"

#include <cairn/host/config.hpp>

#include <vector>

using namespace cairn;
using namespace std::chrono_literals;

TEST_CASE("a configuration in code reads like one in a file", "[config]") {
  Config config;
  config.backends.push_back({"shared", {"redis", {{"url", "redis://127.0.0.1/0"}}}});
  RegionConfig users{"users", "shared"};
  users.wrap = {{"prefix", {{"prefix", "users:"}}}, {"msgpack"}};
  users.policy.expiration_time = 1h;
  config.regions.push_back(users);

  REQUIRE(config.find_region("users") != nullptr);
  const RegionConfig& region = *config.find_region("users");
  CHECK(std::get<std::string>(region.backend) == "shared");
  CHECK(region.wrap.size() == 2);
  CHECK(*region.wrap[0].options.find("prefix")->as_text() == "users:");
  CHECK(*config.find_backend("shared")->component.options.find("url")->as_text() ==
        "redis://127.0.0.1/0");
  CHECK(config.find_backend("users") == nullptr);
}

TEST_CASE("a value knows what it was written as", "[config]") {
  const ConfigTable options{
      {"url", "x"}, {"port", 6379}, {"tls", true}, {"ratio", 0.5}, {"nodes", {"a", "b"}}};
  CHECK(*options.find("url")->as_text() == "x");
  CHECK(*options.find("port")->as_int() == 6379);
  CHECK(*options.find("tls")->as_bool());
  CHECK(*options.find("ratio")->as_real() == 0.5);
  REQUIRE(options.find("nodes")->as_list() != nullptr);
  CHECK(*options.find("nodes")->as_list()->at(1).as_text() == "b");
  CHECK(options.find("port")->as_text() == nullptr);
  CHECK(options.find("db") == nullptr);
  CHECK_THROWS_AS(ConfigValue(UINT64_MAX), Error);
}

TEST_CASE("a table keeps the order of its names, and each name once", "[config]") {
  ConfigTable options{{"z", 1}, {"a", 2}};
  options.set("z", 3);
  options.set("m", 4);
  std::string names;
  for (const ConfigEntry& entry : options) names += entry.key;
  CHECK(names == "zam");
  CHECK(*options.find("z")->as_int() == 3);
}

TEST_CASE("a misspelt name finds the one that was meant", "[config]") {
  const std::vector<std::string> known{"expiration_time", "ttl", "wrap", "memory"};
  CHECK(hosting::nearest_name("expiration_tmie", known) == "expiration_time");
  CHECK(hosting::nearest_name("expirationtime", known) == "expiration_time");
  CHECK(hosting::nearest_name("memroy", known) == "memory");
  CHECK(hosting::nearest_name("tll", known) == "ttl");
  CHECK(hosting::nearest_name("zstd", known).empty());
  CHECK(hosting::nearest_name("", known).empty());
  CHECK(hosting::edit_distance("memroy", "memory") == 1);
  CHECK(hosting::edit_distance("", "abc") == 3);
  CHECK(hosting::edit_distance("kitten", "sitting") == 3);
}
