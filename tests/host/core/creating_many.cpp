#include "catch.hpp"
#include "meanwhile.hpp"
#include "test_host.hpp"

#include <algorithm>
#include <atomic>
#include <future>
#include <map>
#include <thread>

using namespace cairn;
using namespace std::chrono_literals;

namespace {

std::vector<std::string> copies(Names names) {
  return {names.begin(), names.end()};
}

// Answers each key with its length, and remembers what it was asked for.
struct Lengths {
  std::vector<std::vector<std::string>>& asked;
  std::vector<int> operator()(Names names) const {
    asked.push_back(copies(names));
    std::vector<int> lengths;
    for (const auto name : names) lengths.push_back(static_cast<int>(name.size()));
    return lengths;
  }
};

}  // namespace

TEST_CASE("only missing keys are created, sorted, each once, in one call", "[creation][multi]") {
  TestHost host(plain);
  std::vector<std::vector<std::string>> asked;
  host.region().set("aa", 20);
  const auto values = host.region().get_or_create_multi({"ccc", "aa", "b", "ccc"}, Lengths{asked});
  CHECK(values == std::vector<std::optional<int>>{3, 20, 1, 3});
  CHECK(asked == std::vector<std::vector<std::string>>{{"b", "ccc"}});
  CHECK(host.region().get<int>("b") == 1);
  host.region().get_or_create_multi({"b", "aa"}, Lengths{asked});
  CHECK(asked.size() == 1);
}

TEST_CASE("no keys are no work", "[creation][multi]") {
  TestHost host(plain);
  std::vector<std::vector<std::string>> asked;
  CHECK(host.region().get_or_create_multi(std::vector<std::string>{}, Lengths{asked}).empty());
  CHECK(asked.empty());
}

TEST_CASE("keys that a map leaves out are neither cached nor returned", "[creation][multi]") {
  TestHost host(plain);
  const auto values = host.region().get_or_create_multi({"a", "b"}, [](Names) {
    return std::map<std::string, int>{{"b", 2}, {"extra", 9}};
  });
  CHECK(values == std::vector<std::optional<int>>{std::nullopt, 2});
  CHECK_FALSE(host.region().get<int>("a").has_value());
  CHECK_FALSE(host.region().get<int>("extra").has_value());
}

TEST_CASE("a creator that returns too few values is an error, and nothing stays locked",
          "[creation][multi]") {
  TestHost host(plain);
  CHECK_THROWS_WITH(
      host.region().get_or_create_multi({"a", "b"}, [](Names) { return std::vector<int>{1}; }),
      "a creator of 2 values returned 1: return one per key, or a map");
  CHECK_FALSE(host.region().key_is_locked("a"));
  CHECK_FALSE(host.region().get<int>("a").has_value());
}

TEST_CASE("a creator's exception comes out, and nothing stays locked", "[creation][multi]") {
  TestHost host(plain);
  CHECK_THROWS_WITH(
      host.region().get_or_create_multi(
          {"a", "b"}, [](Names) -> std::vector<int> { throw std::runtime_error("no"); }),
      "no");
  CHECK_FALSE(host.region().key_is_locked("a"));
  CHECK_FALSE(host.region().key_is_locked("b"));
}

TEST_CASE("values that should not be cached are returned all the same", "[creation][multi]") {
  TestHost host(plain);
  std::vector<std::vector<std::string>> asked;
  const auto values = host.region().get_or_create_multi({"a", "bb"}, Lengths{asked}, {},
                                                        [](int value) { return value > 1; });
  CHECK(values == std::vector<std::optional<int>>{1, 2});
  CHECK_FALSE(host.region().get<int>("a").has_value());
  CHECK(host.region().get<int>("bb") == 2);
}

