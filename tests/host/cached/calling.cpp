#include "catch.hpp"
#include "meanwhile.hpp"
#include "test_host.hpp"

#include <atomic>
#include <future>
#include <thread>

using namespace cairn;
using namespace std::chrono_literals;

namespace {

int free_calls = 0;
int twice(int n) {
  ++free_calls;
  return 2 * n;
}

int overloaded(int n) {
  return n;
}
std::string overloaded(const std::string& text) {
  return text + "!";
}

struct Shop {
  int calls = 0;
  std::string name;
  std::string price(int article) {
    ++calls;
    return name + std::to_string(article);
  }
  std::size_t length(const std::string& suffix) const noexcept { return (name + suffix).size(); }
};
struct Kiosk : Shop {};

struct Article {
  std::string id;
};

}  // namespace

TEST_CASE("a cached function is called once for each list of arguments", "[cached]") {
  TestHost host(plain);
  int calls = 0;
  auto add = host.region().cached("add", [&](int a, int b) {
    ++calls;
    return a + b;
  });
  CHECK(add(1, 2) == 3);
  CHECK(add(1, 2) == 3);
  CHECK(add(2, 1) == 3);
  CHECK(calls == 2);
  CHECK(add.key(1, 2) == "add|1,2");
  host.clock.advance(11s);
  CHECK(add(1, 2) == 3);  // as old as the region allows
  CHECK(calls == 3);
}

TEST_CASE("a free function can be cached, and one without arguments", "[cached]") {
  TestHost host(plain);
  auto doubled = host.region().cached("twice", twice);
  free_calls = 0;
  CHECK(doubled(21) == 42);
  CHECK(doubled(21) == 42);
  CHECK(free_calls == 1);
  auto answer = host.region().cached("answer", [] { return std::string("42"); });
  CHECK(answer() == "42");
  CHECK(answer.key() == "answer|");
}

TEST_CASE("an overloaded or generic function is cached by a signature that is said", "[cached]") {
  TestHost host(plain);
  auto number = host.region().cached<int(int)>("number", overloaded);
  auto text = host.region().cached<std::string(const std::string&)>("text", overloaded);
  auto generic = host.region().cached<long(long)>("generic", [](auto n) { return n + 1; });
  auto plain_one = host.region().cached<int(int)>("twice", twice);
  CHECK(number(5) == 5);
  CHECK(text("a") == "a!");
  CHECK(generic(1) == 2);
  CHECK(plain_one(3) == 6);
}

TEST_CASE("a member function is cached for an object, const or not, its own or of a base",
          "[cached]") {
  TestHost host(plain);
  Kiosk shop;
  shop.name = "shop";
  auto price = host.region().cached("price", &Shop::price, shop);
  CHECK(price(7) == "shop7");
  CHECK(price(7) == "shop7");
  CHECK(shop.calls == 1);
  auto length = host.region().cached("length", &Shop::length, shop);
  CHECK(length("!!") == 6);
}

TEST_CASE("methods of the same name are kept apart by their namespaces", "[cached]") {
  TestHost host(plain);
  Shop a;
  a.name = "a";
  Shop b;
  b.name = "b";
  auto price_a = host.region().cached("price", &Shop::price, a, {.name_space = "a"});
  auto price_b = host.region().cached("price", &Shop::price, b, {.name_space = "b"});
  CHECK(price_a(1) == "a1");
  CHECK(price_b(1) == "b1");
  CHECK(price_a(1) == "a1");
  CHECK(price_a.key(1) == "a:price|1");
}

TEST_CASE("a function's own expiration overrides the region's, for its get too", "[cached]") {
  TestHost host(plain);
  int calls = 0;
  auto count = host.region().cached("count", [&](int) { return ++calls; }, {.expiration_time = 2s});
  auto never = host.region().cached("never", [&](int) { return 100 + ++calls; },
                                    {.expiration_time = Expiration::never()});
  CHECK(count(1) == 1);
  CHECK(never(1) == 102);
  host.clock.advance(3s);
  CHECK(count.get(1) == std::nullopt);
  CHECK(host.region().get<int>(count.key(1)) == 1);  // by the region's own it is still good
  CHECK(count(1) == 3);
  host.clock.advance(1h);
  CHECK(never(1) == 102);
  CHECK(never.get(1) == 102);
}

