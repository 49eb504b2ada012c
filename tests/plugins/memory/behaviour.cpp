// What the memory backend answers, one call after another.

#include "catch.hpp"
#include "component_under_test.hpp"

#include <cairn/extensions/clear.h>
#include <cairn/extensions/scan.h>

#include <map>
#include <set>
#include <vector>

using namespace cairn;
using namespace std::chrono_literals;

namespace {

std::string text_of(const OptionalEntry& entry) {
  return entry ? std::string(entry->bytes()) : "(miss)";
}

std::string key_of(int i) {
  std::string key("k");
  return key.append(std::to_string(i));
}

std::uint64_t stat(ComponentUnderTest& memory, const char* name) {
  return memory->stats(Call()).root()[name].uint_value();
}

// The text of the error that a set ends with.
std::string refusal(ComponentUnderTest& memory, const std::string& key, const Entry& entry) {
  cairn_call call{};
  call.size = sizeof call;
  try {
    memory->set(key, entry, {}, Call(&call));
  } catch (const Error& error) {
    return error.code() == Errc::rejected ? error.what() : "another code";
  }
  return "no error";
}

// Something with an owner of its own, that says when it is gone.
struct Tracked : cairn_owner {
  explicit Tracked(int& counter)
      : cairn_owner{1,
                    [](cairn_owner* self) noexcept {
                      ++static_cast<Tracked*>(self)->gone;
                      delete static_cast<Tracked*>(self);
                    }},
        gone(counter) {}
  int& gone;
};

Entry object_entry(Tracked* owner, const cairn_type* type, std::size_t size) {
  Entry entry;
  entry.raw().kind = CAIRN_OBJECT;
  entry.raw().data = owner;
  entry.raw().type = type;
  entry.raw().size = size;
  entry.raw().owner = owner;
  return entry;
}

}  // namespace

TEST_CASE("memory gives back what was set, until it is removed", "[memory]") {
  ComponentUnderTest memory("memory");
  CHECK(text_of(memory->get("k", Call())) == "(miss)");
  memory->set("k", Entry::copy("v1"), {}, Call());
  CHECK(text_of(memory->get("k", Call())) == "v1");
  memory->set("k", Entry::copy("v2"), {}, Call());
  CHECK(text_of(memory->get("k", Call())) == "v2");
  CHECK(memory->remove("k", Call()));
  CHECK_FALSE(memory->remove("k", Call()));
  CHECK(text_of(memory->get("k", Call())) == "(miss)");
}

TEST_CASE("keys and values may be empty, long, and any bytes", "[memory]") {
  ComponentUnderTest memory("memory");
  const std::string binary("a\0b\xff", 4), longest(65535, 'k'), large(1 << 20, 'v');
  for (const std::string& key :
       {std::string(), binary, longest, std::string("abc"), std::string(17, 'x')}) {
    for (const std::string& value : {std::string(), binary, std::string(65535, 'w'), large}) {
      memory->set(key, Entry::borrow(value), {}, Call());
      CHECK(text_of(memory->get(key, Call())) == value);
    }
  }
  CHECK(stat(memory, "entries") == 5);
}

TEST_CASE("a key that is too long is refused with its length and the limit", "[memory]") {
  ComponentUnderTest memory("memory");
  CHECK_THAT(refusal(memory, std::string(70000, 'k'), Entry::copy("v")),
             Catch::Contains("70000") && Catch::Contains("65535"));
}

TEST_CASE("a borrowed value is copied: what the caller does with its buffer later changes nothing",
          "[memory]") {
  ComponentUnderTest memory("memory");
  for (const std::size_t size : {std::size_t{100}, std::size_t{100000}}) {
    std::string buffer(size, 'a');
    memory->set("k", Entry::borrow(buffer), {}, Call());
    buffer.assign(size, 'b');
    CHECK(text_of(memory->get("k", Call())) == std::string(size, 'a'));
  }
}

TEST_CASE("an entry outlives its removal and the cache it came from", "[memory]") {
  OptionalEntry kept;
  {
    ComponentUnderTest memory("memory");
    memory->set("k", Entry::copy("still here"), {}, Call());
    kept = memory->get("k", Call());
    memory->remove("k", Call());
  }
  CHECK(text_of(kept) == "still here");
}

TEST_CASE("a hit hands out the stored bytes themselves", "[memory]") {
  ComponentUnderTest memory("memory");
  memory->set("k", Entry::copy("v"), {}, Call());
  const auto a = memory->get("k", Call()), b = memory->get("k", Call());
  CHECK(a->bytes().data() == b->bytes().data());
}

