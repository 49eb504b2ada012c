#include "catch.hpp"
#include "config/option_values.hpp"
#include "config/redacted.hpp"
#include "environment.hpp"

#include <cairn/detail/thunks.hpp>
#include <cairn/options.hpp>

#include <array>
#include <cstddef>

using namespace cairn;
using namespace cairn::hosting;

namespace {

constexpr std::array declared{
    Option("url", "text").required().help("Where the server is."),
    Option("password", "text").secret().help("Of the server."),
    Option("port", "int").defaults_to("6379").range("1", "65535").help("Its port."),
    Option("tls", "bool").defaults_to("false").help("Whether to encrypt."),
    Option("ratio", "real").range("0", nullptr).help("A number."),
    Option("timeout", "duration").defaults_to("1s").range("1ms", "10m").help("How long to wait."),
    Option("max_bytes", "size").defaults_to("64MiB").range(nullptr, "1GiB").help("How much."),
    Option("share", "percent").help("A part."),
    Option("policy", "enum:lru|w-tinylfu").defaults_to("lru").help("What goes first."),
    Option("file", "path").help("A file."),
    Option("nodes", "list:text").help("More servers."),
    Option("waits", "list:duration").defaults_to("1s, 2s").range("1s", nullptr).help("Times."),
};

cairn_component component() {
  cairn_component result{};
  result.size = sizeof result;
  result.role = CAIRN_BACKEND;
  result.name = "redis";
  result.options = declared.data();
  result.option_count = declared.size();
  return result;
}

Document values_of(const ConfigTable& options, Findings& findings) {
  return option_values({"redis", options}, component(), "/etc/shop", findings);
}

std::string errors_of(const ConfigTable& options) {
  Findings findings;
  values_of(options, findings);
  return render(findings);
}

// The same from a file, with places.
std::string errors_of_text(const std::string& options) {
  const Config config =
      Config::from_text("[backend.shared]\nplugin = \"redis\"\n" + options, "shop.toml");
  Findings findings;
  option_values(config.backends.at(0).component, component(), config.base_folder, findings);
  return render(findings);
}

}  // namespace

