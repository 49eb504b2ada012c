#include "catch.hpp"
#include "services.hpp"
#include "stack/not_made.hpp"
#include "stack/stack.hpp"
#include "test_host.hpp"

#include <cairn/plugin.hpp>

#include <array>
#include <cerrno>
#include <future>
#include <thread>

using namespace cairn;
using namespace std::chrono_literals;

namespace {

std::string errors_of(const std::string& toml) {
  try {
    TestHost host(toml);
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "";
}

class Unlucky final : public ProxyBackend {
 public:
  static constexpr auto name = "unlucky";
  static constexpr auto help = "Cannot be made.";
  static constexpr std::array options{Option("luck", "text").help("Never enough.")};
  static constexpr bool split_batches = true;
  explicit Unlucky(const Context& context) : ProxyBackend(context) {
    throw Error(Errc::unavailable, "there is no `luck` today", EAGAIN);
  }
  OptionalEntry get(Key key, Call call) override { return next().get(key, call); }
};

}  // namespace

TEST_CASE("what cannot be made is named with its place, its region and its backend", "[stack]") {
  const auto error_of = [](const char* toml) -> std::string {
    try {
      HostOptions options;
      options.log = nullptr;
      Host host(Config::from_text(toml, "shop.toml"), options);
    } catch (const Error& error) {
      CHECK(error.code() == Errc::config);
      return error.what();
    }
    return "(none)";
  };
  CHECK(
      error_of("[backend.disk]\nplugin = \"lmdb\"\npath = \"/dev/null\"\n"
               "[region.r]\nbackend = \"disk\"\nvalues = \"bytes\"\n") ==
      "shop.toml:3:8: region `r`, backend `disk`: lmdb: /dev/null is not a folder: `path` names a "
      "folder, in which the files are made");
  CHECK_THAT(error_of("[region.r]\nbackend = { plugin = \"lmdb\", path = \"/dev/null\" }\n"
                      "values = \"bytes\"\n"),
             Catch::StartsWith("shop.toml:2:37: region `r`: lmdb: /dev/null is not a folder"));
}

TEST_CASE("a layer that cannot be made is named with its place, and its error keeps its code",
          "[stack]") {
  const Config config = Config::from_text(
      "[region.r]\nbackend = \"null\"\nwrap = [{ plugin = \"unlucky\", luck = \"all\" }]\n",
      "shop.toml");
  hosting::HostServices& services =
      hosting::HostServices::make(std::make_shared<SystemClock>(), nullptr, LogLevel::error);
  const auto none = [](Writer out) { out.map(0); };
  TestHost host("[region.r]\nbackend = \"null\"\n");
  const ComponentConfig& asked = config.regions.at(0).wrap.at(0);
  try {
    const hosting::Stack stack(
        host->stack_of("r")->shared_store(),
        {{&asked, &detail::ComponentOf<Unlucky>::value, Document::build(none)}}, services.table());
    FAIL("it was made");
  } catch (const hosting::NotMade& error) {
    const hosting::NotMade told = error.in_region("r");
    CHECK(std::string(told.what()) ==
          "shop.toml:3:38: region `r`: unlucky: there is no `luck` today");
    CHECK(told.words() == "unlucky: there is no `luck` today");
    CHECK(told.code() == Errc::unavailable);
    CHECK(told.system_error() == EAGAIN);
  }
}

TEST_CASE("the first of wrap is outermost", "[stack]") {
  TestHost host(R"(
[backend.b]
plugin = "memory"
[region.r]
backend = "b"
wrap = [{ plugin = "prefix", prefix = "outer:" }, { plugin = "prefix", prefix = "inner:" }]
[region.raw]
backend = "b"
)");
  host.region().set("k", 1);
  CHECK(host.region("raw").get<int>("inner:outer:k") == 1);
}

TEST_CASE("a store that is named is one store; one that is not is each region's own", "[stack]") {
  TestHost host(R"(
[backend.b]
plugin = "memory"
[region.a]
backend = "b"
[region.b]
backend = "b"
[region.c]
backend = "memory"
)");
  host.region("a").set("k", 1);
  CHECK(host.region("b").get<int>("k") == 1);
  CHECK_FALSE(host.region("c").get<int>("k").has_value());
}

TEST_CASE("an operation that a layer leaves alone costs it nothing: it is wired past", "[stack]") {
  TestHost host(R"(
[region.r]
backend = "memory"
wrap = ["msgpack", { plugin = "zstd" }]
)");
  const auto stack = host->stack_of("r");
  const cairn_next& top = stack->table();
  const cairn_next& bottom = stack->store().table();
  CHECK(top.remove.fn == bottom.remove.fn);
  CHECK(top.remove.self == bottom.remove.self);
  CHECK(top.get.fn != bottom.get.fn);
}

TEST_CASE("codecs in an order that cannot work are refused with the remedy", "[stack]") {
  const std::string text = errors_of(R"(
[region.r]
backend = "memory"
wrap = ["zstd", "msgpack"]
)");
  CHECK_THAT(text, Catch::Contains(
                       "`zstd` hands on bytes, but `msgpack` takes only documents or objects"));
  CHECK_THAT(text, Catch::Contains("list `msgpack` before `zstd`"));
  CHECK_THAT(text, Catch::Contains("<text>:4:9"));
}

TEST_CASE("codecs that cannot be together are told which to keep", "[stack]") {
  const auto wrapped = [](const std::string& wrap) {
    return errors_of("[region.r]\nbackend = \"memory\"\nwrap = [" + wrap + "]\n");
  };
  for (const char* wrap : {R"("msgpack", "json")", R"("json", "msgpack")"}) {
    const std::string text = wrapped(wrap);
    CHECK_THAT(text, Catch::Contains("both turn values into bytes: keep"));
    CHECK_THAT(text, !Catch::Contains("before"));
  }
  CHECK_THAT(wrapped(R"("msgpack", "msgpack")"),
             Catch::Contains("`msgpack` is there twice: keep one"));
}

TEST_CASE("a layer that passes values on is not blamed for the order of those round it",
          "[stack]") {
  const std::string text = errors_of(R"(
[region.r]
backend = "memory"
wrap = ["zstd", { plugin = "prefix", prefix = "p:" }, "json"]
)");
  CHECK_THAT(text,
             Catch::Contains("`zstd` hands on bytes, but `json` takes only documents or objects"));
  CHECK_THAT(text, Catch::Contains("list `json` before `zstd`"));
}

TEST_CASE("a proxy that is named as a backend is told where it belongs", "[stack]") {
  const std::string text = errors_of("[region.r]\nbackend = \"msgpack\"\n");
  CHECK_THAT(text, Catch::Contains("`msgpack` is a proxy, and cannot be the backend of a region"));
  CHECK_THAT(text, Catch::Contains("list it in `wrap`"));
}

TEST_CASE("a store of bytes without a codec is refused, unless values are bytes", "[stack]") {
  const std::string config = R"(
[region.r]
backend = { plugin = "lmdb", path = "/nonexistent/never-opened" }
)";
  const std::string text = errors_of(config);
  CHECK_THAT(text, Catch::Contains(
                       "`lmdb` keeps only bytes, and nothing in `wrap` turns values into bytes"));
  CHECK_THAT(text, Catch::Contains("add \"msgpack\" (or \"json\")"));
  Config bytes = Config::from_text(config + "values = \"bytes\"\n");
  CHECK_FALSE(has_errors(check(bytes)));
}