TEST_CASE("an expiration may be a function that is asked at each call; 0 creates each time",
          "[cached]") {
  TestHost host(plain);
  int calls = 0;
  std::chrono::seconds age = 5s;
  auto count = host.region().cached("count", [&](int) { return ++calls; },
                                    {.expiration_time = {[&] { return Expiration(age); }}});
  CHECK(count(1) == 1);
  host.clock.advance(4s);
  CHECK(count(1) == 1);
  age = 3s;
  CHECK(count(1) == 2);
  age = 0s;
  CHECK(count(1) == 3);
  CHECK(count(1) == 4);
}

TEST_CASE("should_cache refuses to store a result that is returned all the same", "[cached]") {
  TestHost host(plain);
  int calls = 0;
  auto count = host.region().cached("count", [&](int) { return ++calls; },
                                    {.should_cache = [](int value) { return value != 1; }});
  CHECK(count(1) == 1);
  CHECK(count.get(1) == std::nullopt);
  CHECK(count(1) == 2);
  CHECK(count(1) == 2);
}

TEST_CASE("a function's key can be made by a function of its arguments", "[cached]") {
  TestHost host(plain);
  auto find = host.region().cached(
      "find", [](const Article& article, int) { return article.id; },
      {.key = [](const Article& article, int) { return "article:" + article.id; }});
  CHECK(find({"a"}, 1) == "a");
  CHECK(host.region().get<std::string>("article:a") == "a");
  CHECK(find.key({"a"}, 2) == "article:a");
  CHECK_THROWS_WITH(host.region().cached("bare", [](const Article& article) { return article.id; }),
                    Catch::Contains("cached function bare") && Catch::Contains("to_key"));
}

TEST_CASE("keys come from the function's generator, else the region's, else the default",
          "[cached]") {
  TestHost host(plain);
  const auto shout = [](std::string_view name, std::span<const KeyPart> parts) {
    return std::string(name) + "!" + std::to_string(parts.size());
  };
  auto before = host.region().cached("f", twice);
  host.region().set_key_generator(shout);
  auto by_region = host.region().cached("f", twice, {.name_space = "n"});
  auto by_function =
      host.region().cached("f", twice, {.key_generator = dogpile_key_generator("shop")});
  CHECK(before.key(1) == "f|1");
  CHECK(by_region.key(1) == "n:f!1");
  CHECK(by_function.key(1) == "shop:f|1");
  host.region().set_key_generator({});
  CHECK(host.region().cached("f", twice).key(1) == "f|1");
}

TEST_CASE("set stores as if the function had returned it, also what is false", "[cached]") {
  TestHost host(plain);
  int calls = 0;
  auto count = host.region().cached("count", [&](int) { return ++calls; });
  count.set(0, 5);
  CHECK(count(5) == 0);
  CHECK(count.get(5) == 0);
  auto text = host.region().cached("text", [&](int) { return "made " + std::to_string(++calls); });
  text.set("", 5);
  CHECK(text(5).empty());
  auto flag = host.region().cached("flag", [&](int) { return ++calls > 0; });
  flag.set(false, 5);
  CHECK_FALSE(flag(5));
  CHECK(calls == 0);
}

TEST_CASE("get answers nothing for what is not cached, and calls nobody", "[cached]") {
  TestHost host(plain);
  int calls = 0;
  auto count = host.region().cached("count", [&](int) { return ++calls; });
  CHECK(count.get(1) == std::nullopt);
  CHECK(calls == 0);
  count(1);
  CHECK(count.get(1) == 1);
  CHECK(count.get(2) == std::nullopt);
}

TEST_CASE("refresh calls the function whatever is cached, and stores its result", "[cached]") {
  TestHost host(plain);
  int calls = 0;
  auto count = host.region().cached("count", [&](int) { return ++calls; },
                                    {.should_cache = [](int) { return false; }});
  CHECK(count.refresh(1) == 1);
  CHECK(count.refresh(1) == 2);
  CHECK(count(1) == 2);
}

