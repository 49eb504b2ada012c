// The same documents in Python's msgpack, both ways.

#include "catch.hpp"
#include "component_under_test.hpp"
#include "generated_documents.hpp"
#include "map_backend.hpp"
#include "python_peer.hpp"

using namespace cairn;

TEST_CASE("Python's msgpack reads what we write, and we what it writes", "[msgpack][python]") {
  constexpr std::size_t count = 3'000;
  MapBackend store;
  ComponentUnderTest msgpack("msgpack", {}, &store);

  std::vector<std::string> ours;
  DocumentGenerator generator(6);
  for (std::size_t i = 0; i < count; ++i) {
    msgpack->set("k", Entry::of(generator.next()), {}, Call());
    ours.emplace_back(store.entries["k"].bytes());
  }

  const auto script = std::filesystem::path(__FILE__).parent_path() / "peer.py";
  const std::vector<std::string> theirs = through_python(std::filesystem::absolute(script), ours);
  REQUIRE(theirs.size() == 1'000);
  int different = 0;
  for (const std::string& record : theirs) {
    store.entries["k"] = Entry::copy(record);
    msgpack->set("again", msgpack->get("k", Call()).value(), {}, Call());
    if (store.entries["again"].bytes() != record) ++different;
  }
  CHECK(different == 0);
}
