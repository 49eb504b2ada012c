// What the memory backend keeps without a copy: documents and objects.

#include "catch.hpp"
#include "looking_at.hpp"

using namespace cairn;

namespace {

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
