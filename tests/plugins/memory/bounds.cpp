// How much the memory backend keeps, what it refuses, and what a hit costs in allocations.

#include "../../../plugins/memory/regions.hpp"
#include "catch.hpp"
#include "component_under_test.hpp"
#include "resident_memory.hpp"

#include <cairn/extensions/clear.h>

#include <malloc.h>

#include <atomic>
#include <cstdlib>
#include <new>
#include <random>
#include <thread>
#include <vector>

using namespace cairn;
using memory::Regions;

namespace {

std::uint64_t stat(ComponentUnderTest& memory, const char* name) {
  return memory->stats(Call()).root()[name].uint_value();
}

std::string key_of(std::uint64_t i) {
  std::string key("key:");
  return key.append(std::to_string(i));
}

}  // namespace

// The malloc family, not just operator new, so that nothing slips by. Sanitizers bring their own.
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
namespace {
thread_local std::size_t allocations = 0;  // of this thread, here and in the plugin
}
extern "C" {
void* __libc_malloc(std::size_t);
void* malloc(std::size_t size) {
  ++allocations;
  return __libc_malloc(size);
}
}
#define COUNTS_ALLOCATIONS 1
#endif

#ifdef COUNTS_ALLOCATIONS
TEST_CASE("a hit allocates nothing, whatever is cached", "[memory]") {
  const std::string policy = GENERATE("w-tinylfu", "s3-fifo", "lru");
  ComponentUnderTest memory("memory", {{"policy", policy}});
  memory->set("bytes", Entry::copy("value"), {}, Call());
  memory->set("timed", Entry::copy("value"), {std::chrono::hours(1)}, Call());
  memory->set("large", Entry::copy(std::string(1 << 20, 'x')), {}, Call());
  memory->set("document", Entry::of(Document::build([](Writer out) { out.integer(1); })), {},
              Call());

  allocations = 0;
  const Entry control = Entry::copy("control");
  REQUIRE(allocations > 0);  // it does count

  allocations = 0;
  int hits = 0;
  for (int i = 0; i < 1000; ++i) {
    for (const char* key : {"bytes", "timed", "large", "document"}) {
      hits += memory->get(key, Call()).has_value();
    }
  }
  CHECK(allocations == 0);
  CHECK(hits == 4000);
}

TEST_CASE("a set of few bytes allocates nothing once its cells are there, and a miss never",
          "[memory]") {
  const auto [bytes, expected] = GENERATE(table<std::size_t, std::size_t>({{5, 0}, {5000, 1}}));
  const std::string value(bytes, 'x');
  ComponentUnderTest memory("memory");
  memory->set("k", Entry::borrow(value), {}, Call());
  allocations = 0;
  memory->set("k", Entry::borrow(value), {}, Call());
  const std::size_t of_a_set = allocations;
  CHECK(of_a_set == expected);
  allocations = 0;
  const bool found = memory->get("nobody", Call()).has_value();
  const std::size_t of_a_miss = allocations;
  CHECK_FALSE(found);
  CHECK(of_a_miss == 0);
}
#endif

TEST_CASE("an entry that is larger than the bound is refused and leaves the others alone",
          "[memory]") {
  ComponentUnderTest memory("memory", {{"max_bytes", "1MiB"}});
  for (int i = 0; i < 100; ++i) memory->set(key_of(i), Entry::copy("v"), {}, Call());
  CHECK_THROWS_AS(memory->set("large", Entry::copy(std::string(1 << 20, 'x')), {}, Call()), Error);
  CHECK(stat(memory, "entries") == 100);
  CHECK_FALSE(memory->get("large", Call()));
}

TEST_CASE("an entry of almost all of the bound is kept, in any number of shards", "[memory]") {
  const std::string shards = GENERATE("1", "16");
  ComponentUnderTest memory("memory",
                            {{"max_bytes", "1MiB"}, {"shards", shards}, {"policy", "lru"}});
  for (int i = 0; i < 1000; ++i)
    memory->set(key_of(i), Entry::copy(std::string(500, 'x')), {}, Call());
  memory->set("large", Entry::copy(std::string(1'000'000, 'x')), {}, Call());
  CHECK(memory->get("large", Call()));
  CHECK(stat(memory, "bytes") <= 1 << 20);
}

