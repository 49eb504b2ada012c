#include "catch.hpp"
#include "environment.hpp"
#include "errors_of.hpp"

#include <cairn/host/config.hpp>

using namespace cairn;

namespace {

// What `text` becomes as the value of an option.
std::string expanded(const std::string& text) {
  const Config config =
      Config::from_text("[region.r]\nbackend = { plugin = \"m\", x = '" + text + "' }\n");
  const auto& backend = std::get<BackendConfig>(config.regions.at(0).backend);
  return *backend.component.options.find("x")->as_text();
}

std::string error_of(const std::string& text) {
  const std::string all =
      errors_of("[region.r]\nbackend = { plugin = \"m\", x = '" + text + "' }\n");
  return all.substr(0, all.find('\n'));
}

}  // namespace

TEST_CASE("variables are replaced in texts", "[config]") {
  const Variable host("CAIRN_TEST_HOST", "10.0.0.1");
  const Variable empty("CAIRN_TEST_EMPTY", "");
  CHECK(expanded("redis://${CAIRN_TEST_HOST}:6379/0") == "redis://10.0.0.1:6379/0");
  CHECK(expanded("${CAIRN_TEST_HOST}${CAIRN_TEST_HOST}") == "10.0.0.110.0.0.1");
  CHECK(expanded("${CAIRN_TEST_HOST:-other}") == "10.0.0.1");
  CHECK(expanded("${CAIRN_TEST_UNSET:-other}") == "other");
  CHECK(expanded("${CAIRN_TEST_UNSET:-}") == "");
  CHECK(expanded("${CAIRN_TEST_EMPTY:-other}") == "other");
  CHECK(expanded("<${CAIRN_TEST_EMPTY}>") == "<>");
  CHECK(expanded("${CAIRN_TEST_HOST:?needed}") == "10.0.0.1");
  CHECK(expanded("$$5 $${NAME}") == "$5 ${NAME}");
  CHECK(expanded("no dollar") == "no dollar");
}

TEST_CASE("what a variable holds is not looked at again", "[config]") {
  const Variable value("CAIRN_TEST_VALUE", "${HOME} \"\n[region.evil]\nbackend = \"x\" $$");
  CHECK(expanded("${CAIRN_TEST_VALUE}") == "${HOME} \"\n[region.evil]\nbackend = \"x\" $$");
}

TEST_CASE("a bad interpolation says what is wrong", "[config]") {
  const Variable empty("CAIRN_TEST_EMPTY", "");
  CHECK(error_of("${CAIRN_TEST_UNSET}") ==
        "shop.toml:2:31: error: the environment variable `CAIRN_TEST_UNSET` is not set");
  CHECK(error_of("${CAIRN_TEST_UNSET:?ask the operators}") ==
        "shop.toml:2:31: error: the environment variable `CAIRN_TEST_UNSET` is not set: ask the "
        "operators");
  CHECK(error_of("${CAIRN_TEST_EMPTY:?}") ==
        "shop.toml:2:31: error: the environment variable `CAIRN_TEST_EMPTY` is not set");
  CHECK(error_of("$HOME") == "shop.toml:2:31: error: `$` without `{NAME}`");
  CHECK(error_of("${HOME") == "shop.toml:2:31: error: `${` without `}`");
  CHECK(error_of("${}") == "shop.toml:2:31: error: `${}` does not begin with a name");
  CHECK(error_of("${1A}") == "shop.toml:2:31: error: `${1A}` does not begin with a name");
  CHECK(error_of("${A-b}") == "shop.toml:2:31: error: `${A-b}` is not understood");
  CHECK(error_of("100$") == "shop.toml:2:31: error: `$` without `{NAME}`");
}

TEST_CASE("names are never interpolated, and keys of the host are converted", "[config]") {
  const Variable name("CAIRN_TEST_NAME", "users");
  CHECK(Config::from_text("[region.'${CAIRN_TEST_NAME}']\nbackend = 'm'\n").regions.at(0).name ==
        "${CAIRN_TEST_NAME}");

  const Variable on("CAIRN_TEST_ON", "true");
  const Variable time("CAIRN_TEST_TIME", "90s");
  const Variable version("CAIRN_TEST_VERSION", "7");
  const Config config = Config::from_text(R"([region.r]
backend = "m"
strict = "${CAIRN_TEST_ON}"
expiration_time = "${CAIRN_TEST_TIME}"
value_version = "${CAIRN_TEST_VERSION}"
)");
  CHECK(config.regions.at(0).policy.strict);
  CHECK(config.regions.at(0).policy.expiration_time.value() == std::chrono::seconds(90));
  CHECK(config.regions.at(0).policy.value_version == 7);
}

TEST_CASE("what came from the environment is not printed", "[config]") {
  const Variable value("CAIRN_TEST_VALUE", "hunter2");
  const std::string shown =
      errors_of("[region.r]\nbackend = \"m\"\nttl = \"${CAIRN_TEST_VALUE}\"\n");
  CHECK(shown.find("`ttl`: expected a duration such as \"30s\", got something else") !=
        std::string::npos);
  CHECK(shown.find("hunter2") == std::string::npos);
}
