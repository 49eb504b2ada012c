#include "catch.hpp"
#include "test_host.hpp"

#include <map>
#include <set>

using namespace cairn;
using namespace std::chrono_literals;

namespace {

struct Address {
  std::string street;
  int number = 0;
  friend bool operator==(const Address&, const Address&) = default;
};
CAIRN_FIELDS(Address, street, number);

struct User {
  int id = 0;
  std::string name;
  std::optional<std::string> email;
  std::vector<Address> addresses;
  friend bool operator==(const User&, const User&) = default;
};
CAIRN_FIELDS(User, id, name, email, addresses);

const std::string for_ever = R"(
[region.r]
backend = "memory"
)";
const std::string encoded = R"(
[region.r]
backend = "memory"
wrap = ["msgpack"]
)";

template <class T>
void round_trips(Region& region, const T& value) {
  region.set("k", value);
  const std::optional<T> found = region.get<T>("k");
  REQUIRE(found.has_value());
  CHECK((*found == value));
}

}  // namespace

TEST_CASE("values of every sort come back as they were stored", "[region]") {
  const std::string config = GENERATE(for_ever, encoded);
  TestHost host(config);
  Region& region = host.region();
  round_trips(region, std::string("text with \0 inside", 18));
  round_trips(region, std::string());
  round_trips(region, std::vector<std::byte>{std::byte{0}, std::byte{255}});
  round_trips(region, 42);
  round_trips(region, std::uint64_t(18'000'000'000'000'000'000u));
  round_trips(region, -1.5);
  round_trips(region, true);
  round_trips(region, std::vector<int>{1, 2, 3});
  round_trips(region, std::map<std::string, double>{{"a", 1}, {"b", 2}});
  round_trips(region, std::set<std::string>{"x", "y"});
  round_trips(region, std::optional<int>());
  round_trips(region, std::optional<int>(7));
  round_trips(region, std::tuple<int, std::string>(1, "one"));
  round_trips(region, std::chrono::milliseconds(1500));
  round_trips(region, User{1, "Ada", std::nullopt, {{"Main Street", 5}}});
}

TEST_CASE("a literal is stored as a string", "[region]") {
  TestHost host(for_ever);
  host.region().set("k", "hello");
  CHECK(host.region().get<std::string>("k") == "hello");
  CHECK(host.region().get<Bytes>("k")->view() == "hello");
}

TEST_CASE("the memory backend keeps an object itself: two hits share one address", "[region]") {
  TestHost host(for_ever);
  host.region().set("u", User{1, "Ada", {}, {}});
  const Shared<User> a = host.region().get_shared<User>("u");
  const Shared<User> b = host.region().get_shared<User>("u");
  REQUIRE(a);
  CHECK(a.get() == b.get());
  CHECK(a->name == "Ada");
}

TEST_CASE("a shared value outlives its removal and its region", "[region]") {
  Shared<User> user;
  Bytes bytes;
  {
    TestHost host(for_ever);
    host.region().set("u", User{1, "Ada", {}, {}});
    host.region().set("b", std::string(1000, 'x'));
    user = host.region().get_shared<User>("u");
    bytes = *host.region().get<Bytes>("b");
    host.region().remove("u");
  }
  CHECK(user->name == "Ada");
  CHECK(bytes.view() == std::string(1000, 'x'));
}

TEST_CASE("an absent key is an empty optional", "[region]") {
  TestHost host(for_ever);
  CHECK_FALSE(host.region().get<int>("nothing").has_value());
  CHECK_FALSE(host.region().get_shared<User>("nothing"));
  CHECK_FALSE(host.region().metadata("nothing").has_value());
  CHECK_FALSE(host.region().remove("nothing"));
  CHECK(host.region().statistics().absent == 3);
}

TEST_CASE("a shared value that was moved from is empty", "[region]") {
  TestHost host(for_ever);
  host.region().set("u", User{1, "Ada", {}, {}});
  Shared<User> a = host.region().get_shared<User>("u");
  REQUIRE(a);
  Shared<User> b = std::move(a);
  CHECK_FALSE(a);  // NOLINT: on purpose
  CHECK(b->name == "Ada");
  a = std::move(b);
  CHECK_FALSE(b);  // NOLINT: on purpose
  CHECK(a->name == "Ada");
  a = a;  // NOLINT: on purpose
  CHECK(a->name == "Ada");
}

