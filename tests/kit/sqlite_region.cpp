// The SQLite example as its users have it: a plugin from outside the tree, and its own config file.
#include "catch.hpp"

#include <cairn/host/host.hpp>

#include <cstdlib>
#include <filesystem>
#include <string>

using namespace cairn;
namespace fs = std::filesystem;

TEST_CASE("a region keeps its entries in a plugin from outside the tree, over restarts", "[kit]") {
  const char* const plugin = std::getenv("CAIRN_SQLITE_PLUGIN");
  const char* const file = std::getenv("CAIRN_SQLITE_CONFIG");
  REQUIRE(plugin != nullptr);
  REQUIRE(file != nullptr);
  std::string name = (fs::temp_directory_path() / "cairn-sqlite-XXXXXX").string();
  REQUIRE(mkdtemp(name.data()) != nullptr);
  const fs::path folder = name;
  fs::copy(plugin, folder / "cairn-sqlite.so");
  fs::permissions(folder / "cairn-sqlite.so", fs::perms(0755));
  fs::copy(file, folder / "sqlite.toml");
  const Config config = Config::from_file(folder / "sqlite.toml");
  {
    Host host(config);
    host.region("users").set("42", std::string("Ada"));
    CHECK(host.region("users").get<std::string>("42") == "Ada");
  }
  CHECK(fs::exists(folder / "users.db"));
  Host again(config);
  CHECK(again.region("users").get<std::string>("42") == "Ada");
  CHECK_FALSE(again.region("users").get<std::string>("43").has_value());
  fs::remove_all(folder);
}
