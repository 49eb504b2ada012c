// What a look for a key brings, and that it is made where whoever asked wants it.
#include "catch.hpp"

#include <cairn/plugin.hpp>

#include <optional>

using namespace cairn;

namespace {

// An owner that tells how often it was destroyed.
struct Watched : cairn_owner {
  Watched()
      : cairn_owner{1, [](cairn_owner* self) noexcept { ++static_cast<Watched*>(self)->ended; }} {}
  Entry entry() {
    cairn_retain(this);
    return Entry::part_of("payload", this);
  }
  int ended = 0;
};

// A store that remembers where it made its answer, and may fail after having made it.
struct Store : Backend {
  static constexpr auto name = "store";
  static constexpr auto help = "Answers every key.";
  OptionalEntry get(Key key, Call) override {
    OptionalEntry found;
    made_at = &found;
    if (key == "absent") return found;
    found = owner.entry();
    if (key == "fails") throw Error(Errc::unavailable, "gone");
    return found;
  }
  void set(Key, const Entry&, const SetOptions&, Call) override {}
  bool remove(Key, Call) override { return false; }
  Watched owner;
  const void* made_at = nullptr;
};

struct Layer : ProxyBackend {
  static constexpr auto name = "layer";
  static constexpr auto help = "Looks at what passes.";
  static constexpr bool split_batches = true;
  using ProxyBackend::ProxyBackend;
  OptionalEntry get(Key key, Call call) override {
    OptionalEntry found = next().get(key, call);
    if (found) ++seen;
    return found;
  }
  int seen = 0;
};

}  // namespace

TEST_CASE("what was found reads like an optional", "[optional-entry]") {
  OptionalEntry none;
  CHECK_FALSE(none);
  CHECK(none == std::nullopt);
  CHECK_THROWS_AS(none.value(), std::bad_optional_access);
  CHECK(none.value_or(Entry::copy("other")).bytes() == "other");

  OptionalEntry found = Entry::copy("here");
  REQUIRE(found.has_value());
  CHECK(found != std::nullopt);
  CHECK(found->bytes() == "here");
  CHECK(found.value().bytes() == "here");
  CHECK(found.value_or(Entry()).bytes() == "here");

  const OptionalEntry copy = found;
  found.reset();
  CHECK_FALSE(found);
  CHECK(copy->bytes() == "here");
  found = copy;
  found = std::nullopt;
  CHECK_FALSE(found);

  CHECK_FALSE(OptionalEntry(std::optional<Entry>()));
  CHECK(OptionalEntry(std::optional<Entry>(Entry::copy("x")))->bytes() == "x");
  CHECK(OptionalEntry(Entry()).has_value());  // no bytes at all are something
}

TEST_CASE("what was found holds one reference, however it is passed on", "[optional-entry]") {
  Watched owner;
  {
    OptionalEntry first = owner.entry();
    OptionalEntry second = first;
    CHECK(owner.refs == 3);
    OptionalEntry third = std::move(first);
    CHECK(owner.refs == 3);
    second = std::nullopt;
    CHECK(owner.refs == 2);
    const Entry taken = *std::move(third);
    CHECK(owner.refs == 2);
  }
  CHECK(owner.refs == 1);
  CHECK(owner.ended == 0);
}

TEST_CASE("a store makes its answer in the slot of whoever asked, through any layers",
          "[optional-entry]") {
  Store store;
  Layer lower(store);
  Layer upper(static_cast<Backend&>(lower));

  cairn_entry slot{};
  CHECK(detail::Thunks<Layer>::get(&upper, nullptr, Key("k").raw(), &slot) == CAIRN_OK);
  CHECK(store.made_at == &slot);
  CHECK(upper.seen == 1);
  CHECK(lower.seen == 1);
  CHECK(store.owner.refs == 2);
  cairn_release(slot.owner);

  cairn_entry empty{};
  CHECK(detail::Thunks<Layer>::get(&upper, nullptr, Key("absent").raw(), &empty) == CAIRN_MISS);
  CHECK(empty.kind == 0);
}

TEST_CASE("a layer that fails after it made its answer leaves nothing in the slot",
          "[optional-entry]") {
  Store store;
  Layer layer(store);
  cairn_entry slot{};
  CHECK(detail::Thunks<Layer>::get(&layer, nullptr, Key("fails").raw(), &slot) ==
        CAIRN_UNAVAILABLE);
  CHECK(slot.owner == nullptr);
  CHECK(slot.kind == 0);
  CHECK(store.owner.refs == 1);
}

TEST_CASE("what a failed or missed call left in the slot is not released", "[optional-entry]") {
  static Watched owner;
  static cairn_status answer = CAIRN_MISS;
  cairn_next sloppy{};
  sloppy.size = sizeof sloppy;
  sloppy.get.fn = [](void*, cairn_call*, cairn_bytes, cairn_entry* out) noexcept -> cairn_status {
    out->kind = CAIRN_BYTES;
    out->owner = &owner;
    return answer;
  };
  Next next(sloppy);
  CHECK_FALSE(next.get("k", Call()));
  answer = CAIRN_TIMEOUT;
  CHECK_THROWS_AS(next.get("k", Call()), Error);
  CHECK(owner.refs == 1);
  CHECK(owner.ended == 0);
}