TEST_CASE("a removed key is absent, and removing it twice is fine", "[region]") {
  TestHost host(for_ever);
  host.region().set("k", 1);
  CHECK(host.region().remove("k"));
  CHECK_FALSE(host.region().remove("k"));
  CHECK_FALSE(host.region().get<int>("k").has_value());
}

TEST_CASE("a value of another type is a miss, counted, and an error if strict", "[region]") {
  TestHost host(for_ever);
  host.region().set("k", std::vector<std::string>{"a"});
  CHECK_FALSE(host.region().get<int>("k").has_value());
  CHECK(host.region().statistics().unreadable == 1);

  TestHost strict(for_ever + "strict = true\n");
  strict.region().set("k", std::vector<std::string>{"a"});
  CHECK_THROWS_WITH(strict.region().get<int>("k"), Catch::Contains("expected int, got list"));
}

TEST_CASE("a payload that a codec cannot read is one miss of its batch, and an error if strict",
          "[region]") {
  const auto with_codec = [](const std::string& rules) {
    return "[backend.b]\nplugin = \"memory\"\n[region.raw]\nbackend = \"b\"\n"
           "[region.r]\nbackend = \"b\"\nwrap = [\"msgpack\"]\n" +
           rules;
  };
  TestHost host(with_codec(""));
  host.region().set_multi(std::map<std::string, int>{{"a", 1}, {"b", 2}, {"c", 3}});
  host.region("raw").set("b", "\xc1 is no msgpack");
  const auto found = host.region().get_multi<int>({"a", "b", "c"});
  CHECK(found == std::vector<std::optional<int>>{1, std::nullopt, 3});
  CHECK_FALSE(host.region().get<int>("b").has_value());
  CHECK(host.region().statistics().unreadable == 2);
  CHECK(host.region().statistics().hits == 2);

  TestHost strict(with_codec("strict = true\n"));
  strict.region("raw").set("b", "\xc1 is no msgpack");
  CHECK_THROWS_WITH(strict.region().get<int>("b"), Catch::Contains("msgpack"));
}

TEST_CASE("a value that another type wrote is read if the documents agree", "[region]") {
  TestHost host(for_ever);
  host.region().set("k", std::map<std::string, int>{{"number", 5}});
  struct Local {
    int number;
  };
  CHECK(host.region().get<std::map<std::string, long>>("k")->at("number") == 5);
}

TEST_CASE("batches answer in the order of their keys, duplicates and misses included", "[region]") {
  TestHost host(for_ever);
  host.region().set_multi(std::map<std::string, int>{{"a", 1}, {"b", 2}});
  const auto found = host.region().get_multi<int>({"b", "nothing", "a", "b"});
  CHECK(found == std::vector<std::optional<int>>{2, std::nullopt, 1, 2});
  CHECK(host.region().remove_multi({"a", "nothing"}) == 1);
  CHECK(host.region().get_multi<int>({"a", "b"}) ==
        std::vector<std::optional<int>>{std::nullopt, 2});
}

TEST_CASE("empty batches do nothing", "[region]") {
  TestHost host(for_ever);
  CHECK(host.region().get_multi<int>(std::vector<std::string>{}).empty());
  host.region().set_multi(std::map<std::string, int>{});
  CHECK(host.region().remove_multi(std::vector<std::string>{}) == 0);
  CHECK(host.region().statistics().misses() == 0);
}