TEST_CASE("the layer that wants bytes is named, not one that passes values on to it", "[stack]") {
  CHECK_THAT(errors_of(R"(
[region.r]
backend = "memory"
wrap = [{ plugin = "prefix", prefix = "r:" }, "zstd"]
)"),
             Catch::Contains("4:47: error: `zstd` takes only bytes, and nothing before it"));
}

TEST_CASE("the same codec twice is worth a warning", "[stack]") {
  const Findings findings = check(Config::from_text(R"(
[region.r]
backend = "memory"
wrap = ["msgpack", "zstd", "zstd"]
)"));
  REQUIRE(findings.size() == 1);
  CHECK(findings[0].severity == Finding::Severity::warning);
  CHECK(findings[0].message == "`zstd` is in this stack twice");
}

TEST_CASE("locks in a store that has none are refused", "[stack]") {
  CHECK_THAT(errors_of(R"(
[region.r]
backend = { plugin = "memory", distributed_lock = true }
)"),
             Catch::Contains("`memory` has no locks that processes could share"));
}

TEST_CASE("regions that would overwrite each other are worth a warning", "[stack]") {
  const std::string config = R"(
[backend.b]
plugin = "memory"
[region.a]
backend = "b"
[region.c]
backend = "b"
)";
  const Findings findings = check(Config::from_text(config));
  REQUIRE(findings.size() == 1);
  CHECK_THAT(findings[0].message,
             Catch::Contains("regions `a` and `c` use the same keys of backend `b`"));
  CHECK(check(Config::from_text(config + "wrap = [{ plugin = \"prefix\", prefix = \"c:\" }]\n"))
            .empty());
}