TEST_CASE("what was refreshed while the region was invalidated stays void", "[cached]") {
  TestHost host(plain);
  auto one = host.region().cached("one", [&](int) {
    host.region().invalidate();
    return 1;
  });
  CHECK(one.refresh(5) == 1);
  CHECK(one.get(5) == std::nullopt);
  auto many = host.region().cached_multi("many", [&](std::span<const int> n) {
    host.region().invalidate();
    return std::vector<int>(n.begin(), n.end());
  });
  CHECK(many.refresh({1, 2}) == std::vector<int>{1, 2});
  CHECK(many.get({1}).front() == std::nullopt);
}

TEST_CASE("invalidate forgets the result for these arguments only", "[cached]") {
  TestHost host(plain);
  int calls = 0;
  auto count = host.region().cached("count", [&](int) { return ++calls; });
  count(1);
  count(2);
  CHECK(count.invalidate(1));
  CHECK_FALSE(count.invalidate(1));
  CHECK(count(1) == 3);
  CHECK(count(2) == 2);
}

TEST_CASE("original calls the function past the cache", "[cached]") {
  TestHost host(plain);
  int calls = 0;
  auto count = host.region().cached("count", [&](int) { return ++calls; });
  CHECK(count.original(1) == 1);
  CHECK(count.original(1) == 2);
  CHECK(count.get(1) == std::nullopt);
}

TEST_CASE("what the function throws comes out unchanged, and nothing is cached", "[cached]") {
  TestHost host(plain);
  auto fails = host.region().cached("fails", [](int code) -> int { throw code; });
  try {
    fails(42);
    FAIL("it did not throw");
  } catch (int code) {
    CHECK(code == 42);
  }
  CHECK(fails.get(42) == std::nullopt);
}

TEST_CASE("on null, a cached function is called each time", "[cached]") {
  TestHost host("[region.r]\nbackend = \"null\"\n");
  int calls = 0;
  auto count = host.region().cached("count", [&](int) { return ++calls; });
  CHECK(count(1) == 1);
  CHECK(count(1) == 2);
}

TEST_CASE("a stale result is recreated in the background with copies of the arguments",
          "[cached]") {
  TestHost host(plain + "background = true\n");
  auto gate = std::make_shared<std::promise<void>>();
  std::shared_future<void> open = gate->get_future().share();
  auto calls = std::make_shared<std::atomic<int>>(0);
  auto count = host.region().cached("count", [open, calls](const std::string& text) {
    if (++*calls > 1) open.wait();
    return text + std::to_string(*calls);
  });
  const auto text = [] { return std::string("a text that is too long to be kept in place "); };
  CHECK(count(text()) == text() + "1");
  host.clock.advance(11s);
  CHECK(count(text()) == text() + "1");  // the argument is gone, its copy is not
  CHECK(host.region().key_is_locked(count.key(text())));
  gate->set_value();
  REQUIRE(eventually([&] { return count.get(text()).has_value(); }));
  CHECK(count(text()) == text() + "2");
  CHECK(host.region().statistics().refreshes == 1);
}

TEST_CASE("a runner gets the function's key, and a job that needs nothing else", "[cached]") {
  TestHost host(plain);
  std::vector<std::pair<std::string, BackgroundJob>> jobs;
  host.region().set_background_runner(
      [&](std::string_view key, BackgroundJob job) { jobs.emplace_back(key, std::move(job)); });
  int calls = 0;
  auto count = host.region().cached("count", [&](int a, int b) { return a + b + ++calls; });
  CHECK(count(10, 20) == 31);
  host.region().invalidate(Invalidation::soft);
  CHECK(count(10, 20) == 31);
  CHECK(count(10, 20) == 31);
  REQUIRE(jobs.size() == 1);
  CHECK(jobs[0].first == count.key(10, 20));
  jobs[0].second();
  CHECK(count(10, 20) == 32);
}
