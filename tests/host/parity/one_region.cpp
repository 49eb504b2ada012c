// Behaviours of dogpile.cache's regions that no other test has as its subject.
#include "catch.hpp"
#include "region/sha1.hpp"
#include "stack/stack.hpp"
#include "test_host.hpp"

using namespace cairn;
using namespace std::chrono_literals;

namespace {

std::vector<std::string> as_texts(std::span<const std::string_view> names) {
  return {names.begin(), names.end()};
}

}  // namespace

TEST_CASE("metadata is absent for what is absent or expired, unless age is ignored", "[parity]") {
  TestHost host(plain);
  Region& region = host.region();
  CHECK_FALSE(region.metadata("k"));
  region.set("k", 1);
  const Time made = host.clock.now();
  host.clock.advance(4s);
  REQUIRE(region.metadata("k"));
  CHECK(region.metadata("k")->created == made);
  CHECK(region.metadata("k")->age == 4s);
  CHECK(region.metadata("k")->value_version == 2);
  host.clock.advance(7s);
  CHECK_FALSE(region.metadata("k"));
  CHECK(region.metadata("k", {.ignore_expiration = true})->age == 11s);
}

TEST_CASE("each invalidation has a batch created once more, hard or soft", "[parity]") {
  TestHost host(plain);
  Region& region = host.region();
  int calls = 0;
  const auto create = [&](std::span<const std::string_view> names) {
    ++calls;
    return std::vector<int>(names.size(), calls);
  };
  const auto ask = [&] { return region.get_or_create_multi({"a", "b"}, create); };
  using Values = std::vector<std::optional<int>>;
  CHECK(ask() == Values{1, 1});
  for (const Invalidation kind : {Invalidation::hard, Invalidation::soft}) {
    const int before = calls;
    region.invalidate(kind);
    CHECK(region.get_multi<int>({"a", "b"}) == Values{std::nullopt, std::nullopt});
    CHECK(ask() == Values{before + 1, before + 1});
    CHECK(ask() == Values{before + 1, before + 1});
    CHECK(calls == before + 1);
  }
}

TEST_CASE("a soft invalidation in a region that never expires makes one creation", "[parity]") {
  TestHost host("[region.r]\nbackend = \"memory\"\n");
  Region& region = host.region();
  int calls = 0;
  const auto create = [&] { return ++calls; };
  region.invalidate(Invalidation::soft);
  CHECK(region.get_or_create("k", create) == 1);  // a new value, after the invalidation
  CHECK(region.get_or_create("k", create) == 1);
  region.invalidate(Invalidation::soft);
  CHECK(region.get_or_create("k", create, {Expiration::never()}) == 2);
  CHECK(
      region
          .get_or_create_multi({"k"}, [&](auto names) { return std::vector<int>(names.size(), 9); })
          .front() == 2);
}

