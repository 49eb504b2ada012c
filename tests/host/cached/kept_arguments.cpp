// Arguments that show what is elsewhere, and a recreation that runs when that is gone.

#include "catch.hpp"
#include "test_host.hpp"

#include <algorithm>
#include <optional>
#include <span>
#include <string>
#include <tuple>
#include <vector>

using namespace cairn;
using namespace std::chrono_literals;

namespace {

struct Fixture {
  TestHost host{"[region.r]\nbackend = \"memory\"\nexpiration_time = \"10s\"\n"};
  Region& region = host.region();
  std::vector<BackgroundJob> jobs;
  std::vector<std::string> asked;

  Fixture() {
    region.set_background_runner(
        [this](std::string_view, BackgroundJob job) { jobs.push_back(std::move(job)); });
  }
  void grow_stale() {
    host.clock.advance(11s);
    asked.clear();
  }
  // As it would happen on another thread, later.
  void run_job() {
    REQUIRE(jobs.size() == 1);
    jobs[0]();
  }
  std::string answer(std::string_view text) {
    asked.emplace_back(text);
    return "answer to " + asked.back();
  }
};

const std::string name = "a name that is too long to be kept in the string itself";
void overwrite(std::string& text) {
  std::fill(text.begin(), text.end(), 'x');
}

}  // namespace

TEST_CASE_METHOD(Fixture, "the text of a string view is there when a result is recreated later",
                 "[cached]") {
  auto f = region.cached("f", [&](std::string_view text) { return answer(text); });
  std::string text = name;
  f(text);
  grow_stale();
  f(text);
  overwrite(text);
  run_job();
  CHECK(asked == std::vector{name});
  CHECK(f.get(name) == "answer to " + name);
}

TEST_CASE_METHOD(Fixture, "the text of a pointer is there when a result is recreated later",
                 "[cached]") {
  auto f = region.cached<std::string(const char*)>(
      "f", [&](const char* text) { return answer(text != nullptr ? text : "nothing"); },
      {.key = [](const char* text) { return std::string(text != nullptr ? text : "-"); }});
  const bool null = GENERATE(false, true);
  std::string text = name;
  const char* shown = null ? nullptr : text.c_str();
  f(shown);
  grow_stale();
  f(shown);
  overwrite(text);
  run_job();
  CHECK(asked == std::vector{null ? std::string("nothing") : name});
}

TEST_CASE_METHOD(Fixture, "the items of a span are there when a result is recreated later",
                 "[cached]") {
  auto sum = region.cached("sum", [&](std::span<const int> numbers, const std::string& unit) {
    int all = 0;
    for (const int number : numbers) all += number;
    return answer(std::to_string(all) + unit);
  });
  std::vector<int> numbers{1, 2, 3};
  sum(numbers, "m");
  grow_stale();
  sum(numbers, "m");
  numbers = {7, 7, 7};
  run_job();
  CHECK(asked == std::vector<std::string>{"6m"});
}

TEST_CASE_METHOD(Fixture, "views inside of an argument have the caller recreate", "[cached]") {
  auto f =
      region.cached("f", [&](const std::vector<std::string_view>& all) { return answer(all[0]); });
  auto g = region.cached("g", [&](std::optional<std::string_view> text) { return answer(*text); });
  auto h = region.cached(
      "h", [&](const std::pair<int, std::string_view>& pair) { return answer(pair.second); });
  f({name});
  g(name);
  h({1, name});
  grow_stale();
  f({name});
  g(name);
  h({1, name});
  CHECK(jobs.empty());
  CHECK(asked.size() == 3);
}

TEST_CASE_METHOD(Fixture,
                 "the arguments of a multi function are there when results are recreated later",
                 "[cached][multi]") {
  auto f = region.cached_multi("f", [&](std::span<const std::string_view> all) {
    std::vector<std::string> answers;
    for (const auto text : all) answers.push_back(answer(text));
    return answers;
  });
  std::string text = name, other = "another " + name;
  f({text, other});
  grow_stale();
  f({other, text, other});
  overwrite(text);
  overwrite(other);
  run_job();
  CHECK(asked == std::vector{name, "another " + name});
  CHECK(f.get({name})[0] == "answer to " + name);
}

TEST_CASE_METHOD(Fixture, "arguments of a multi function that hold views have the caller recreate",
                 "[cached][multi]") {
  using Pair = std::pair<int, std::string_view>;
  auto f = region.cached_multi("f", [&](std::span<const Pair> all) {
    std::vector<std::string> answers;
    for (const auto& pair : all) answers.push_back(answer(pair.second));
    return answers;
  });
  f({{1, name}});
  grow_stale();
  f({{1, name}});
  CHECK(jobs.empty());
  CHECK(asked == std::vector{name});
}