TEST_CASE("a ttl shorter than the expiration is worth a warning", "[stack]") {
  const Findings findings = check(Config::from_text(R"(
[region.r]
backend = { plugin = "memory", ttl = "1m" }
expiration_time = "1h"
)"));
  REQUIRE(findings.size() == 1);
  CHECK_THAT(findings[0].message, Catch::Contains("after 1m, before they expire after 1h"));
}

TEST_CASE("an unknown plugin is an error that names the nearest", "[stack]") {
  CHECK_THAT(errors_of("[region.r]\nbackend = \"memroy\"\n"), Catch::Contains("memory"));
  CHECK_THAT(errors_of("[region.r]\nbackend = \"memory\"\nwrap = [\"prefx\"]\n"),
             Catch::Contains("prefix"));
}

TEST_CASE("all mistakes of a file are told at once", "[stack]") {
  const std::string text = errors_of(R"(
[region.a]
backend = "memroy"
[region.b]
backend = { plugin = "memory", max_bytes = 5 }
wrap = ["prefix"]
)");
  CHECK_THAT(text, Catch::Contains("memroy"));
  CHECK_THAT(text, Catch::Contains("max_bytes"));
  CHECK_THAT(text, Catch::Contains("`prefix`"));
}

TEST_CASE("a host tells mistakes in the order of the file, each once", "[stack]") {
  const std::string text = errors_of(R"([region.a]
backend = "shared"
wrap = [{ plugin = "prefix", prefx = "a" }, { plugin = "zstd", levle = 1, level = 100 }]
[backend.shared]
plugin = "memory"
distributed_lock = true
ttl = 5
[region.b]
backend = "shared"
)");
  std::vector<std::string> places;
  for (std::size_t at = 0; (at = text.find("<text>:", at)) != std::string::npos; ++at) {
    places.push_back(text.substr(at + 7, text.find(": error", at) - at - 7));
  }
  CHECK(places == std::vector<std::string>{"3:20", "3:30", "3:56", "3:64", "3:83", "4:10", "7:7"});
}

TEST_CASE("a store with a wrong option hides no other mistake of its regions", "[stack]") {
  const std::string text = errors_of(R"(
[backend.shared]
plugin = "lmdb"
permissions = "0999"
max_bytes = "much"
[region.a]
backend = "shared"
)");
  CHECK_THAT(text, Catch::Contains("`lmdb` needs the option `path`"));
  CHECK_THAT(text, Catch::Contains("`permissions` is \"0999\""));
  CHECK_THAT(text, Catch::Contains("`max_bytes`: expected a size"));
  CHECK_THAT(text, Catch::Contains("`lmdb` keeps only bytes"));
}

TEST_CASE("of two warnings at one place none is lost", "[stack]") {
  const Findings findings = check(Config::from_text(R"(
[backend.b]
plugin = "memory"
ttl = "1m"
[region.a]
backend = "b"
[region.c]
backend = "b"
expiration_time = "1h"
)"));
  REQUIRE(findings.size() == 2);
  CHECK_THAT(findings[0].message, Catch::Contains("before they expire after 1h"));
  CHECK_THAT(findings[1].message, Catch::Contains("use the same keys"));
  CHECK(findings[0].origin.line == findings[1].origin.line);
}

TEST_CASE("a region gets another stack while it is in use", "[stack]") {
  TestHost host("[region.r]\nbackend = \"memory\"\n");
  Region& region = host.region();
  std::atomic<bool> stop{false};
  std::atomic<long> reads{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 3; ++t) {
    threads.emplace_back([&] {
      while (!stop) {
        region.set("k", 1);
        const auto value = region.get<int>("k");
        if (value && *value != 1) std::abort();
        region.get_or_create("other", [] { return 2; });
        ++reads;
      }
    });
  }
  for (int i = 0; i < 20; ++i) {
    RegionConfig config = host->config_of("r");
    config.wrap = i % 2 == 0
                      ? std::vector<ComponentConfig>{{"prefix", {{"prefix", "p:"}}}, {"msgpack"}}
                      : std::vector<ComponentConfig>{};
    host->replace(config);
    const long before = reads;
    while (reads < before + 10) std::this_thread::yield();
  }
  stop = true;
  for (auto& thread : threads) thread.join();
  CHECK(region.get_or_create("k", [] { return 1; }) == 1);
}

TEST_CASE("a replacement that is wrong changes nothing", "[stack]") {
  TestHost host("[region.r]\nbackend = \"memory\"\n");
  host.region().set("k", 1);
  RegionConfig config = host->config_of("r");
  config.wrap = {{"nonsense"}};
  CHECK_THROWS_AS(host->replace(config), ConfigError);
  CHECK(host.region().get<int>("k") == 1);
}

TEST_CASE("what was void before a replacement stays void", "[stack]") {
  TestHost host("[backend.b]\nplugin = \"memory\"\n[region.r]\nbackend = \"b\"\n");
  host.region().set("k", 1);
  host.region().invalidate();
  host->replace(host->config_of("r"));
  CHECK_FALSE(host.region().get<int>("k").has_value());
}

TEST_CASE("a layer put round a region later is outermost", "[stack]") {
  TestHost host(R"(
[backend.b]
plugin = "memory"
[region.r]
backend = "b"
wrap = [{ plugin = "prefix", prefix = "inner:" }]
[region.raw]
backend = "b"
wrap = []
)");
  host->wrap("r", {"prefix", {{"prefix", "outer:"}}});
  host.region().set("k", 1);
  CHECK(host.region("raw").get<int>("inner:outer:k") == 1);
}

TEST_CASE("Prometheus text lists every region and counter", "[stack]") {
  TestHost host("[region.r]\nbackend = \"memory\"\n");
  host.region().set("k", 1);
  host.region().get<int>("k");
  host.region().get<int>("absent");
  const std::string text = host->prometheus();
  CHECK_THAT(
      text, Catch::Contains("# TYPE cairn_hits_total counter\ncairn_hits_total{region=\"r\"} 1\n"));
  CHECK_THAT(text, Catch::Contains("cairn_misses_total{region=\"r\",reason=\"absent\"} 1\n"));
}

TEST_CASE("what the layers of a region say of themselves can be read", "[stack]") {
  TestHost host(R"(
[region.r]
backend = "memory"
wrap = [{ plugin = "prefix", prefix = "p:" }, "msgpack", { plugin = "zstd", min_size = "0B" }]
)");
  host.region().set("k", std::vector<int>(1000, 7));
  const std::vector<LayerStatistics> all = host->layer_statistics("r");
  REQUIRE(!all.empty());
  CHECK(all.back().layer == "memory");
  CHECK(all.back().values.root().find("entries").int_value() == 1);
  const auto zstd = std::find_if(all.begin(), all.end(),
                                 [](const LayerStatistics& one) { return one.layer == "zstd"; });
  REQUIRE(zstd != all.end());
  CHECK_THAT(
      host->prometheus(),
      Catch::Contains("# TYPE cairn_layer untyped\n") &&
          Catch::Contains("cairn_layer{region=\"r\",layer=\"memory\",name=\"entries\"} 1\n"));
  CHECK_THROWS_AS(host->layer_statistics("absent"), Error);
}