TEST_CASE("an expired value is a miss for get, whatever was asked of other calls", "[region]") {
  TestHost host(for_ever + "expiration_time = \"10s\"\n");
  Region& region = host.region();
  region.set("k", 1);
  host.clock.advance(10s);
  CHECK(region.get<int>("k") == 1);  // strictly older
  host.clock.advance(1ms);
  CHECK_FALSE(region.get<int>("k").has_value());
  CHECK(region.get<int>("k", {.ignore_expiration = true}) == 1);
  CHECK(region.get<int>("k", {.expiration_time = Expiration(1h)}) == 1);
  CHECK(region.get<int>("k", {.expiration_time = Expiration::never()}) == 1);
  CHECK_FALSE(region.get<int>("k").has_value());  // an override is not remembered
  CHECK(region.get_multi<int>({"k"}) == std::vector<std::optional<int>>{std::nullopt});
  CHECK(region.get_multi<int>(std::vector<std::string>{"k"}, {.ignore_expiration = true}) ==
        std::vector<std::optional<int>>{1});
  CHECK(region.statistics().expired == 3);
}

TEST_CASE("an expiration of nothing always expires, never never", "[region]") {
  TestHost host(for_ever);
  host.region().set("k", 1);
  CHECK_FALSE(host.region().get<int>("k", {.expiration_time = Expiration(0s)}).has_value());
  host.clock.advance(24h * 365 * 10);
  CHECK(host.region().get<int>("k") == 1);
}

TEST_CASE("metadata says when a value was made and how old it is", "[region]") {
  TestHost host(for_ever + "ttl = \"1h\"\n");
  const Time start = host.clock.now();
  host.region().set("k", 1);
  host.clock.advance(90s);
  const auto metadata = host.region().metadata("k");
  REQUIRE(metadata);
  CHECK(metadata->created == start);
  CHECK(metadata->age == 90s);
  CHECK(metadata->value_version == 2);
  CHECK(metadata->expires == start + 1h);
  const auto cached = host.region().get_with_metadata<int>("k");
  REQUIRE(cached);
  CHECK(cached->value == 1);
  CHECK(cached->metadata.age == 90s);
}

TEST_CASE("the store forgets a value after its time to live", "[region]") {
  TestHost host(for_ever + "ttl = \"1m\"\n");
  host.region().set("k", 1);
  host.region().set("short", 1, {.ttl = 10s});
  host.clock.advance(11s);
  CHECK(host.region().get<int>("k") == 1);
  CHECK_FALSE(host.region().get<int>("short").has_value());
  host.clock.advance(50s);
  CHECK_FALSE(host.region().get<int>("k", {.ignore_expiration = true}).has_value());
}

TEST_CASE("keys are mangled as configured, or by a function", "[region]") {
  TestHost host(for_ever + "key_mangler = \"length_conditional(8)\"\n");
  Region& region = host.region();
  region.set("short", 1);
  region.set("a longer key", 2);
  CHECK(region.get<int>("short") == 1);
  CHECK(region.get<int>("a longer key") == 2);
  region.set_key_mangler([](std::string_view) { return "one for all"; });
  region.set("x", 3);
  CHECK(region.get<int>("y") == 3);
  region.set_key_mangler(nullptr);
  CHECK(region.get<int>("a longer key") == 2);
}

TEST_CASE("an unknown region is an error that names the known ones", "[region]") {
  TestHost host(for_ever + "[region.users]\nbackend = \"memory\"\n");
  CHECK_THROWS_WITH(host->region("user"),
                    "there is no region `user`; there are `r`, `users` (did you mean `users`?)");
  CHECK(host->has_region("users"));
  CHECK(host->region_names() == std::vector<std::string>{"r", "users"});
}

TEST_CASE("a stack that takes only bytes stores strings, and says what else needs", "[region]") {
  TestHost host(R"(
[region.r]
backend = "memory"
wrap = ["zstd"]
values = "bytes"
)");
  host.region().set("k", "text");
  CHECK(host.region().get<std::string>("k") == "text");
  CHECK_THROWS_WITH(host.region().set("k", 5), Catch::Contains("add \"msgpack\" or \"json\""));
}

TEST_CASE("how old a value may be is said in any unit", "[region]") {
  TestHost host("[region.r]\nbackend = \"memory\"\n");
  host.region().set("k", 1);
  host.clock.advance(2min);
  CHECK(host.region().get<int>("k", {.expiration_time = 5min}) == 1);
  CHECK_FALSE(host.region().get<int>("k", {.expiration_time = 90s}));
  CHECK(host.region().get_or_create("k", [] { return 2; }, {.expiration_time = 1h}) == 1);
}