TEST_CASE("stale keys are created anew with the missing ones", "[creation][multi]") {
  TestHost host(plain);
  std::vector<std::vector<std::string>> asked;
  host.region().set("a", 100);
  host.clock.advance(11s);
  host.region().set("bb", 200);
  const auto values = host.region().get_or_create_multi({"a", "bb", "ccc"}, Lengths{asked});
  CHECK(values == std::vector<std::optional<int>>{1, 200, 3});
  CHECK(asked == std::vector<std::vector<std::string>>{{"a", "ccc"}});
}

TEST_CASE("callers with the same missing keys share one creator call", "[creation][multi]") {
  TestHost host(plain);
  Region& region = host.region();
  std::atomic<int> calls{0};
  std::promise<void> entered;
  std::promise<void> opened;
  std::shared_future<void> open = opened.get_future().share();
  std::vector<std::string> keys;
  for (int i = 0; i < 20; ++i) keys.push_back("key" + std::to_string(i));
  const auto create = [&](Names names) {
    if (calls++ == 0) entered.set_value();
    open.wait();
    return std::vector<int>(names.size(), 7);
  };
  std::vector<std::future<std::vector<std::optional<int>>>> callers;
  const auto call = [&] { return region.get_or_create_multi(keys, create); };
  callers.push_back(std::async(std::launch::async, call));
  entered.get_future().wait();
  for (int i = 0; i < 2; ++i) callers.push_back(std::async(std::launch::async, call));
  REQUIRE(eventually([&] { return region.statistics().waits >= 2; }));
  opened.set_value();
  for (auto& caller : callers) {
    CHECK(caller.get() == std::vector<std::optional<int>>(20, 7));
  }
  CHECK(calls == 1);
}

