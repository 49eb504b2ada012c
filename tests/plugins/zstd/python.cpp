// The same payloads in Python's zstandard, both ways.

#include "catch.hpp"
#include "component_under_test.hpp"
#include "generated_documents.hpp"
#include "map_backend.hpp"
#include "python_peer.hpp"

using namespace cairn;

TEST_CASE("Python reads msgpack after zstd, and we what it compresses", "[zstd][python]") {
  MapBackend store;
  ComponentUnderTest zstd("zstd", {{"min_size", "100B"}}, &store);
  ComponentUnderTest msgpack("msgpack", {}, &*zstd);
  MapBackend plain_store;
  ComponentUnderTest plain_msgpack("msgpack", {}, &plain_store);

  std::vector<std::string> ours;
  DocumentGenerator generator(10, {.blobs = false, .any_keys = false});
  for (int i = 0; i < 1'000; ++i) {
    const Document document = generator.next();
    msgpack->set("k", Entry::of(document), {}, Call());
    plain_msgpack->set("k", Entry::of(document), {}, Call());
    ours.emplace_back(plain_store.entries["k"].bytes());
    ours.emplace_back(store.entries["k"].bytes());
  }

  const auto script = std::filesystem::path(__FILE__).parent_path() / "peer.py";
  const std::vector<std::string> theirs = through_python(std::filesystem::absolute(script), ours);
  REQUIRE(theirs.size() == 1'000);
  int different = 0;
  for (std::size_t i = 0; i < theirs.size(); i += 2) {
    store.entries["k"] = Entry::copy(theirs[i + 1]);
    if (zstd->get("k", Call()).value().bytes() != theirs[i]) ++different;
  }
  CHECK(different == 0);
}