TEST_CASE("with room for one entry, the last one set is there", "[memory]") {
  const std::string policy = GENERATE("w-tinylfu", "s3-fifo", "lru");
  const std::string shards = GENERATE("1", "256");
  const bool by_bytes = GENERATE(true, false);
  ComponentUnderTest memory(
      "memory", by_bytes ? ComponentUnderTest::OptionTexts{{"max_bytes", "64KiB"},
                                                           {"policy", policy},
                                                           {"shards", shards}}
                         : ComponentUnderTest::OptionTexts{
                               {"max_entries", "1"}, {"policy", policy}, {"shards", shards}});
  const std::string value(60'000, 'x');
  for (std::uint64_t i = 0; i < 300; ++i) {
    memory->set(key_of(i), Entry::borrow(value), {}, Call());
    REQUIRE(stat(memory, "entries") == 1);
    REQUIRE(stat(memory, "bytes") <= 64 << 10);
  }
}

TEST_CASE("more shards than entries change nothing about the bound", "[memory]") {
  const std::string policy = GENERATE("w-tinylfu", "s3-fifo", "lru");
  ComponentUnderTest memory("memory",
                            {{"max_entries", "10"}, {"shards", "256"}, {"policy", policy}});
  for (std::uint64_t i = 0; i < 3000; ++i) {
    memory->set(key_of(i), Entry::borrow("v"), {}, Call());
    REQUIRE(stat(memory, "entries") <= 10);
  }
  int found = 0;
  for (std::uint64_t i = 0; i < 3000; ++i) found += memory->get(key_of(i), Call()).has_value();
  CHECK(found == 10);
}

TEST_CASE("an object that declares a charge beyond all memory is refused", "[memory]") {
  ComponentUnderTest memory("memory", {{"max_bytes", "4000000TiB"}});
  static int gone = 0;
  for (const std::size_t charge : {~std::size_t{0}, ~std::size_t{0} - 100, std::size_t{1} << 63}) {
    Entry entry;
    entry.raw().kind = CAIRN_OBJECT;
    entry.raw().size = charge;
    entry.raw().owner = new cairn_owner{1, [](cairn_owner* self) noexcept {
                                          ++gone;
                                          delete self;
                                        }};
    CHECK_THROWS_AS(memory->set("k", entry, {}, Call()), Error);
  }
  CHECK(gone == 3);
  CHECK(stat(memory, "bytes") == 0);
}

TEST_CASE("the bound in entries holds exactly", "[memory]") {
  const std::string policy = GENERATE("w-tinylfu", "s3-fifo", "lru");
  ComponentUnderTest memory("memory", {{"max_entries", "1000"}, {"policy", policy}});
  for (std::uint64_t i = 0; i < 5000; ++i) memory->set(key_of(i), Entry::copy("v"), {}, Call());
  CHECK(stat(memory, "entries") == 1000);
  CHECK(stat(memory, "inserted") == 5000);
  CHECK(stat(memory, "evicted") + stat(memory, "not_admitted") == 4000);
}

TEST_CASE("the bound in bytes holds exactly, in many shards and as entries grow", "[memory]") {
  const std::string policy = GENERATE("w-tinylfu", "s3-fifo", "lru");
  const std::string shards = GENERATE("1", "16", "256");
  ComponentUnderTest memory("memory",
                            {{"policy", policy}, {"max_bytes", "64KiB"}, {"shards", shards}});
  std::vector<std::size_t> sizes(1000);
  std::mt19937 random(1);
  std::uint64_t most = 0;
  for (int i = 0; i < 30'000; ++i) {
    std::size_t& size = sizes[random() % sizes.size()];
    const auto number = static_cast<std::uint64_t>(&size - sizes.data());
    memory->set(key_of(number), Entry::copy(std::string(size, 'x')), {}, Call());
    size = (size + 48) % 200;
    if (i % 10 == 0) most = std::max(most, stat(memory, "bytes"));
  }
  // Several sets since the last look: what a shard has not told yet shows.
  CHECK(most <= 64 * 1024);
  CHECK(most > 60 * 1024);
}

TEST_CASE("what the bound counts is what the process pays", "[memory]") {
  if (!sees_resident_bytes()) return;
  const std::size_t value_size = GENERATE(0, 100, 1000, 100'000);
  const std::string max_bytes = GENERATE("15MiB", "128MiB");  // without and with cells
  const std::string value(value_size, 'x');
  const std::size_t before = resident_bytes();
  ComponentUnderTest memory("memory", {{"max_bytes", max_bytes}, {"shards", "1"}});
  for (std::uint64_t i = 0; i < 600'000; ++i) {
    if (stat(memory, "evicted") != 0) break;
    memory->set(key_of(i), Entry::borrow(value), {}, Call());
  }
  const auto paid = static_cast<double>(resident_bytes() - before);
  const auto counted = static_cast<double>(stat(memory, "bytes"));
  CHECK(paid <= counted * 1.02 + Regions::region_bytes);
  CHECK(paid >= counted * 0.95);
}

TEST_CASE("what is cleared or has expired is given back to the process", "[memory]") {
  if (!sees_resident_bytes()) return;
  const bool by_time = GENERATE(false, true);
  const std::string max_bytes = GENERATE("15MiB", "128MiB");  // without and with cells
  const std::size_t before = resident_bytes();
  ComponentUnderTest memory("memory", {{"max_bytes", max_bytes}});
  for (std::uint64_t i = 0; i < 100'000; ++i) {
    memory->set(key_of(i), Entry::borrow("some value"), {std::chrono::minutes(1)}, Call());
  }
  CHECK(resident_bytes() > before + 100'000 * 80);
  if (by_time) {
    ComponentUnderTest::pass(std::chrono::minutes(2));
    memory->set("tick", Entry::borrow("v"), {}, Call());
  } else {
    const auto* table = static_cast<const cairn_clear*>(memory->extension(CAIRN_CLEAR_ID));
    REQUIRE(table->clear(memory.self(), nullptr) == CAIRN_OK);
  }
  // What is left is the index, the sketch, and the records that wait for others to leave.
  CHECK(resident_bytes() < before + 100'000 * 32 + 2 * Regions::region_bytes);
}

#ifdef COUNTS_ALLOCATIONS
TEST_CASE("what takes much memory is given back at once, be it in the key or the value",
          "[memory]") {
  const bool in_the_key = GENERATE(false, true);
  const std::size_t key_size = in_the_key ? 40'000 : 10, value_size = in_the_key ? 10 : 40'000;
  const int entries = GENERATE(100, 500);  // fewer than wait for each other, and more
  const auto allocated = [] { return mallinfo2().uordblks; };
  ComponentUnderTest memory("memory", {{"max_bytes", "32MiB"}, {"shards", "1"}});
  const std::size_t before = allocated();
  for (int i = 0; i < entries; ++i) {
    const std::string number = std::to_string(i);
    memory->set(number + std::string(key_size - number.size(), 'k'),
                Entry::borrow(std::string(value_size, 'v')), {}, Call());
  }
  CHECK(allocated() > before + 3'000'000);
  const auto* table = static_cast<const cairn_clear*>(memory->extension(CAIRN_CLEAR_ID));
  REQUIRE(table->clear(memory.self(), nullptr) == CAIRN_OK);
  CHECK(allocated() < before + 500'000);
}
#endif

TEST_CASE("the bound in bytes holds at any moment under eight threads", "[memory]") {
  const std::string policy = GENERATE("w-tinylfu", "s3-fifo", "lru");
  constexpr std::uint64_t bound = 2 << 20, largest = 8192, shards = 4;
  ComponentUnderTest memory("memory", {{"max_bytes", "2MiB"}, {"policy", policy}, {"shards", "4"}});
  std::atomic<int> running{8};
  std::atomic<std::uint64_t> highest{0}, looks{0};
  std::vector<std::thread> threads;
  for (unsigned t = 0; t < 8; ++t) {
    threads.emplace_back([&, t] {
      std::mt19937 random(t);
      const std::string value(largest, 'x');
      for (int i = 0; i < 10'000 || looks <= 10; ++i) {
        const std::string key = key_of(random() % 5000);
        const auto what = random() % 10;
        if (what == 0) {
          memory->remove(key, Call());
        } else if (what < 4) {
          memory->get(key, Call());
        } else {
          memory->set(key, Entry::borrow({value.data(), random() % largest}), {}, Call());
        }
      }
      --running;
    });
  }
  while (running > 0) {
    highest = std::max(highest.load(), stat(memory, "bytes"));
    ++looks;
  }
  for (auto& thread : threads) thread.join();
  highest = std::max(highest.load(), stat(memory, "bytes"));  // the looks may all have been early
  CHECK(highest > bound * 9 / 10);
  CHECK(highest <= bound + shards * (largest + 200));  // one entry per shard
  CHECK(stat(memory, "bytes") <= bound);
}

TEST_CASE("many keys that were made to look alike cost no more than others", "[memory]") {
  // Without the seed nobody can make keys collide; keys of one pattern must not by themselves.
  ComponentUnderTest memory("memory", {{"shards", "1"}});
  for (std::uint64_t i = 0; i < 50'000; ++i) {
    std::string key(64, '\0');
    for (int bit = 0; bit < 17; ++bit)
      key[static_cast<std::size_t>(bit) * 3] = static_cast<char>(i >> bit & 1);
    memory->set(key, Entry::borrow("v"), {}, Call());
  }
  CHECK(stat(memory, "entries") == 50'000);
}

TEST_CASE("one-off keys cannot push out what is in use, with the policies that resist scans",
          "[memory]") {
  const std::string policy = GENERATE("w-tinylfu", "s3-fifo");
  ComponentUnderTest memory("memory", {{"max_entries", "1000"}, {"policy", policy}});
  for (int round = 0; round < 5; ++round) {
    for (std::uint64_t i = 0; i < 500; ++i) {
      if (!memory->get(key_of(i), Call())) memory->set(key_of(i), Entry::borrow("v"), {}, Call());
    }
  }
  for (std::uint64_t i = 0; i < 20'000; ++i)
    memory->set(key_of(1'000'000 + i), Entry::borrow("v"), {}, Call());
  int left = 0;
  for (std::uint64_t i = 0; i < 500; ++i) left += memory->get(key_of(i), Call()).has_value();
  CHECK(left >= 400);
}

TEST_CASE("every policy keeps what is asked for all the time and stays within its bound",
          "[memory]") {
  const std::string policy = GENERATE("w-tinylfu", "s3-fifo", "lru");
  ComponentUnderTest memory("memory", {{"max_entries", "100"}, {"policy", policy}});
  int hits = 0;
  for (int i = 0; i < 10000; ++i) {
    if (memory->get("hot", Call())) {
      ++hits;
    } else {
      memory->set("hot", Entry::copy("v"), {}, Call());
    }
    memory->set("cold " + std::to_string(i), Entry::copy("v"), {}, Call());
    if (stat(memory, "entries") > 101) FAIL("over the bound");
  }
  CHECK(hits > 9990);
}