TEST_CASE("overlapping batches in any order neither deadlock nor create a key twice",
          "[creation][multi]") {
  TestHost host(plain);
  Region& region = host.region();
  std::array<std::atomic<int>, 8> creations{};
  std::atomic<int> rounds{0};
  std::vector<std::thread> threads;
  for (unsigned t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      std::vector<std::string> keys;
      for (int i = 0; i < 8; ++i) keys.push_back(std::to_string(i));
      std::rotate(keys.begin(), keys.begin() + t * 2, keys.end());
      const auto values = region.get_or_create_multi(keys, [&](Names names) {
        std::vector<int> made;
        for (const auto name : names) {
          ++creations[static_cast<std::size_t>(name[0] - '0')];
          made.push_back(name[0] - '0');
        }
        return made;
      });
      for (std::size_t i = 0; i < keys.size(); ++i) {
        if (values[i] == keys[i][0] - '0') ++rounds;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(rounds == 32);
  for (const auto& n : creations) CHECK(n == 1);
}

TEST_CASE("a detached batch creator recreates stale keys in the background", "[creation][multi]") {
  TestHost host(plain + "background = true\n");
  Region& region = host.region();
  region.set("a", 10);
  region.set("bb", 20);
  host.clock.advance(11s);
  const auto create = detached([](Names names) {
    std::vector<int> lengths;
    for (const auto name : names) lengths.push_back(static_cast<int>(name.size()));
    return lengths;
  });
  // The stale ones come back at once; the missing one is made here.
  const auto values = region.get_or_create_multi({"a", "bb", "ccc"}, create);
  CHECK(values == std::vector<std::optional<int>>{10, 20, 3});
  REQUIRE(eventually([&] { return region.get<int>("a") == 1 && region.get<int>("bb") == 2; }));
}

TEST_CASE(
    "refresh_at has one caller renew those of a batch that are nearly too old, with the missing "
    "ones",
    "[creation][multi]") {
  TestHost host(plain + "refresh_at = \"80%\"\n");
  Region& region = host.region();
  std::vector<std::vector<std::string>> asked;
  region.set_multi(std::map<std::string, int>{{"old", 1}, {"older", 1}});
  host.clock.advance(9s);
  region.set("young", 1);
  const auto values =
      region.get_or_create_multi({"old", "young", "missing", "older"}, Lengths{asked});
  CHECK(values == std::vector<std::optional<int>>{3, 1, 7, 5});
  CHECK(asked == std::vector<std::vector<std::string>>{{"missing", "old", "older"}});
  CHECK(region.statistics().refreshes == 1);
  CHECK(region.statistics().stale_served == 0);

  region.get_or_create_multi({"old", "older"}, Lengths{asked});
  CHECK(asked.size() == 1);  // they are young again
  host.clock.advance(9s);
  // While nothing is missing, a failure costs nobody anything.
  const auto fail = [](Names) -> std::vector<int> { throw std::runtime_error("no"); };
  CHECK(region.get_or_create_multi({"old", "older"}, fail) ==
        std::vector<std::optional<int>>{3, 5});
}

TEST_CASE("refresh_at has a detached batch creator renew values ahead of time, in the background",
          "[creation][multi]") {
  TestHost host(plain + "refresh_at = \"80%\"\nbackground = true\nserve_stale = false\n");
  Region& region = host.region();
  region.set_multi(std::map<std::string, int>{{"a", 10}, {"bb", 20}});
  host.clock.advance(9s);
  const auto create = detached([](Names names) { return std::vector<int>(names.size(), 7); });
  CHECK(region.get_or_create_multi({"a", "bb"}, create) == std::vector<std::optional<int>>{10, 20});
  REQUIRE(eventually([&] { return region.get<int>("a") == 7 && region.get<int>("bb") == 7; }));
  CHECK(region.statistics().creations == 1);
}

TEST_CASE("a value of a batch that somebody else renews ahead of time is served as it is",
          "[creation][multi]") {
  TestHost host(plain + "refresh_at = \"80%\"\n");
  Region& region = host.region();
  region.set("k", 1);
  host.clock.advance(9s);
  const auto values = region.get_or_create_multi({"k"}, [&](Names) {
    CHECK(region.get_or_create_multi({"k"}, [](Names) -> std::vector<int> {
      FAIL("two at once");
      return {};
    }) == std::vector<std::optional<int>>{1});
    return std::vector<int>{2};
  });
  CHECK(values == std::vector<std::optional<int>>{2});
}

TEST_CASE("a key that a map leaves out is not answered by what was there before",
          "[creation][multi]") {
  TestHost host(std::string("[region.r]\nbackend = \"memory\"\nexpiration_time = \"10s\"\n") +
                GENERATE("", "serve_stale = false\n"));
  Region& region = host.region();
  region.set_multi(std::map<std::string, int>{{"gone", 1}, {"there", 1}});
  host.clock.advance(11s);
  const auto values = region.get_or_create_multi({"gone", "there", "gone"}, [](auto) {
    return std::map<std::string, int>{{"there", 2}};
  });
  CHECK(values == std::vector<std::optional<int>>{std::nullopt, 2, std::nullopt});
  auto find = region.cached_multi(
      "find", [](std::span<const int>) { return std::map<int, std::string>(); });
  find.set({{1, "one"}});
  CHECK(find({1}).size() == 1);
  host.clock.advance(11s);
  CHECK(find({1}).empty());
}

TEST_CASE("names that a mangler makes one are made once, and answered together",
          "[creation][multi]") {
  TestHost host("[region.r]\nbackend = \"memory\"\n");
  Region& region = host.region();
  region.set_key_mangler([](std::string_view key) {
    std::string lower(key);
    for (char& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return lower;
  });
  const auto copy = [](auto names) { return std::vector<std::string>(names.begin(), names.end()); };
  const auto values = region.get_or_create_multi({"b", "Key", "KEY", "A", "key"}, copy);
  CHECK(values == std::vector<std::optional<std::string>>{"b", "Key", "Key", "A", "Key"});
  CHECK(region.get<std::string>("kEY") == "Key");
  CHECK_FALSE(region.key_is_locked("key"));
}