TEST_CASE("a region that never expires keeps what is there, for get as well", "[parity]") {
  TestHost host("[region.r]\nbackend = \"memory\"\nexpiration_time = \"never\"\n");
  host.region().set("k", 1);
  host.clock.advance(24h * 10'000);
  CHECK(host.region().get<int>("k") == 1);
  CHECK(host.region().get_multi<int>({"k"}).front() == 1);
  CHECK(host.region().get_or_create("k", [] { return 2; }) == 1);
}

TEST_CASE("an expired batch is created anew in the order of its keys, and never on request",
          "[parity]") {
  TestHost host(plain);
  Region& region = host.region();
  std::vector<std::string> asked;
  const auto create = [&](std::span<const std::string_view> names) {
    asked = as_texts(names);
    return std::vector<int>(names.size(), 5);
  };
  region.set_multi(std::map<std::string, int>{{"b", 1}, {"a", 2}});
  host.clock.advance(11s);
  using Values = std::vector<std::optional<int>>;
  CHECK(region.get_multi<int>({"b", "a"}) == Values{std::nullopt, std::nullopt});
  CHECK(region.get_multi<int>({"b", "a"}, {.ignore_expiration = true}) == Values{1, 2});
  CHECK(region.get_or_create_multi({"b", "a"}, create, {Expiration::never()}) == Values{1, 2});
  CHECK(asked.empty());
  CHECK(region.get_or_create_multi({"b", "a"}, create) == Values{5, 5});
  CHECK(asked == std::vector<std::string>{"a", "b"});
}

TEST_CASE("a batch that should not be cached at all writes nothing and keeps the old values",
          "[parity]") {
  TestHost host(plain);
  Region& region = host.region();
  region.set("a", 1);
  host.clock.advance(11s);
  const auto two = [](std::span<const std::string_view> names) {
    return std::vector<int>(names.size(), 2);
  };
  const auto no = [](int) { return false; };
  CHECK(region.get_or_create_multi({"a", "b"}, two, {}, no) ==
        std::vector<std::optional<int>>{2, 2});
  CHECK(region.get<int>("a", {.ignore_expiration = true}) == 1);
  CHECK_FALSE(region.get<int>("b"));
}

TEST_CASE("SHA-1 of a key is dogpile's", "[parity][keys]") {
  CHECK(hosting::sha1_hex("some_key") == "53def077a4264bd3183d4eb21b1f56f883e1b572");
  CHECK(hosting::sha1_hex("") == "da39a3ee5e6b4b0d3255bfef95601890afd80709");
}

TEST_CASE("a length is counted in bytes, as stores count it", "[parity][keys]") {
  TestHost host(R"toml(
[backend.b]
plugin = "memory"
[region.r]
backend = "b"
key_mangler = "length_conditional(250)"
[region.raw]
backend = "b"
)toml");
  std::string key;
  for (int i = 0; i < 200; ++i) key += "\xc3\xa9";  // 200 letters, 400 bytes
  host.region().set(key, 1);
  host.region().set("short", 2);
  CHECK(host.region("raw").get<int>(hosting::sha1_hex(key)) == 1);
  CHECK(host.region("raw").get<int>("short") == 2);
}

TEST_CASE("keys and texts that are not ASCII come back as they are", "[parity][keys]") {
  TestHost host(plain);
  const std::string text = "m\xc3\xa9il le \xc5\x93uf \xe2\x82\xac";
  auto shout = host.region().cached("shout", [](const std::string& word) { return word + "!"; });
  CHECK(shout(text) == text + "!");
  CHECK(host.region().get<std::string>(shout.key(text)) == text + "!");
}

TEST_CASE("null stores nothing, whatever is asked of it", "[parity]") {
  TestHost host("[region.r]\nbackend = \"null\"\n");
  Region& region = host.region();
  region.set("k", 1);
  region.set_multi(std::map<std::string, int>{{"a", 1}});
  CHECK_FALSE(region.get<int>("k"));
  CHECK(region.get_multi<int>({"a", "k"}) == std::vector<std::optional<int>>(2));
  CHECK_FALSE(region.remove("k"));
  CHECK(region.remove_multi({"a", "k"}) == 0);
  CHECK_FALSE(region.key_is_locked("k"));
  auto count = region.cached("count", [n = 0](int) mutable { return ++n; });
  CHECK(count(1) == 1);
  CHECK(count(1) == 2);
}

TEST_CASE("the store below all layers can be asked for", "[parity]") {
  TestHost host(R"(
[region.plain]
backend = "memory"
[region.wrapped]
backend = "memory"
wrap = ["msgpack", { plugin = "prefix", prefix = "a:" }, { plugin = "prefix", prefix = "b:" }]
)");
  CHECK(host->stack_of("plain")->store().config().component.plugin == "memory");
  CHECK(host->stack_of("wrapped")->store().config().component.plugin == "memory");
  const auto before = host->stack_of("plain")->shared_store();
  host->replace(RegionConfig{"plain", "null"});
  CHECK(host->stack_of("plain")->store().config().component.plugin == "null");  // not what it was
}

TEST_CASE("two layers of one kind keep apart what they were configured with", "[parity]") {
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

TEST_CASE("a region is configured when it exists: there is none without a backend", "[parity]") {
  CHECK_THROWS_WITH(TestHost("[region.r]\n"), Catch::Contains("backend"));
  TestHost host(plain);
  CHECK(host->has_region("r"));
  CHECK_FALSE(host->has_region("other"));
  CHECK(host.region().name() == "r");
}
