// Counts what is allocated while a region serves hits: nothing, for bytes, objects and numbers.
#include "catch.hpp"
#include "counted_allocations.hpp"
#include "test_host.hpp"

using namespace cairn;

namespace {

template <class Hit>
long allocated_by(Hit hit) {
  hit();  // whatever is made once
  const long before = allocations.load();
  for (int i = 0; i < 1000; ++i) hit();
  return allocations.load() - before;
}

}  // namespace

TEST_CASE("a hit allocates nothing, plain or through layers", "[region]") {
  const std::string wrap = GENERATE("", "wrap = [{ plugin = \"prefix\", prefix = \"p:\" }]\n");
  TestHost host("[region.r]\nbackend = \"memory\"\nexpiration_time = \"1h\"\n" + wrap);
  Region& region = host.region();
  region.set("bytes", std::string(1000, 'x'));
  region.set("object", std::vector<int>(1000));
  region.set("number", 42);

  CHECK(allocated_by([&] { return region.get<Bytes>("bytes")->size(); }) == 0);
  CHECK(allocated_by([&] { return region.get_shared<std::vector<int>>("object")->size(); }) == 0);
  CHECK(allocated_by([&] { return *region.get<int>("number"); }) == 0);
  CHECK(allocated_by(
            [&] { return region.get_or_create("bytes", [] { return Bytes(); }).size(); }) == 0);
  CHECK(allocated_by([&] { return region.get_or_create("number", [] { return 1; }); }) == 0);
  // The count itself works: a copy of a long string is one allocation.
  CHECK(allocated_by([&] { return region.get<std::string>("bytes")->size(); }) == 1000);
}
