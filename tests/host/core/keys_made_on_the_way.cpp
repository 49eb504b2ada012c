// Ranges of keys that exist only while they are read: views that make up their strings, and streams.

#include "catch.hpp"
#include "test_host.hpp"

#include <map>
#include <ranges>
#include <sstream>
#include <string>
#include <vector>

using namespace cairn;

namespace {

const std::string for_ever = "[region.r]\nbackend = \"memory\"\n";

// Too long to be kept in the string itself.
std::string key_of(int id) {
  return "a key that is made up when it is asked for: " + std::to_string(id);
}
std::string text_of(int id) {
  return "a value of some length that is made up as well: " + std::to_string(id);
}

const std::vector<int> ids{1, 2, 3, 4};
const auto made_up = std::views::transform(key_of);

struct Fixture {
  TestHost host{for_ever};
  Region& region = host.region();

  std::vector<std::optional<std::string>> stored() const {
    std::vector<std::optional<std::string>> found;
    for (const int id : ids) found.push_back(region.get<std::string>(key_of(id)));
    return found;
  }
};

}  // namespace

TEST_CASE_METHOD(Fixture, "keys may be made up by a view", "[batches]") {
  for (const int id : ids) region.set(key_of(id), id);
  using Found = std::vector<std::optional<int>>;
  CHECK(region.get_multi<int>(ids | made_up) == Found{1, 2, 3, 4});
  auto even = std::views::filter([](int id) { return id % 2 == 0; });
  CHECK(region.get_multi<int>(ids | even | made_up) == Found{2, 4});
  CHECK(region.remove_multi(ids | even | made_up) == 2);
  CHECK(region.get_multi<int>(ids | made_up) == Found{1, std::nullopt, 3, std::nullopt});
  std::vector<std::string> asked;
  const auto values =
      region.get_or_create_multi(ids | made_up, [&](std::span<const std::string_view> missing) {
        asked.assign(missing.begin(), missing.end());
        return std::vector<int>(missing.size(), 9);
      });
  CHECK(values == Found{1, 9, 3, 9});
  CHECK(asked == std::vector{key_of(2), key_of(4)});
}

TEST_CASE_METHOD(Fixture, "keys may come from a stream, one at a time", "[batches]") {
  region.set("first", 1);
  region.set("third", 3);
  std::istringstream words("first second third");
  CHECK(region.get_multi<int>(std::views::istream<std::string>(words)) ==
        std::vector<std::optional<int>>{1, std::nullopt, 3});
}

TEST_CASE_METHOD(Fixture, "pairs of keys and values may be made up by a view", "[batches]") {
  region.set_multi(
      ids | std::views::transform([](int id) { return std::pair(key_of(id), text_of(id)); }));
  CHECK(stored() ==
        std::vector<std::optional<std::string>>{text_of(1), text_of(2), text_of(3), text_of(4)});
}

TEST_CASE_METHOD(Fixture, "pairs may show what lies elsewhere", "[batches]") {
  std::map<int, std::pair<std::string, std::string>> all;
  for (const int id : ids) all.emplace(id, std::pair(key_of(id), text_of(id)));
  const auto shown = [&](int id) {
    const auto& [key, text] = all.at(id);
    return std::pair<std::string_view, const std::string&>(key, text);
  };
  region.set_multi(ids | std::views::transform(shown));
  CHECK(stored() ==
        std::vector<std::optional<std::string>>{text_of(1), text_of(2), text_of(3), text_of(4)});
}
