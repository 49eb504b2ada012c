// What the memory backend gives back of bytes: keys, values and their metadata.

#include "catch.hpp"
#include "looking_at.hpp"

using namespace cairn;
using namespace std::chrono_literals;

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
