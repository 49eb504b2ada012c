// Records that move in memory, so that what the process pays stays near the bound when entries of other
// sizes come.

#include "../../../plugins/memory/tidying.hpp"

#include "catch.hpp"
#include "component_under_test.hpp"
#include "resident_memory.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <random>
#include <string>
#include <utility>
#include <vector>

using namespace cairn;

namespace {

std::string key_of(const char* kind, std::uint64_t i) {
  return kind + std::to_string(i);
}

std::string value_of(std::uint64_t i, std::size_t size) {
  std::string value = std::to_string(i);
  value.resize(size, 'x');
  return value;
}

// What is in it moves: many of one size come, most of them leave, and others come who need the place.
class Untidy {
 public:
  explicit Untidy(const std::string& policy)
      : memory("memory", {{"policy", policy}, {"max_bytes", "64MiB"}, {"shards", "4"}}) {
    set("early-", many, 120);
  }
  void make_everything_move() {
    for (std::uint64_t i = 0; i < many; ++i) {
      if (i % 8 != 0) memory->remove(key_of("early-", i), Call());
    }
    set("late-", 50'000, 400);
  }
  void set(const char* kind, std::uint64_t count, std::size_t size) {
    for (std::uint64_t i = 0; i < count; ++i) {
      memory->set(key_of(kind, i), Entry::borrow(value_of(i, size)), {}, Call());
    }
  }
  static constexpr std::uint64_t many = 100'000;
  ComponentUnderTest memory;
};

const void* place_of(Untidy& untidy, const std::string& key) {
  const OptionalEntry found = untidy.memory->get(key, Call());
  return found ? found->raw().data : nullptr;
}

}  // namespace

TEST_CASE("a walk goes on by a few buckets, or until enough has moved, and begins again",
          "[memory]") {
  memory::Tidying tidying;
  std::vector<std::size_t> seen;
  const std::size_t moves = GENERATE(1u, 2u, 4u);
  for (int writer = 0; writer < 6; ++writer) {
    const std::size_t before = seen.size();
    tidying.go_on(1000, 1, {10, 50}, [&](std::size_t bucket) {
      seen.push_back(bucket);
      return moves;
    });
    CHECK(seen.size() - before <= memory::Tidying::enough_moves / moves);
  }
  for (std::size_t i = 0; i < seen.size(); ++i) CHECK(seen[i] == i % 10);
}

TEST_CASE("what a whole walk could not help is borne until it is more", "[memory]") {
  memory::Tidying tidying;
  const auto visited = [&](std::size_t untidy_bytes, std::size_t buckets) {
    std::size_t count = 0;
    for (int writer = 0; writer < 100; ++writer) {
      tidying.go_on(untidy_bytes, 1, {buckets, 5 * buckets}, [&](std::size_t) {
        ++count;
        return 0u;
      });
    }
    return count;
  };
  const std::size_t buckets = GENERATE(1u, 63u, 500u);
  CHECK(visited(8000, buckets) == buckets);
  CHECK(visited(8000, buckets) == 0);
  CHECK(visited(8999, buckets) == 0);
  CHECK(visited(9002, buckets) == buckets);
  CHECK(visited(900, buckets) == 0);  // less: and from there on it counts
  CHECK(visited(1100, buckets) == buckets);
}

TEST_CASE("a walk is worth it where few records are left, if most of those move", "[memory]") {
  memory::Tidying tidying;
  std::size_t visits = 0;
  for (int writer = 0; writer < 1000; ++writer) {
    tidying.go_on(8000, 1, {1000, 20}, [&](std::size_t bucket) {
      ++visits;
      return bucket % 100 == 0 ? 1u : 0u;  // half of the twenty
    });
  }
  CHECK(visits > 5000);
}

TEST_CASE("what the process pays stays near the bound, whatever sizes come one after the other",
          "[memory]") {
  if (!sees_resident_bytes()) return;
  const std::string policy = GENERATE("w-tinylfu", "s3-fifo", "lru");
  constexpr std::size_t bound = 64 << 20;
  const std::size_t before = resident_bytes();
  ComponentUnderTest memory("memory",
                            {{"policy", policy}, {"max_bytes", "64MiB"}, {"shards", "4"}});
  std::mt19937_64 random(1);
  std::size_t most = 0;
  std::uint64_t seen = 0;
  for (const auto& [least, greatest] :
       std::vector<std::pair<std::size_t, std::size_t>>{{100, 100},
                                                        {140, 140},
                                                        {300, 300},
                                                        {20, 1500},
                                                        {1000, 1000},
                                                        {60, 60},
                                                        {3000, 5000},
                                                        {500, 520}}) {
    for (int i = 0; i < 400'000; ++i) {
      // Some are asked for again and again, whatever comes: they are spread over all the memory.
      const bool loyal = random() % 4 == 0;
      const std::string key = loyal ? key_of("loyal-", random() % 20'000) : key_of("", ++seen);
      if (i % 20'000 == 0) most = std::max(most, resident_bytes() - before);
      if (memory->get(key, Call())) continue;
      const std::size_t size = least + random() % (greatest - least + 1);
      memory->set(key, Entry::borrow(value_of(seen, size)), {}, Call());
    }
  }
  CHECK(most < bound / 100 * 145);
}

TEST_CASE("when most entries go and others come, the memory of those that went comes back",
          "[memory]") {
  if (!sees_resident_bytes()) return;
  const std::size_t before = resident_bytes();
  ComponentUnderTest memory("memory", {{"max_bytes", "64MiB"}, {"shards", "4"}});
  for (std::uint64_t i = 0; i < 300'000; ++i) {
    memory->set(key_of("", i), Entry::borrow(value_of(i, 100)), {}, Call());
  }
  for (std::uint64_t i = 0; i < 300'000; ++i) {
    if (i % 20 != 0) memory->remove(key_of("", i), Call());
  }
  CHECK(resident_bytes() > before + (40 << 20));
  for (std::uint64_t i = 0; i < 30'000; ++i) {  // one shard alone is written to
    memory->set("new", Entry::borrow(value_of(i, 100)), {}, Call());
  }
  CHECK(resident_bytes() < before + (16 << 20));
  for (std::uint64_t i = 0; i < 300'000; i += 20) CHECK(memory->get(key_of("", i), Call()));
}

TEST_CASE("an entry that moves in memory stays what it is", "[memory]") {
  const std::string policy = GENERATE("w-tinylfu", "s3-fifo", "lru");
  Untidy untidy(policy);
  ComponentUnderTest& memory = untidy.memory;
  std::vector<const void*> places;
  for (std::uint64_t i = 0; i < Untidy::many; i += 8) {
    places.push_back(place_of(untidy, key_of("early-", i)));
  }
  untidy.make_everything_move();
  std::size_t moved = 0, wrong = 0, missing = 0;
  for (std::uint64_t i = 0; i < Untidy::many; i += 8) {
    const OptionalEntry found = memory->get(key_of("early-", i), Call());
    if (!found) {
      ++missing;
      continue;
    }
    wrong += found->bytes() != value_of(i, 120);
    moved += found->raw().data != places[i / 8];
  }
  CHECK(wrong == 0);
  CHECK(missing == 0);
  CHECK(moved > places.size() / 2);
}

TEST_CASE("an entry that moves in memory keeps its times, its version and its end", "[memory]") {
  Untidy untidy("w-tinylfu");
  ComponentUnderTest& memory = untidy.memory;
  const auto key = [](std::uint64_t i) { return key_of("dated-", i); };
  std::vector<const void*> places;
  for (std::uint64_t i = 0; i < 1000; ++i) {
    Entry entry = Entry::copy(value_of(i, 60));
    entry.raw().created_ns = static_cast<std::int64_t>(i) + 1;
    entry.raw().value_version = 7;
    memory->set(key(i), entry, {std::chrono::minutes(1)}, Call());
    places.push_back(place_of(untidy, key(i)));
    memory->set(key_of("between-", i), entry, {std::chrono::minutes(1)}, Call());
    for (std::uint64_t j = 0; j < 20; ++j) {
      memory->set(key_of("short-", i * 20 + j), entry, {std::chrono::minutes(1)}, Call());
    }
  }
  for (std::uint64_t i = 0; i < 20'000; ++i) memory->remove(key_of("short-", i), Call());
  untidy.make_everything_move();
  std::size_t moved = 0, wrong = 0;
  for (std::uint64_t i = 0; i < 1000; ++i) {
    const OptionalEntry found = memory->get(key(i), Call());
    REQUIRE(found);
    wrong += found->raw().created_ns != static_cast<std::int64_t>(i) + 1 ||
             found->raw().value_version != 7 || found->bytes() != value_of(i, 60);
    moved += found->raw().data != places[i];
  }
  CHECK(wrong == 0);
  CHECK(moved > 500);
  ComponentUnderTest::pass(std::chrono::minutes(2));
  memory->set("tick", Entry::borrow("v"), {}, Call());
  CHECK(memory->stats(Call()).root()["expired"].uint_value() == 2000);
}

TEST_CASE("whoever holds an entry keeps it, where it was, when it moves or is thrown away",
          "[memory]") {
  std::vector<OptionalEntry> held;
  {
    Untidy untidy("lru");
    for (std::uint64_t i = 0; i < 800; i += 8) {  // more than a thread has pins
      held.push_back(untidy.memory->get(key_of("early-", i), Call()));
      REQUIRE(held.back());
    }
    untidy.make_everything_move();
    std::size_t moved = 0;
    for (std::uint64_t i = 0; i < 800; i += 8) {
      moved += place_of(untidy, key_of("early-", i)) != held[i / 8]->raw().data;
    }
    CHECK(moved > 50);
  }
  std::size_t wrong = 0;
  for (std::uint64_t i = 0; i < 800; i += 8) {
    wrong += held[i / 8]->bytes() != value_of(i, 120);
  }
  CHECK(wrong == 0);
}

TEST_CASE("an object is destroyed once, whatever moves around it", "[memory]") {
  static int made = 0, gone = 0;
  made = gone = 0;
  {
    Untidy untidy("s3-fifo");
    const auto object = [] {
      Entry entry;
      entry.raw().kind = CAIRN_OBJECT;
      entry.raw().size = 50;
      entry.raw().owner = new cairn_owner{1, [](cairn_owner* self) noexcept {
                                            ++gone;
                                            delete self;
                                          }};
      ++made;
      return entry;
    };
    for (std::uint64_t i = 0; i < 20'000; ++i) {
      untidy.memory->set(key_of("object-", i), object(), {}, Call());
    }
    for (std::uint64_t i = 0; i < 20'000; ++i) {
      if (i % 8 != 0) untidy.memory->remove(key_of("object-", i), Call());
    }
    untidy.make_everything_move();
    untidy.set("later-", 20'000, 300);
    for (std::uint64_t i = 0; i < 20'000; i += 8) {
      CHECK(untidy.memory->get(key_of("object-", i), Call()));
    }
    CHECK(gone <= 17'500);
  }
  CHECK(made == 20'000);
  CHECK(gone == made);
}
