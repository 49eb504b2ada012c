#include "catch.hpp"

#include <cairn/entry.hpp>

#include <cstdint>
#include <thread>
#include <vector>

using namespace cairn;

namespace {

// An owner whose count can be read, in the way of a driver's reply object.
struct Watched : cairn_owner {
  explicit Watched(int& destroyed) : cairn_owner{1, &destroy_it}, destroyed_count(&destroyed) {}
  static void destroy_it(cairn_owner* owner) noexcept {
    auto* self = static_cast<Watched*>(owner);
    ++*self->destroyed_count;
    delete self;
  }
  int* destroyed_count;
};

struct Celsius {
  double degrees;
};
const cairn_type celsius_type{
    sizeof(cairn_type), 0, "Celsius",
    [](const void* object, cairn_call*, cairn_entry* out) noexcept -> cairn_status {
      const double degrees = static_cast<const Celsius*>(object)->degrees;
      *out = Entry::of(Document::build([&](Writer w) { w.real(degrees); })).release();
      return CAIRN_OK;
    },
    [](const cairn_node*, cairn_call*, cairn_entry*) noexcept -> cairn_status {
      return CAIRN_CORRUPT;
    }};

Entry borrowed_object(const Celsius& value) {
  Entry entry;
  entry.raw().kind = CAIRN_OBJECT;
  entry.raw().data = &value;
  entry.raw().size = sizeof value;
  entry.raw().type = &celsius_type;
  return entry;
}

}  // namespace

TEST_CASE("an entry is a cache line, and one that was made from nothing is no bytes", "[entry]") {
  CHECK(sizeof(Entry) == 64);
  const Entry none;
  CHECK(none.is_bytes());
  CHECK(none.bytes().empty());
  CHECK_FALSE(none.owned());
}

TEST_CASE("copies share the payload and the last one frees it", "[entry]") {
  int destroyed = 0;
  auto* owner = new Watched(destroyed);
  {
    const Entry first = Entry::part_of("payload", owner);
    CHECK(owner->refs == 1);
    {
      const Entry second = first;
      Entry third;
      third = second;
      CHECK(owner->refs == 3);
      CHECK(third.bytes().data() == first.bytes().data());
    }
    CHECK(owner->refs == 1);
    CHECK(destroyed == 0);
  }
  CHECK(destroyed == 1);
}

TEST_CASE("moving an entry moves its reference", "[entry]") {
  int destroyed = 0;
  auto* owner = new Watched(destroyed);
  Entry first = Entry::part_of("payload", owner);
  Entry second = std::move(first);
  CHECK(owner->refs == 1);
  second = Entry();  // what it held goes with the temporary
  CHECK(destroyed == 1);
}

TEST_CASE("assigning an entry to itself keeps it", "[entry]") {
  Entry entry = Entry::copy("still here");
  const Entry& same = entry;
  entry = same;
  CHECK(entry.bytes() == "still here");
}

TEST_CASE("release hands the reference out and adopt takes it back", "[entry]") {
  int destroyed = 0;
  Entry entry = Entry::part_of("payload", new Watched(destroyed));
  const cairn_entry raw = entry.release();
  CHECK_FALSE(entry.owned());
  CHECK(destroyed == 0);
  { const Entry again = Entry::adopt(raw); }
  CHECK(destroyed == 1);
}

TEST_CASE("references balance when many threads copy one entry", "[entry][threads]") {
  int destroyed = 0;
  {
    const Entry shared = Entry::part_of("payload", new Watched(destroyed));
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&shared] {
        for (int i = 0; i < 10'000; ++i) {
          Entry copy = shared;
          Entry moved = std::move(copy);
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    CHECK(shared.raw().owner->refs == 1);
  }
  CHECK(destroyed == 1);
}

TEST_CASE("a copy of bytes is independent of where they came from", "[entry]") {
  std::string text("a\0b", 3);
  const Entry copy = Entry::copy(text);
  text.assign("xyz");
  CHECK(copy.bytes() == std::string_view("a\0b", 3));
  CHECK(copy.owned());
  CHECK(Entry::copy("").owned());
  CHECK(Entry::own(std::string(1000, 'x')).size() == 1000);
}

TEST_CASE("a byte buffer becomes an entry without a second copy", "[entry]") {
  ByteBuffer buffer(8);
  const char* place = buffer.data();
  std::memcpy(buffer.data(), "abcdefgh", 8);
  buffer.shrink_to(3);
  CHECK(buffer.capacity() == 8);
  const Entry entry(std::move(buffer));
  CHECK(entry.bytes() == "abc");
  CHECK(entry.bytes().data() == place);
}

TEST_CASE("a borrowed entry becomes owned by a copy, with its metadata", "[entry]") {
  std::string scratch = "payload";
  Entry borrowed = Entry::borrow(scratch);
  borrowed.set_created(Time(std::chrono::seconds(7)));
  borrowed.set_expires(Time(std::chrono::seconds(9)));
  borrowed.set_value_version(3);

  const Entry owned = borrowed.to_owned();
  scratch.assign(scratch.size(), '#');

  CHECK(owned.owned());
  CHECK(owned.bytes() == "payload");
  CHECK(owned.created() == Time(std::chrono::seconds(7)));
  CHECK(owned.expires() == Time(std::chrono::seconds(9)));
  CHECK(owned.value_version() == 3);
  CHECK(owned.to_owned().bytes().data() == owned.bytes().data());
}

TEST_CASE("a borrowed tree is copied whole when it is to be kept", "[entry]") {
  std::optional<Document> source = Document::build([](Writer out) {
    auto map = out.map(1);
    map.key("name").text("Ada");
  });
  Entry borrowed;
  borrowed.raw().kind = CAIRN_DOCUMENT;
  borrowed.raw().data = source->root().raw();
  const Entry owned = borrowed.to_owned();
  source.reset();
  CHECK(owned.node()["name"].text() == "Ada");
}

TEST_CASE("a borrowed object is kept as a document, since nobody can copy it", "[entry]") {
  std::optional<Celsius> value(Celsius{36.6});
  const Entry owned = borrowed_object(*value).to_owned();
  value.reset();
  REQUIRE(owned.is_document());
  CHECK(owned.owned());
  CHECK(owned.node().real_value() == Approx(36.6));
}

TEST_CASE("an object becomes a document through its type, and bytes do not", "[entry]") {
  const Celsius value{20};
  Entry object = borrowed_object(value);
  object.set_value_version(4);
  const Entry document = object.to_document();
  CHECK(document.is_document());
  CHECK(document.node().real_value() == 20);
  CHECK(document.value_version() == 4);
  CHECK(document.to_document().node().raw() == document.node().raw());
  CHECK_THROWS_WITH(Entry::copy("x").to_document(), "expected a document, got bytes");
}

TEST_CASE("a document entry keeps its tree alive", "[entry]") {
  Entry entry;
  {
    const Document document = Document::build([](Writer out) { out.text("kept"); });
    entry = Entry::of(document);
  }
  CHECK(entry.is_document());
  CHECK(entry.size() >= sizeof(cairn_node) + 4);
  CHECK(entry.node().text() == "kept");
}

TEST_CASE("shared bytes compare by content and keep the entry", "[entry]") {
  const Bytes a("one");
  const Bytes b(Entry::copy("one"));
  CHECK(a == b);
  CHECK(std::string(a) == "one");
  CHECK(a.entry().owned());
}
