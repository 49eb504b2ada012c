#include "catch.hpp"
#include "test_host.hpp"

#include <filesystem>
#include <map>
#include <random>

namespace shop {

struct Article {
  int shelf;
  int place;
};
std::string to_key(const Article& article) {
  return std::to_string(article.shelf) + "/" + std::to_string(article.place);
}
enum class Size : char { small = 's', large = 'l' };

}  // namespace shop

using namespace cairn;
using namespace std::chrono_literals;

TEST_CASE("a default key shows its arguments", "[keys]") {
  CHECK(function_key("user", 42) == "user|42");
  CHECK(function_key("find", std::string("a b"), 1) == "find|3:a b,1");
  CHECK(function_key("find", "a", "b") == "find|1:a,1:b");
  CHECK(function_key("f") == "f|");
  CHECK(function_key("f", true, -5, 2.5) == "f|true,-5,r2.5");
  CHECK(function_key("f", std::vector<int>{1, 2}, std::pair(1, std::string("x"))) ==
        "f|(1,2),(1,1:x)");
  CHECK(function_key("f", std::optional<int>(), std::optional<int>(3)) == "f|-,3");
  CHECK(function_key("f", shop::Size::large) == "f|108");
  CHECK(function_key("f", 90s) == "f|90*1/1");
  CHECK(function_key("f", std::filesystem::path("/a/b")) == "f|4:/a/b");
}

TEST_CASE("a type of one's own is part of a key by its to_key", "[keys]") {
  CHECK(function_key("f", shop::Article{3, 14}) == "f|4:3/14");
  CHECK(function_key("f", std::vector<shop::Article>{{3, 14}}) == "f|(4:3/14)");
}

TEST_CASE("keys that joined texts would make equal are different", "[keys]") {
  CHECK(function_key("f", "a b") != function_key("f", "a", "b"));
  CHECK(function_key("f", 1) != function_key("f", "1"));
  CHECK(function_key("f", "a,1:b") != function_key("f", "a", "b"));
  CHECK(function_key("f", "true") != function_key("f", true));
  CHECK(function_key("f", std::optional<std::string>("-")) !=
        function_key("f", std::optional<std::string>()));
  using Nested = std::optional<std::optional<int>>;
  CHECK(function_key("f", Nested()) != function_key("f", Nested(std::optional<int>())));
  using Halves = std::chrono::duration<double>;
  CHECK(function_key("f", Halves(1e-10)) != function_key("f", Halves(2e-10)));
  CHECK(function_key("f", std::chrono::hours(3'000'000)) !=
        function_key("f", std::chrono::hours(3'000'001)));
}

TEST_CASE("generated calls never share a key unless they are equal", "[keys]") {
  using Call = std::tuple<std::string, std::vector<std::string>, std::optional<std::string>, int,
                          std::optional<int>, bool>;
  std::mt19937 random(20261123);
  // Few letters, so that texts that look like keys come up often.
  const auto text = [&] {
    static constexpr std::string_view letters = "1:,|-()a ";
    std::string made;
    for (auto n = random() % 5; n > 0; --n) made += letters[random() % letters.size()];
    return made;
  };
  std::map<std::string, Call> calls;
  std::size_t equal = 0;
  for (int i = 0; i < 50'000; ++i) {
    Call call;
    std::get<0>(call) = text();
    for (auto n = random() % 3; n > 0; --n) std::get<1>(call).push_back(text());
    if (random() % 2 == 0) std::get<2>(call) = text();
    std::get<3>(call) = static_cast<int>(random() % 4) - 2;
    if (random() % 2 == 0) std::get<4>(call) = static_cast<int>(random() % 4) - 2;
    std::get<5>(call) = random() % 2 == 0;
    const std::string key =
        std::apply([](const auto&... args) { return function_key("f", args...); }, call);
    const auto [it, is_new] = calls.emplace(key, call);
    if (!is_new) {
      if (it->second != call) FAIL("two calls have the key " << key);
      ++equal;
    }
  }
  CHECK(calls.size() + equal == 50'000);
  CHECK(calls.size() > 1000);
}

TEST_CASE("the dogpile generator joins texts as Python does", "[keys]") {
  const KeyGenerator generate = dogpile_key_generator("shop.users");
  const std::vector<KeyPart> parts{std::int64_t{1}, std::string("a b"), nullptr, true, 2.5};
  CHECK(generate("find", parts) == "shop.users:find|1 a b None True 2.5");
  CHECK(generate("find", {}) == "shop.users:find|");
  CHECK(dogpile_key_generator("shop.users", "ns")("find", std::span(parts).first(1)) ==
        "shop.users:find|ns|1");
}
