// The SQLite example as its users have it: a plugin from outside the tree, named in a config file.
#include "catch.hpp"

#include <cairn/host/host.hpp>

#include <cstdlib>
#include <filesystem>
#include <string>

using namespace cairn;

TEST_CASE("a region keeps its entries in a plugin from outside the tree, over restarts", "[kit]") {
  const char* plugins = std::getenv("CAIRN_EXAMPLE_PLUGINS");
  REQUIRE(plugins != nullptr);
  std::string folder = (std::filesystem::temp_directory_path() / "cairn-sqlite-XXXXXX").string();
  REQUIRE(mkdtemp(folder.data()) != nullptr);
  const Config config =
      Config::from_text("[plugins]\npath = [\"" + std::string(plugins) +
                        "\"]\n[region.users]\nbackend = { plugin = \"sqlite\", path = \"" + folder +
                        "/users.db\" }\nvalues = \"bytes\"\nexpiration_time = \"1h\"\n");
  {
    Host host(config);
    host.region("users").set("42", std::string("Ada"));
    CHECK(host.region("users").get<std::string>("42") == "Ada");
  }
  Host again(config);
  CHECK(again.region("users").get<std::string>("42") == "Ada");
  CHECK_FALSE(again.region("users").get<std::string>("43").has_value());
  std::filesystem::remove_all(folder);
}
