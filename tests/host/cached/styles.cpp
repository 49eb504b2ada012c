// Ways to say the same: what a program may write, and has the effect that it seems to have.

#include "catch.hpp"
#include "test_host.hpp"

#include <array>
#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

namespace styles {

struct Address {
  std::string street;

  Address* operator&() = delete;
  const Address* operator&() const = delete;
};
CAIRN_FIELDS(Address, street);

// Names that the library's own functions have, too.
template <class T>
bool found(const T&) {
  return false;
}
template <class T>
std::size_t beyond(const T&) {
  return 0;
}
template <class T>
std::size_t charge_of(const T&) {
  return 0;
}
template <class A, class B>
void read_into(A&&, B&&) {}
template <class T>
void append_key(std::string& out, const T&) {
  out += "?";
}

struct Id {
  int number = 0;
};
std::string to_key(const Id& id) {
  return std::to_string(id.number);
}

struct Shape {
  int sides = 0;
  virtual ~Shape() = default;
};
CAIRN_FIELDS(Shape, sides);
struct Named final : Shape {
  std::string name;
};

struct Money {
  int cents = 0;
};
void to_document(const Money& money, cairn::Writer out) {
  if (money.cents != 0) out.integer(money.cents);
}
void from_document(cairn::Node node, Money& money) {
  money.cents = node.is_null() ? 0 : static_cast<int>(node.int_value());
}
// Its base's functions would lose the currency.
struct Price : Money {
  std::string currency;
};
CAIRN_FIELDS(Price, cents, currency);

}  // namespace styles

using namespace cairn;
using namespace std::chrono_literals;
using namespace styles;

namespace {

struct Fixture {
  TestHost host{R"(
[region.r]
backend = "memory"
expiration_time = "10s"
[region.documents]
backend = "memory"
wrap = ["msgpack"]
)"};
  Region& region = host.region();
  Region& documents = host.region("documents");
};

}  // namespace

TEST_CASE_METHOD(Fixture, "the type of what is created may be said", "[styles]") {
  const auto half = region.get_or_create<double>("half", [] { return 1; });
  STATIC_REQUIRE(std::is_same_v<decltype(half), const double>);
  CHECK(region.get<double>("half") == 1.0);
  const auto text = region.get_or_create<std::string>("text", [] { return "text"; });
  CHECK(text == "text");
  CHECK(region.get_or_create<std::optional<int>>("perhaps", [] { return 3; }) == 3);
  CHECK(*region.get_or_create_shared<double>("shared", [] { return 2; }) == 2.0);
  const auto many = region.get_or_create_multi<double>(
      {"a", "b"}, [](auto keys) { return std::vector<int>(keys.size(), 4); });
  CHECK(many == std::vector<std::optional<double>>{4.0, 4.0});
}

TEST_CASE_METHOD(Fixture, "pairs to store may be written in braces", "[styles]") {
  region.set_multi<int>({{"a", 1}, {"b", 2}});
  CHECK(region.get<int>("a") == 1);
  CHECK(region.get<int>("b") == 2);
}

TEST_CASE_METHOD(Fixture, "a time to live that is over already keeps nothing", "[styles]") {
  region.set("a", 1);
  region.set("a", 2, {.ttl = -1s});
  CHECK(region.get<int>("a") == std::nullopt);
  region.set("b", 1);
  region.set_multi(std::map<std::string, int>{{"b", 2}, {"c", 3}}, {.ttl = -1ns});
  CHECK(region.get_multi<int>({"b", "c"}) == std::vector<std::optional<int>>(2));
}

TEST_CASE_METHOD(Fixture, "a creator of many may return texts, or what it has", "[styles]") {
  const auto texts = region.get_or_create_multi(
      {"a", "b"}, [](auto keys) { return std::vector<std::string_view>(keys.size(), "text"); });
  CHECK(texts == std::vector<std::optional<std::string>>{"text", "text"});
  const std::vector<int> numbers{7};
  CHECK(region.get_or_create_multi({"c"}, [&](auto) -> const std::vector<int>& {
    return numbers;
  }) == std::vector<std::optional<int>>{7});
}

TEST_CASE_METHOD(Fixture, "should_cache may be a member of the value", "[styles]") {
  region.get_or_create(
      "k", [] { return std::string(); }, {}, &std::string::size);
  CHECK_FALSE(region.get<std::string>("k").has_value());
}

TEST_CASE_METHOD(Fixture,
                 "a type that hides its address, or whose functions are named as ours, is a value",
                 "[styles]") {
  for (Region* each : {&region, &documents}) {
    each->set("home", Address{"High Street"});
    CHECK(each->get<Address>("home")->street == "High Street");
    const auto all = each->get_or_create("all", [] {
      return std::vector<std::optional<Address>>{Address{"a"}, std::nullopt};
    });
    CHECK(all.at(0)->street == "a");
    CHECK(each->get_or_create_shared("one", [] { return Address{"b"}; })->street == "b");
  }
}

TEST_CASE_METHOD(Fixture, "a derived class is not cut down to what its base converts", "[styles]") {
  Price price;
  price.cents = 5;
  price.currency = "EUR";
  documents.set("price", price);
  CHECK(documents.get<Price>("price")->currency == "EUR");
  CHECK(documents.get<Price>("price")->cents == 5);
  documents.set("money", Money{0});
  CHECK(documents.get<Money>("money")->cents == 0);
}

