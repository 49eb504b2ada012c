// What a program that says `using namespace cairn` calls its own functions, at namespace scope, where
// an equal name of the library's would make every call ambiguous.
#include "catch.hpp"
#include "test_host.hpp"

using namespace cairn;

TestHost& host() {
  static TestHost one(R"(
[region.r]
backend = "memory"
)");
  return one;
}
Region& region() {
  return host().region("r");
}
std::string key(int id) {
  return "user:" + std::to_string(id);
}
int load(const std::string& text) {
  return static_cast<int>(text.size());
}
int cached(int id) {
  return region().get_or_create(key(id), [&] { return load(key(id)); });
}

TEST_CASE("a program that uses the namespace may call its function `host`", "[names]") {
  CHECK(cached(42) == 7);
  CHECK(region().get<int>(key(42)) == 7);
}