TEST_CASE("options come as declared, completed with their defaults", "[config]") {
  Findings findings;
  const Document document = values_of({{"url", "redis://h"},
                                       {"ratio", 2},
                                       {"timeout", "1m30s"},
                                       {"share", "12.5%"},
                                       {"file", "data/x.db"},
                                       {"nodes", {"a", "b"}}},
                                      findings);
  CHECK(render(findings) == "");
  const Node map = document.root();
  CHECK(map.size() == 11);  // all but the password
  CHECK(map["url"].text() == "redis://h");
  CHECK_FALSE(map["password"]);
  CHECK(map["port"].int_value() == 6379);
  CHECK_FALSE(map["tls"].boolean_value());
  CHECK(map["ratio"].type() == Node::real_number);
  CHECK(map["ratio"].real_value() == 2.0);
  CHECK(map["timeout"].int_value() == 90'000'000'000);
  CHECK(map["max_bytes"].int_value() == 64 << 20);
  CHECK(map["share"].real_value() == Approx(0.125));
  CHECK(map["policy"].text() == "lru");
  CHECK(map["file"].text() == "/etc/shop/data/x.db");
  CHECK(map["nodes"].item(1).text() == "b");
  CHECK(map["waits"].item(1).int_value() == 2'000'000'000);
}

TEST_CASE("a path is absolute: from the file's folder, from the root, never from a home",
          "[config]") {
  Findings findings;
  const auto file = [&](const char* path) {
    return std::string(values_of({{"url", "u"}, {"file", path}}, findings).root()["file"].text());
  };
  CHECK(file("../x") == "/etc/x");
  CHECK(file("/var/./x") == "/var/x");
  CHECK(findings.empty());
  CHECK(errors_of({{"url", "u"}, {"file", "~/x"}}).find("write ${HOME}") != std::string::npos);
  CHECK(errors_of({{"url", "u"}, {"file", ""}}).find("cannot be empty") != std::string::npos);
}

TEST_CASE("every mistake in options has its place and its remedy", "[config]") {
  CHECK(errors_of_text(R"(ulr = "redis://h"
port = "6379"
tls = "yes"
timeout = 30
max_bytes = "2GiB"
policy = "tinylfu"
expiration_time = "1h"
nodes = "a"
waits = ["1s", 2]
)") == R"(shop.toml:3:1: error: unknown option `ulr` of the backend `redis`
  3 | ulr = "redis://h"
    | ^
help: did you mean `url`?
shop.toml:9:1: error: unknown option `expiration_time` of the backend `redis`
  9 | expiration_time = "1h"
    | ^
help: `expiration_time` is a key of a region: move it there
shop.toml:2:10: error: the backend `redis` needs the option `url`
  2 | plugin = "redis"
    |          ^
help: Where the server is.
shop.toml:4:8: error: `port`: expected a whole number, got the text "6379"
  4 | port = "6379"
    |        ^
help: write it without quotes
shop.toml:5:7: error: `tls`: expected true or false, got the text "yes"
  5 | tls = "yes"
    |       ^
help: write true
shop.toml:6:11: error: `timeout`: expected a duration such as "30s", got the integer 30
  6 | timeout = 30
    |           ^
help: write "30s" if seconds are meant; units are ns, us, ms, s, m, h, d and w
shop.toml:7:13: error: `max_bytes`: expected at most 1GiB, got the text "2GiB"
  7 | max_bytes = "2GiB"
    |             ^
shop.toml:8:10: error: `policy`: expected one of "lru", "w-tinylfu", got the text "tinylfu"
  8 | policy = "tinylfu"
    |          ^
help: did you mean `w-tinylfu`?
shop.toml:10:9: error: `nodes`: expected a list, got the text "a"
  10 | nodes = "a"
     |         ^
help: write ["a"] for a list of one
shop.toml:11:16: error: `waits`: expected a duration such as "30s", got the integer 2
  11 | waits = ["1s", 2]
     |                ^
help: write "2s" if seconds are meant; units are ns, us, ms, s, m, h, d and w
)");
}

TEST_CASE("both ends of a range belong to it", "[config]") {
  CHECK(errors_of({{"url", "u"}, {"port", 1}}) == "");
  CHECK(errors_of({{"url", "u"}, {"port", 65535}}) == "");
  CHECK(errors_of({{"url", "u"}, {"port", 0}}) ==
        "configuration: error: `port`: expected from 1 to 65535, got the integer 0\n");
  CHECK(errors_of({{"url", "u"}, {"port", 65536}}) != "");
  CHECK(errors_of({{"url", "u"}, {"ratio", -0.5}}) ==
        "configuration: error: `ratio`: expected at least 0, got the number -0.5\n");
  CHECK(errors_of({{"url", "u"}, {"waits", {"1ms"}}}) ==
        "configuration: error: `waits`: expected at least 1s, got the text \"1ms\"\n");
}

TEST_CASE("a text from the environment becomes what the option is", "[config]") {
  const Variable port("CAIRN_TEST_PORT", "7000");
  const Variable on("CAIRN_TEST_ON", "true");
  const Variable nodes("CAIRN_TEST_NODES", "a:1, b:2");
  const Config config = Config::from_text(R"([backend.s]
plugin = "redis"
url = "${CAIRN_TEST_PORT}"
port = "${CAIRN_TEST_PORT}"
tls = "${CAIRN_TEST_ON}"
nodes = "${CAIRN_TEST_NODES}"
)");
  Findings findings;
  const Document document =
      option_values(config.backends.at(0).component, component(), "", findings);
  CHECK(render(findings) == "");
  CHECK(document.root()["url"].text() == "7000");
  CHECK(document.root()["port"].int_value() == 7000);
  CHECK(document.root()["tls"].boolean_value());
  CHECK(document.root()["nodes"].size() == 2);
  CHECK(document.root()["nodes"].item(1).text() == "b:2");
}

TEST_CASE("a secret is neither in a message nor in an explanation", "[config]") {
  for (const char* options :
       {"url = \"u\"\npassword = 424242\n", "url = \"u\"\npasword = \"424242\"\n",
        "url = [1, \"424242\"] # password\n"}) {
    const std::string shown = errors_of_text(options);
    CHECK(shown.find("error: ") != std::string::npos);
    CHECK(shown.find("424242") == std::string::npos);
  }

  Findings findings;
  const Document document = values_of({{"url", "redis://me:hunter2@host:6379/0"},
                                       {"password", "hunter2"},
                                       {"share", "12.5%"},
                                       {"timeout", "90s"},
                                       {"nodes", {"a", "redis://x:hunter2@b"}}},
                                      findings);
  std::string shown;
  for (const Option& option : declared) {
    if (const Node node = document.root()[option.name]) {
      shown += std::string(option.name) + ' ' + redacted(option, node) + '\n';
    }
  }
  CHECK(shown ==
        "url redis://me:***@host:6379/0\npassword (secret)\nport 6379\ntls false\ntimeout 1m30s\n"
        "max_bytes 64MiB\nshare 12.5%\npolicy lru\nnodes [a, redis://x:***@b]\nwaits [1s, 2s]\n");
}

TEST_CASE("of a secret url only the login is hidden, and all of it where that is not for sure",
          "[config]") {
  const auto shown = [](const char* name, const std::string& value) {
    const Document document = Document::build([&](Writer out) { out.text(value); });
    return redacted(Option(name, "text").secret(), document.root());
  };
  for (const char* open :
       {"redis://cache.example:6379/0", "redis://localhost", "rediss://[::1]:6380/12", "redis://h/",
        "unix:///run/redis.sock?db=1", "redis://10.0.0.1:6379?db=3", "redis://"}) {
    CHECK(shown("url", open) == open);
    CHECK(shown("cache_url", open) == open);
  }
  CHECK(shown("url", "redis://me:hunter2@host:6379/0") == "redis://***@host:6379/0");
  CHECK(shown("url", "redis://:hunter2@[::1]") == "redis://***@[::1]");
  CHECK(shown("url", "redis://:hun@ter2@host") == "redis://***@host");
  CHECK(shown("url", "unix://:hunter2@/run/redis.sock?db=1") == "unix://***@/run/redis.sock?db=1");
  for (const char* hidden :
       {"hunter2", "redis://:hunter2", "redis://h:hunter2", "redis://h/hunter2",
        "redis://h?password=hunter2", "redis://h?db=1&password=hunter2", "redis://me:hun@h/hunter2",
        "redis://h#hunter2", "", "redis:/me:hunter2@h", "me:hunter2@h", "redis://%68unter2",
        "redis://a b", "://hunter2"}) {
    CHECK(shown("url", hidden) == "(secret)");
  }
  CHECK(shown("password", "redis://host") == "(secret)");
}

TEST_CASE("a component without options says so", "[config]") {
  cairn_component none{};
  none.role = CAIRN_PROXY;
  none.name = "msgpack";
  Findings findings;
  const Document document = option_values({"msgpack", {{"level", 3}}}, none, "", findings);
  CHECK(document.root().size() == 0);
  CHECK(render(findings) ==
        "configuration: error: unknown option `level` of the proxy `msgpack`\n"
        "help: `msgpack` has no options\n");
}

TEST_CASE("a plugin says how its options fit each other, and the option it names is pointed at",
          "[config]") {
  cairn_component picky = component();
  static std::string answer;
  picky.check = [](const cairn_node* options, cairn_call* call) noexcept -> cairn_status {
    if (answer.empty() || !Node(options).find("port")) return CAIRN_OK;
    return detail::fail(call, "redis", CAIRN_CONFIG, answer.c_str(), 0, false);
  };
  const Config config = Config::from_text(
      "[backend.shared]\nplugin = \"redis\"\nurl = \"u\"\nport = 6380\n", "shop.toml");
  const auto errors = [&](const std::string& text) {
    answer = text;
    Findings findings;
    option_values(config.backends.at(0).component, picky, "", findings);
    return render(findings);
  };
  CHECK(errors("") == "");
  CHECK(errors("`port` and `url` say the same") ==
        "shop.toml:4:8: error: `port` and `url` say the same\n"
        "  4 | port = 6380\n"
        "    |        ^\n");
  CHECK(errors("something is missing") ==
        "shop.toml:2:10: error: something is missing\n"
        "  2 | plugin = \"redis\"\n"
        "    |          ^\n");

  picky.size = offsetof(cairn_component, check);  // of before there was such a question
  CHECK(errors("`port` is wrong") == "");
}

namespace {

// Options that must fit: of these the plugin tells the first that do not.
constexpr std::array fitting{
    Option("folder", "path").required().help("Where."),
    Option("shape", "text").required().help("Round."),
    Option("mode", "enum:one|many").defaults_to("one"),
    Option("nodes", "list:text"),
    Option("rights", "text").defaults_to("0600"),
    Option("lock", "text").defaults_to("_lock"),
    Option("least", "int").defaults_to("1"),
    Option("most", "int").defaults_to("9"),
    Option("tls", "bool").defaults_to("false"),
    Option("ca", "path"),
};

cairn_status check_fitting(const cairn_node* given, cairn_call* call) noexcept {
  const Options options(given);
  const auto wrong = [&](const char* text) {
    return detail::fail(call, "fitting", CAIRN_CONFIG, text, 0, false);
  };
  if (options.text("folder").empty() || options.text("shape") == "square") {
    return wrong("`folder` and `shape` do not go together");
  }
  if (options.text("rights")[0] != '0') return wrong("`rights` begins with 0");
  if (options.text("lock").size() < 2) return wrong("`lock` is short");
  if (options.has("nodes") && options.text("mode") == "one") return wrong("`nodes` is for many");
  if (options.has("ca") && !options.flag("tls")) return wrong("`ca` is for tls");
  if (options.integer("most") < options.integer("least")) return wrong("`most` is below `least`");
  return CAIRN_OK;
}

// The messages alone, one a line.
std::string refused(const ConfigTable& options) {
  cairn_component component{};
  component.size = sizeof component;
  component.role = CAIRN_BACKEND;
  component.name = "fitting";
  component.options = fitting.data();
  component.option_count = fitting.size();
  component.check = &check_fitting;
  Findings findings;
  option_values({"fitting", options}, component, "/etc/shop", findings);
  std::string messages;
  for (const Finding& finding : findings) messages += finding.message + '\n';
  return messages;
}

ConfigTable good_and(std::initializer_list<ConfigEntry> more) {
  ConfigTable options{{"folder", "f"}, {"shape", "round"}};
  for (const ConfigEntry& entry : more) options.set(entry.key, entry.value);
  return options;
}

}  // namespace

TEST_CASE("all options that do not fit are told, though a plugin tells one at a time", "[config]") {
  CHECK(refused(good_and({})) == "");
  CHECK(refused(good_and({{"rights", "9"}, {"lock", "x"}, {"least", 5}, {"most", 3}})) ==
        "`rights` begins with 0\n`lock` is short\n`most` is below `least`\n");
}

TEST_CASE("an option that is wrong by itself hides no other", "[config]") {
  CHECK(refused(good_and({{"most", "many"}, {"rights", "9"}, {"lock", "x"}})) ==
        "`most`: expected a whole number, got the text \"many\"\n"
        "`rights` begins with 0\n`lock` is short\n");
  CHECK(refused({{"rights", "9"}}) ==
        "the backend `fitting` needs the options `folder` and `shape`\n`rights` begins with 0\n");
  CHECK(refused(good_and({{"ca", 5}, {"lock", "x"}})) ==
        "`ca`: expected a text, got the integer 5\n`lock` is short\n");
  CHECK(refused(good_and({{"rihgts", "9"}, {"lock", "x"}})) ==
        "unknown option `rihgts` of the backend `fitting`\n`lock` is short\n");
}

TEST_CASE("what may follow from an option that is wrong is not told", "[config]") {
  // Its default would make the others wrong.
  CHECK(refused(good_and({{"mode", "mnay"}, {"nodes", {"a"}}})) ==
        "`mode`: expected one of \"one\", \"many\", got the text \"mnay\"\n");
  CHECK(refused(good_and({{"tls", "yes"}, {"ca", "a.pem"}})) ==
        "`tls`: expected true or false, got the text \"yes\"\n");
  CHECK(refused(good_and({{"tsl", true}, {"ca", "a.pem"}})) ==
        "unknown option `tsl` of the backend `fitting`\n");
  CHECK(refused(good_and({{"most", "9"}, {"least", 20}})) ==
        "`most`: expected a whole number, got the text \"9\"\n");
  CHECK(refused(good_and({{"nodes", "a"}, {"ca", "a.pem"}, {"tls", "yes"}})) ==
        "`nodes`: expected a list, got the text \"a\"\n"
        "`tls`: expected true or false, got the text \"yes\"\n");
}

TEST_CASE("a plugin that names no option is asked once", "[config]") {
  cairn_component picky = component();
  static int asked = 0;
  picky.check = [](const cairn_node*, cairn_call*) noexcept -> cairn_status {
    ++asked;
    return CAIRN_CONFIG;
  };
  Findings findings;
  option_values({"redis", {{"url", "u"}}}, picky, "", findings);
  CHECK(render(findings) == "configuration: error: refuses these options\n");
  CHECK(asked == 1);

  // Perhaps it is about the port, which has been told.
  findings.clear();
  option_values({"redis", {{"url", "u"}, {"port", "many"}}}, picky, "", findings);
  CHECK(findings.size() == 1);
}

TEST_CASE("an unknown backend is looked for among the file's and the plugins'", "[config]") {
  const Config config = Config::from_text(
      "[backend.shared]\nplugin = \"redis\"\n[region.a]\nbackend = \"sharde\"\n[region.b]\n"
      "backend = \"memroy\"\n",
      "shop.toml");
  CHECK(render(unknown_backend(config.regions.at(0), config, {"memory", "redis"})) ==
        R"(shop.toml:4:11: error: there is no backend `sharde`
  4 | backend = "sharde"
    |           ^
help: did you mean `shared`?
)");
  CHECK(unknown_backend(config.regions.at(1), config, {"memory", "redis"}).remedy ==
        "did you mean `memory`?");
  CHECK(unknown_backend(config.regions.at(1), config, {"null"}).remedy ==
        "there are `shared` and `null`");
}
