// The reference page and the code say the same.
#include "catch.hpp"
#include "config/config_region.hpp"

#include <cairn/host/config.hpp>

#include <fstream>
#include <iterator>

using namespace cairn;

namespace {

std::string page() {
  std::ifstream file(CONFIGURATION_PAGE);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

TEST_CASE("the reference has a row for every key of regions and backends", "[config][docs]") {
  const std::string text = page();
  REQUIRE_FALSE(text.empty());
  for (const auto& keys : {hosting::region_keys(), hosting::backend_keys()}) {
    for (const std::string_view key : keys) {
      INFO(key);
      CHECK(text.find("\n| `" + std::string(key) + "` | ") != std::string::npos);
    }
  }
}

TEST_CASE("every TOML block of the reference is valid", "[config][docs]") {
  const std::string text = page();
  const std::string begin = "```toml\n";
  std::size_t blocks = 0;
  for (std::size_t at = text.find(begin); at != std::string::npos; at = text.find(begin, at + 1)) {
    const std::size_t from = at + begin.size();
    const Config config = Config::from_text(text.substr(from, text.find("```", from) - from));
    CHECK(config.warnings.empty());
    CHECK(config.regions.size() == 2);
    ++blocks;
  }
  CHECK(blocks == 1);
}