TEST_CASE("metadata comes back as it was set", "[memory]") {
  ComponentUnderTest memory("memory");
  for (const bool created : {false, true}) {
    for (const int version : {0, 7}) {
      for (const auto ttl : {0ns, 5000000000ns}) {
        Entry entry = Entry::copy("v");
        if (created) entry.set_created(Time(123456789ns));
        entry.set_value_version(version);
        memory->set("k", entry, {ttl}, Call());
        const auto found = memory->get("k", Call());
        REQUIRE(found);
        CHECK(found->bytes() == "v");
        CHECK(found->created() == (created ? Time(123456789ns) : Time()));
        CHECK(found->value_version() == version);
        CHECK(found->expires().time_since_epoch().count() ==
              (ttl == 0ns ? 0 : ComponentUnderTest::now + ttl.count()));
      }
    }
  }
}

TEST_CASE("a document is kept as it is, not copied", "[memory]") {
  ComponentUnderTest memory("memory");
  const Document document = Document::build([](Writer out) { out.map(1).key("a").integer(1); });
  memory->set("k", Entry::of(document), {}, Call());
  const auto found = memory->get("k", Call());
  REQUIRE(found);
  CHECK(found->is_document());
  CHECK(found->node().raw() == document.root().raw());
}

TEST_CASE("a borrowed document is copied", "[memory]") {
  ComponentUnderTest memory("memory");
  {
    const Document document = Document::build([](Writer out) { out.text("gone soon"); });
    Entry borrowed = Entry::of(document);
    cairn_release(borrowed.raw().owner);
    borrowed.raw().owner = nullptr;
    memory->set("k", borrowed, {}, Call());
  }
  CHECK(memory->get("k", Call())->node().text() == "gone soon");
}

TEST_CASE("an object is shared and released exactly once", "[memory]") {
  int gone = 0;
  cairn_type type{};
  {
    ComponentUnderTest memory("memory");
    auto* object = new Tracked(gone);
    memory->set("k", object_entry(object, &type, 1000), {}, Call());
    CHECK(gone == 0);
    {
      const auto found = memory->get("k", Call());
      REQUIRE(found);
      CHECK(found->is_object());
      CHECK(found->raw().data == object);
      CHECK(found->raw().type == &type);
      CHECK(found->size() == 1000);
      memory->set("k", Entry::copy("other"), {}, Call());
    }
    CHECK(stat(memory, "bytes") < 1000);
  }
  CHECK(gone == 1);
}

TEST_CASE("an object is charged as much as it says it costs", "[memory]") {
  int gone = 0;
  {
    ComponentUnderTest memory("memory");
    memory->set("k", object_entry(new Tracked(gone), nullptr, 5000), {}, Call());
    CHECK(stat(memory, "bytes") > 5000);
    CHECK(stat(memory, "bytes") < 5300);
    CHECK_THAT(refusal(memory, "k", object_entry(new Tracked(gone), nullptr, std::size_t{1} << 40)),
               Catch::Contains("larger than max_bytes"));
    CHECK_FALSE(memory->get("k", Call()));  // nor is the old value served in its place
  }
  CHECK(gone == 2);
}