TEST_CASE_METHOD(Fixture, "a pointer to an object of a derived class is kept whole or not at all",
                 "[styles]") {
  auto named = std::make_shared<Named>();
  named->sides = 3;
  const std::shared_ptr<Shape> shape = named;
  region.set("shape", shape);
  CHECK(region.get<std::shared_ptr<Shape>>("shape") == shape);
  documents.set("plain", std::make_shared<Shape>());
  CHECK((*documents.get<std::shared_ptr<Shape>>("plain"))->sides == 0);
  CHECK_THROWS_WITH(Document::build([&](Writer out) { cairn::write(out, shape); }),
                    Catch::Contains("derived class"));
}

TEST_CASE_METHOD(Fixture, "a function that cannot be copied may be cached", "[styles]") {
  auto f = region.cached("f", [p = std::make_unique<int>(3)](int n) { return *p * n; });
  CHECK(f(2) == 6);
  CHECK(f.refresh(2) == 6);
}

TEST_CASE_METHOD(Fixture, "a cached function may return text as it likes", "[styles]") {
  auto f = region.cached("f", [](int) -> const char* { return "text"; },
                         {.should_cache = [](std::string_view text) { return text != ""; }});
  CHECK(f(1) == "text");
  CHECK(f.get(1) == "text");
  auto many = region.cached_multi("many", [](std::span<const int> ids) {
    return std::vector<std::string_view>(ids.size(), "text");
  });
  CHECK(many({1, 2}) == std::vector<std::string>{"text", "text"});
  CHECK(many.refresh({1}) == std::vector<std::string>{"text"});
}

TEST_CASE_METHOD(Fixture, "the rule of a function's expiration may be a lambda", "[styles]") {
  std::chrono::seconds age = 100s;
  int calls = 0;
  auto f =
      region.cached("f", [&](int) { return ++calls; }, {.expiration_time = [&] { return age; }});
  CHECK(f(1) == 1);
  host.clock.advance(50s);
  CHECK(f(1) == 1);
  age = 20s;
  CHECK(f.get(1) == std::nullopt);
  auto g = region.cached("g", [](int n) { return n; },
                         {.expiration_time = std::function<std::chrono::minutes()>()});
  CHECK(g(1) == 1);
  host.clock.advance(11s);
  CHECK(g.get(1) == std::nullopt);
}

TEST_CASE_METHOD(Fixture, "options of a function may be made before", "[styles]") {
  CachedOptions<int(int)> options;
  options.name_space = "n";
  int (*function)(int) = [](int n) { return n + 1; };
  CHECK(region.cached("f", function, options).key(1) == "n:f|1");
  CHECK(region.cached<int(int)>("f", function, options)(1) == 2);
}

TEST_CASE_METHOD(Fixture, "an argument that cannot be copied is taken by reference", "[styles]") {
  auto f = region.cached("f", [](const std::unique_ptr<int>& n) { return *n; },
                         {.key = [](const std::unique_ptr<int>& n) { return std::to_string(*n); }});
  CHECK(f(std::make_unique<int>(3)) == 3);
  CHECK(f.get(std::make_unique<int>(3)) == 3);
}

TEST_CASE_METHOD(Fixture, "the arguments of a function of many come in any range", "[styles]") {
  std::vector<int> asked;
  auto f = region.cached_multi("f", [&](std::span<const int> ids) {
    asked.insert(asked.end(), ids.begin(), ids.end());
    std::unordered_map<int, int> results;
    for (const int id : ids) results.emplace(id, 10 * id);
    return results;
  });
  const std::array ids{1, 2};
  const std::map<int, int> wanted{{1, 10}, {2, 20}};
  CHECK(f(ids) == wanted);
  CHECK(f(std::span<const int>(ids)) == wanted);
  CHECK(f(std::set<int>{1, 2}) == wanted);
  CHECK(f(ids | std::views::transform([](int id) { return id; })) == wanted);
  CHECK(asked == std::vector{1, 2});
  CHECK(f.invalidate(std::set<int>{1, 2}) == 2);
  f.set(std::unordered_map<int, int>{{1, 5}});
  CHECK(f.get(ids) == std::vector<std::optional<int>>{5, std::nullopt});
  f.set(std::vector<std::pair<int, int>>{{2, 6}});
  CHECK(f(ids) == std::map<int, int>{{1, 5}, {2, 6}});
}

TEST_CASE("times and days are parts of keys", "[styles]") {
  using namespace std::chrono;
  CHECK(function_key("f", sys_days(2026y / 11 / 26)) == "f|20783*86400/1");
  CHECK(function_key("f", local_days(2026y / 11 / 26)) == "f|20783*86400/1");
  CHECK(function_key("f", 2026y / 11 / 26) == "f|2026-11-26");
  CHECK(function_key("f", sys_seconds(1s)) != function_key("f", sys_seconds(2s)));
}

TEST_CASE("a pointer to text that is null has a key", "[styles]") {
  const char* none = nullptr;
  CHECK(function_key("f", none) == "f|-");
  CHECK(function_key("f", "-") == "f|1:-");
  CHECK(std::holds_alternative<std::nullptr_t>(detail::key_part(none)));
}

TEST_CASE("a key is made by the functions that were written for its type", "[styles]") {
  CHECK(function_key("f", std::vector<Id>{{4}, {5}}, std::optional(Id{6})) == "f|(1:4,1:5),1:6");
}

TEST_CASE("options of a plugin in code may be paths, durations and lists of texts", "[styles]") {
  const std::vector<std::string> nodes{"a", "b"};
  const ConfigTable options{
      {"path", std::filesystem::path("/tmp")}, {"ttl", 5min}, {"nodes", nodes}};
  CHECK(*options.find("path")->as_text() == "/tmp");
  CHECK(*options.find("ttl")->as_text() == "300000000000ns");
  CHECK(options.find("nodes")->as_list()->size() == 2);
  STATIC_REQUIRE_FALSE(std::is_constructible_v<ConfigValue, int*>);
}
