// When entries of the memory backend are over, and their memory is given back.

#include "catch.hpp"
#include "looking_at.hpp"

#include <string>

using namespace cairn;
using namespace std::chrono_literals;

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
