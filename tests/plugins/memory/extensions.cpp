// What the memory backend offers beside reads and writes: scans, clearing, statistics.

#include "catch.hpp"
#include "looking_at.hpp"

#include <cairn/extensions/clear.h>
#include <cairn/extensions/scan.h>

#include <map>
#include <set>

using namespace cairn;
using namespace std::chrono_literals;

TEST_CASE("a scan visits every entry once, also when the table grows meanwhile", "[memory]") {
  ComponentUnderTest memory("memory", {{"shards", "2"}});
  for (int i = 0; i < 3000; ++i) memory->set(key_of(i), Entry::copy("v"), {}, Call());
  const auto* table = static_cast<const cairn_scan*>(memory->extension(CAIRN_SCAN_ID));
  REQUIRE(table != nullptr);

  struct Seen {
    ComponentUnderTest& memory;
    std::map<std::string, int> times;
    int more = 3000;
  } seen{memory, {}};
  std::uint64_t cursor = 0;
  int calls = 0;
  do {
    REQUIRE(table->scan(
                memory.self(), nullptr, &cursor, 100,
                [](void* user, cairn_bytes key, const cairn_entry* entry) noexcept {
                  auto& so_far = *static_cast<Seen*>(user);
                  ++so_far.times[std::string(key.data, key.size)];
                  if (entry->size != 1) so_far.times["wrong value"] = 1;
                  const std::string fresh = "fresh " + std::to_string(so_far.more++);
                  so_far.memory->set(fresh, Entry::copy("v"), {}, Call());  // no deadlock
                },
                &seen) == CAIRN_OK);
    ++calls;
  } while (cursor != 0 && calls < 10000);
  CHECK(cursor == 0);
  CHECK(calls > 30);
  int missed = 0, repeated = 0;
  for (int i = 0; i < 3000; ++i) {
    const int times = seen.times[key_of(i)];
    missed += times == 0;
    repeated += times > 1;
  }
  CHECK(missed == 0);
  CHECK(repeated == 0);
  CHECK(seen.times.count("wrong value") == 0);
}

TEST_CASE("a scan ends wherever it begins, and by however many entries it goes", "[memory]") {
  ComponentUnderTest memory("memory", {{"shards", "3"}});
  for (int i = 0; i < 1000; ++i) memory->set(key_of(i), Entry::copy("v"), {}, Call());
  const auto* table = static_cast<const cairn_scan*>(memory->extension(CAIRN_SCAN_ID));
  REQUIRE(table != nullptr);
  const std::size_t limit = GENERATE(std::size_t{0}, std::size_t{1}, ~std::size_t{0});
  for (const std::uint64_t from :
       {std::uint64_t{0}, std::uint64_t{5}, std::uint64_t{0xffffffff}, std::uint64_t{1} << 32,
        std::uint64_t{3} << 32, std::uint64_t{1} << 63, ~std::uint64_t{0}}) {
    std::uint64_t cursor = from;
    int calls = 0;
    std::set<std::string> seen;
    do {
      REQUIRE(table->scan(
                  memory.self(), nullptr, &cursor, limit,
                  [](void* user, cairn_bytes key, const cairn_entry*) noexcept {
                    static_cast<std::set<std::string>*>(user)->emplace(key.data, key.size);
                  },
                  &seen) == CAIRN_OK);
    } while (cursor != 0 && ++calls < 2000);
    CHECK(cursor == 0);
    if (from == 0) CHECK(seen.size() == 1000);
  }
}

TEST_CASE("clear forgets everything and gives the memory back", "[memory]") {
  ComponentUnderTest memory("memory");
  for (int i = 0; i < 3000; ++i) memory->set(key_of(i), Entry::copy("v"), {1h}, Call());
  const auto* table = static_cast<const cairn_clear*>(memory->extension(CAIRN_CLEAR_ID));
  REQUIRE(table != nullptr);
  CHECK(table->clear(memory.self(), nullptr) == CAIRN_OK);
  CHECK(stat(memory, "entries") == 0);
  CHECK(stat(memory, "bytes") == 0);
  CHECK_FALSE(memory->get("k7", Call()));
  memory->set("k7", Entry::copy("again"), {}, Call());
  CHECK(text_of(memory->get("k7", Call())) == "again");
}

TEST_CASE("memory offers no extension that it does not know", "[memory]") {
  ComponentUnderTest memory("memory");
  CHECK(memory->extension("cairn.scan/2") == nullptr);
}

TEST_CASE("statistics count what happened", "[memory]") {
  ComponentUnderTest memory("memory", {{"max_bytes", "1MiB"}});
  memory->set("a", Entry::copy("1"), {}, Call());
  memory->set("a", Entry::copy("2"), {}, Call());
  memory->set("b", Entry::copy("3"), {}, Call());
  memory->get("a", Call());
  memory->get("a", Call());
  memory->get("x", Call());
  memory->remove("b", Call());
  CHECK(stat(memory, "hits") == 2);
  CHECK(stat(memory, "misses") == 1);
  CHECK(stat(memory, "inserted") == 2);
  CHECK(stat(memory, "replaced") == 1);
  CHECK(stat(memory, "removed") == 1);
  CHECK(stat(memory, "entries") == 1);
  CHECK(stat(memory, "max_bytes") == 1 << 20);
  CHECK(stat(memory, "bytes") > 40);
  CHECK(stat(memory, "bytes") < 150);
}