TEST_CASE(
    "what was got and is set again is shared with its owner, not with all entries that it was in",
    "[memory]") {
  int gone = 0;
  ComponentUnderTest memory("memory", {{"shards", "1"}});
  auto* object = new Tracked(gone);
  memory->set("k", object_entry(object, nullptr, 1000), {}, Call());
  const std::string large(100'000, 'x');
  memory->set("bytes", Entry::copy(large), {}, Call());
  // So many records that hang on each other would be destroyed by as many calls of each in the other.
  for (int i = 0; i < 300'000; ++i) {
    memory->set("k", *memory->get("k", Call()), {}, Call());
    memory->set("bytes", *memory->get("bytes", Call()), {}, Call());
  }
  CHECK(memory->get("k", Call())->raw().data == object);
  CHECK(memory->get("bytes", Call())->bytes() == large);
  memory->set("k", Entry::copy("other"), {}, Call());
  memory->set("bytes", Entry::copy("other"), {}, Call());
  for (int i = 0; i < 1000; ++i) memory->set("tick", Entry::copy("v"), {}, Call());
  CHECK(gone == 1);
  // Nor does a copy keep what it was copied from, or one of the few places for entries that are held.
  memory->set("a", object_entry(new Tracked(gone), nullptr, 1000), {}, Call());
  for (int i = 0; i < 20; ++i) memory->set(key_of(i), *memory->get("a", Call()), {}, Call());
  memory->remove("a", Call());
  for (int i = 0; i < 20; ++i) memory->remove(key_of(i), Call());
  for (int i = 0; i < 1000; ++i) memory->set("tick", Entry::copy("v"), {}, Call());
  CHECK(gone == 2);
}

TEST_CASE("an object without an owner is refused, as it cannot be kept", "[memory]") {
  ComponentUnderTest memory("memory");
  CHECK_THAT(refusal(memory, "k", object_entry(nullptr, nullptr, 8)), Catch::Contains("borrowed"));
}

// ---- time ----

TEST_CASE("an entry is gone when its time to live is over, and not a moment before", "[memory]") {
  ComponentUnderTest memory("memory");
  memory->set("k", Entry::copy("v"), {10s}, Call());
  ComponentUnderTest::pass(10s - 1ns);
  CHECK(text_of(memory->get("k", Call())) == "v");
  ComponentUnderTest::pass(1ns);
  CHECK(text_of(memory->get("k", Call())) == "(miss)");
}

TEST_CASE("a time to live of a nanosecond is over at the next one", "[memory]") {
  ComponentUnderTest memory("memory", {{"ttl", "1ns"}});
  memory->set("k", Entry::copy("v"), {}, Call());
  CHECK(memory->get("k", Call()));
  ComponentUnderTest::pass(1ns);
  CHECK_FALSE(memory->get("k", Call()));
  memory->set("k", Entry::copy("again"), {1h}, Call());
  CHECK(text_of(memory->get("k", Call())) == "again");
}

TEST_CASE("the store's ttl is for entries that come without one", "[memory]") {
  ComponentUnderTest memory("memory", {{"ttl", "1m"}});
  memory->set("default", Entry::copy("v"), {}, Call());
  memory->set("own", Entry::copy("v"), {1h}, Call());
  ComponentUnderTest::pass(59s);
  CHECK(memory->get("default", Call()));
  ComponentUnderTest::pass(1s);
  CHECK_FALSE(memory->get("default", Call()));
  CHECK(memory->get("own", Call()));
}

TEST_CASE("what is set again without a time to live stays", "[memory]") {
  ComponentUnderTest memory("memory");
  memory->set("k", Entry::copy("v"), {1s}, Call());
  memory->set("k", Entry::copy("v"), {}, Call());
  ComponentUnderTest::pass(1h);
  memory->set("other", Entry::copy("v"), {}, Call());
  CHECK(memory->get("k", Call()));
}

TEST_CASE("a time to live beyond all times is none", "[memory]") {
  ComponentUnderTest memory("memory");
  memory->set("k", Entry::copy("v"), {std::chrono::nanoseconds::max()}, Call());
  ComponentUnderTest::pass(24h * 365);
  CHECK(memory->get("k", Call()));
}

TEST_CASE("expired entries give back their memory without being asked for", "[memory]") {
  const auto ttl = GENERATE(500ms, 2s, 70s, 3h, 24h * 3, 24h * 30);
  ComponentUnderTest memory("memory", {{"shards", "4"}});
  for (int i = 0; i < 1000; ++i) {
    memory->set("short " + std::to_string(i), Entry::copy("v"), {ttl + i * 1ms}, Call());
  }
  memory->set("long", Entry::copy("v"), {24h * 365}, Call());
  CHECK(stat(memory, "entries") == 1001);

  // Time passes in steps, as it would with a call now and then...
  for (int i = 0; i < 100; ++i) {
    ComponentUnderTest::pass(std::chrono::duration_cast<std::chrono::nanoseconds>(ttl) / 102);
    memory->set("tick", Entry::copy("v"), {}, Call());
  }
  CHECK(stat(memory, "entries") == 1002);
  // ...and two seconds after the end of all of them, any write frees them, in all shards.
  ComponentUnderTest::pass(std::chrono::duration_cast<std::chrono::nanoseconds>(ttl) / 50 + 4s);
  memory->set("tick", Entry::copy("v"), {}, Call());
  CHECK(stat(memory, "entries") == 2);
  CHECK(stat(memory, "expired") == 1000);
  CHECK(memory->get("long", Call()));
}

TEST_CASE("a clock that jumps far ahead, or back, frees what is due and keeps the rest",
          "[memory]") {
  ComponentUnderTest memory("memory");
  memory->set("a", Entry::copy("v"), {1h}, Call());
  memory->set("b", Entry::copy("v"), {24h * 400}, Call());
  ComponentUnderTest::pass(24h * 399);
  memory->set("tick", Entry::copy("v"), {}, Call());
  CHECK(stat(memory, "entries") == 2);
  ComponentUnderTest::pass(-24h * 399);
  memory->set("c", Entry::copy("v"), {1h}, Call());
  CHECK(memory->get("b", Call()));
  CHECK(memory->get("c", Call()));
  ComponentUnderTest::pass(24h * 401);
  memory->set("tick", Entry::copy("v"), {}, Call());
  CHECK(stat(memory, "entries") == 1);
}

TEST_CASE("a clock that was ahead for a while holds up nothing once it is set right", "[memory]") {
  const std::chrono::nanoseconds ahead = GENERATE(3s, 100s, 24h * 400);
  ComponentUnderTest memory("memory", {{"shards", "4"}});
  memory->set("early", Entry::copy("v"), {1h}, Call());
  ComponentUnderTest::pass(ahead);
  memory->set("while it is wrong", Entry::copy("v"), {1s}, Call());
  ComponentUnderTest::pass(-ahead);
  for (int i = 0; i < 200; ++i) {
    memory->set(key_of(i), Entry::copy("v"), {(i % 2 + 1) * 10s}, Call());
  }
  ComponentUnderTest::pass(12s);
  memory->set("tick", Entry::copy("v"), {}, Call());
  CHECK_FALSE(memory->get(key_of(0), Call()));
  CHECK(memory->get(key_of(1), Call()));
  ComponentUnderTest::pass(10s);
  memory->set("tick", Entry::copy("v"), {}, Call());
  const std::uint64_t of_the_time_ahead = ahead >= 1h ? 0 : 1;  // "early" has seen its end, or not
  CHECK(stat(memory, "expired") >= 200);
  CHECK(stat(memory, "entries") <= 2 + of_the_time_ahead);
  ComponentUnderTest::pass(ahead + 1h);
  memory->set("tick", Entry::copy("v"), {}, Call());
  CHECK(stat(memory, "entries") == 1);
}

// ---- batches ----

TEST_CASE("a batch answers every key in its place, duplicates too", "[memory]") {
  ComponentUnderTest memory("memory", {{"shards", "8"}});
  std::vector<std::string> names;
  std::vector<Key> keys;
  std::vector<Entry> entries;
  for (int i = 0; i < 100; ++i) names.push_back("key " + std::to_string(i % 90));
  for (const std::string& name : names) keys.emplace_back(name);
  for (int i = 0; i < 100; ++i) entries.push_back(Entry::copy(std::to_string(i)));
  std::vector<cairn_status> statuses(100, CAIRN_OK);
  memory->set_multi(keys, entries, {}, Statuses(statuses.data(), 100), Call());
  CHECK(std::count(statuses.begin(), statuses.end(), CAIRN_OK) == 100);
  CHECK(stat(memory, "entries") == 90);

  keys.emplace_back("nobody");
  std::vector<Entry> found(101);
  statuses.assign(101, CAIRN_MISS);
  memory->get_multi(keys, Results(found.data(), statuses.data(), 101), Call());
  for (int i = 0; i < 100; ++i) {  // the last of two equal keys has won
    CHECK(statuses[i] == CAIRN_OK);
    CHECK(found[i].bytes() == std::to_string(i < 10 ? i + 90 : i));
  }
  CHECK(statuses[100] == CAIRN_MISS);

  statuses.assign(101, CAIRN_MISS);
  memory->remove_multi(keys, Statuses(statuses.data(), 101), Call());
  CHECK(std::count(statuses.begin(), statuses.end(), CAIRN_OK) == 90);
  CHECK(stat(memory, "entries") == 0);
}

TEST_CASE("in a batch, one entry that cannot be kept does not stop the others", "[memory]") {
  ComponentUnderTest memory("memory", {{"max_bytes", "64KiB"}});
  const Key keys[] = {"a", "b", "c"};
  const Entry entries[] = {Entry::copy("1"), Entry::copy(std::string(70000, 'x')),
                           Entry::copy("3")};
  cairn_status statuses[3] = {};
  memory->set_multi(keys, entries, {}, Statuses(statuses, 3), Call());
  CHECK(statuses[0] == CAIRN_OK);
  CHECK(statuses[1] == CAIRN_REJECTED);
  CHECK(statuses[2] == CAIRN_OK);
  CHECK(text_of(memory->get("c", Call())) == "3");
}

TEST_CASE("in a batch, a value that is refused takes with it what the batch has set before",
          "[memory]") {
  ComponentUnderTest memory("memory", {{"max_bytes", "64KiB"}});
  memory->set("b", Entry::copy("old"), {}, Call());
  const Entry large = Entry::copy(std::string(70000, 'x'));
  const Key keys[] = {"a", "a", "b", "b"};
  const Entry entries[] = {Entry::copy("1"), large, large, Entry::copy("4")};
  cairn_status statuses[4] = {};
  memory->set_multi(keys, entries, {}, Statuses(statuses, 4), Call());
  CHECK(statuses[1] == CAIRN_REJECTED);
  CHECK(statuses[2] == CAIRN_REJECTED);
  CHECK(text_of(memory->get("a", Call())) == "(miss)");
  CHECK(text_of(memory->get("b", Call())) == "4");
}

// ---- extensions and figures ----

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
