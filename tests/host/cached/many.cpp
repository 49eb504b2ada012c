#include "catch.hpp"
#include "test_host.hpp"

#include <algorithm>
#include <map>
#include <unordered_map>

using namespace cairn;
using namespace std::chrono_literals;

namespace {

using Ints = std::vector<int>;

// Answers with a running number for each argument, and remembers what it was asked for.
struct Numbering {
  std::vector<Ints>& asked;
  int& next;
  Ints operator()(std::span<const int> args) const {
    asked.emplace_back(args.begin(), args.end());
    Ints values;
    for ([[maybe_unused]] const int arg : args) values.push_back(++next);
    return values;
  }
};

struct Fixture {
  TestHost host{plain};
  std::vector<Ints> asked;
  int next = 0;
  Region& region() const { return host.region(); }
};

}  // namespace

TEST_CASE_METHOD(Fixture,
                 "a multi function is called once, for what is missing, in the order of keys",
                 "[cached][multi]") {
  auto number = region().cached_multi("n", Numbering{asked, next});
  CHECK(number({5, 1, 3}) == Ints{3, 1, 2});
  CHECK(number({1, 7, 5, 2}) == Ints{1, 5, 3, 4});
  CHECK(asked == std::vector<Ints>{{1, 3, 5}, {2, 7}});
  CHECK(number.key(5) == "n|5");
}

TEST_CASE_METHOD(Fixture, "repeated arguments are created once and answered each time",
                 "[cached][multi]") {
  auto number = region().cached_multi("n", Numbering{asked, next});
  CHECK(number({2, 2, 1, 2}) == Ints{2, 2, 1, 2});
  CHECK(asked == std::vector<Ints>{{1, 2}});
  CHECK(number({}).empty());
  CHECK(asked.size() == 1);
}

TEST_CASE_METHOD(Fixture, "a multi function's get, set, refresh, invalidate and original",
                 "[cached][multi]") {
  auto number = region().cached_multi("n", Numbering{asked, next});
  number({1, 2});
  CHECK(number.get({2, 9, 1}) == std::vector<std::optional<int>>{2, std::nullopt, 1});
  number.set({{1, 0}, {9, 90}});
  CHECK(number({1, 2, 9}) == Ints{0, 2, 90});
  CHECK(number.refresh({1, 9}) == Ints{3, 4});
  CHECK(number({1, 2, 9}) == Ints{3, 2, 4});
  CHECK(number.invalidate({1, 2, 77}) == 2);
  CHECK(number({9, 1, 2}) == Ints{4, 5, 6});
  CHECK(number.original({9}) == Ints{7});
  CHECK(number({9}) == Ints{4});
}

TEST_CASE_METHOD(Fixture, "a multi function that returns a map may leave arguments out",
                 "[cached][multi]") {
  int calls = 0;
  auto even = region().cached_multi("even", [&](std::span<const int> args) {
    ++calls;
    std::unordered_map<int, std::string> found;
    for (const int arg : args) {
      if (arg % 2 == 0) found[arg] = std::to_string(arg);
    }
    return found;
  });
  const std::map<int, std::string> two_four{{2, "2"}, {4, "4"}};
  CHECK(even({1, 2, 3, 4}) == two_four);
  CHECK(even({2, 4}) == two_four);
  CHECK(calls == 1);
  CHECK(even.get({1, 2}) == std::vector<std::optional<std::string>>{std::nullopt, "2"});
  CHECK(even({1, 2}) == std::map<int, std::string>{{2, "2"}});
  CHECK(calls == 2);  // what was left out is asked for again
  CHECK(even.refresh({1, 4}) == std::map<int, std::string>{{4, "4"}});
}

TEST_CASE_METHOD(Fixture, "a multi function's should_cache is asked for each result",
                 "[cached][multi]") {
  auto number = region().cached_multi("n", Numbering{asked, next},
                                      {.should_cache = [](int value) { return value != 2; }});
  CHECK(number({1, 2, 3}) == Ints{1, 2, 3});
  CHECK(number({1, 2, 3}) == Ints{1, 4, 3});
  CHECK(asked == std::vector<Ints>{{1, 2, 3}, {2}});

  int calls = 0;
  auto some = region().cached_multi("some",
                                    [&](std::span<const int> args) {
                                      ++calls;
                                      std::map<int, int> found;
                                      for (const int arg : args) {
                                        if (arg != 1) found[arg] = arg;
                                      }
                                      return found;
                                    },
                                    {.should_cache = [](int value) { return value != 2; }});
  CHECK(some({1, 2, 3}) == std::map<int, int>{{2, 2}, {3, 3}});
  CHECK(some.get({1, 2, 3}) == std::vector<std::optional<int>>{std::nullopt, std::nullopt, 3});
}

TEST_CASE_METHOD(Fixture, "a multi function has a namespace, an expiration and keys of its own",
                 "[cached][multi]") {
  auto number = region().cached_multi("n", Numbering{asked, next},
                                      {.name_space = "shop", .expiration_time = 2s});
  CHECK(number.key(1) == "shop:n|1");
  number({1});
  host.clock.advance(3s);
  CHECK(number.get({1}).front() == std::nullopt);
  CHECK(number({1}) == Ints{2});
  auto backwards = region().cached_multi("b", Numbering{asked, next},
                                         {.key = [](int n) { return std::to_string(100 - n); }});
  asked.clear();
  CHECK(backwards({10, 20, 30}) == Ints{5, 4, 3});  // keys 90, 80, 70: created in their order
  CHECK(asked == std::vector<Ints>{{30, 20, 10}});
  auto python = region().cached_multi("p", Numbering{asked, next},
                                      {.key_generator = dogpile_key_generator("shop", "ns")});
  CHECK(python.key(7) == "shop:p|ns|7");
}

TEST_CASE_METHOD(Fixture, "a multi function that returns too few results is an error",
                 "[cached][multi]") {
  auto short_one = region().cached_multi("s", [](const std::vector<int>&) { return Ints{1}; });
  CHECK_THROWS_WITH(short_one({1, 2}), Catch::Contains("2") && Catch::Contains("1"));
  CHECK_THROWS_AS(short_one.refresh({1, 2}), Error);
  CHECK_FALSE(region().key_is_locked("s|1"));
}

TEST_CASE_METHOD(Fixture, "stale results of a multi function are recreated by a runner in one job",
                 "[cached][multi]") {
  std::vector<BackgroundJob> jobs;
  region().set_background_runner(
      [&](std::string_view, BackgroundJob job) { jobs.push_back(std::move(job)); });
  auto number = region().cached_multi("n", Numbering{asked, next});
  CHECK(number({1, 2}) == Ints{1, 2});
  host.clock.advance(11s);
  CHECK(number({1, 2}) == Ints{1, 2});
  REQUIRE(jobs.size() == 1);
  jobs[0]();
  CHECK(number({1, 2}) == Ints{3, 4});
}
