// Counts what is allocated while a region serves hits: nothing, for bytes, objects and numbers.
#include "catch.hpp"
#include "test_host.hpp"

#include <atomic>
#include <cstdlib>
#include <new>

namespace {

std::atomic<long> allocations{0};

}  // namespace

// Shared libraries resolve these too, so plugins are counted.
void* operator new(std::size_t size) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  if (void* memory = std::malloc(size == 0 ? 1 : size)) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}

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
