#include "codec_under_test.hpp"
#include "counted_allocations.hpp"

#include <cairn/object.hpp>

using namespace cairn;
using namespace std::string_literals;

namespace shop {
struct Line {
  std::string article;
  double price = 0;
  std::vector<std::byte> picture;
  bool operator==(const Line&) const = default;
};
CAIRN_FIELDS(Line, article, price, picture);
}  // namespace shop

namespace {

struct Layer : CodecUnderTest {
  Layer(Options options = {}) : CodecUnderTest("msgpack", options) {}
};

template <class Fill>
Document document(Fill fill) {
  return Document::build(fill);
}

}  // namespace

TEST_CASE("every type has its shortest form, and comes back", "[msgpack]") {
  struct Vector {
    Document value;
    std::string bytes;
  };
  const auto integer = [](std::int64_t i) { return document([=](Writer out) { out.integer(i); }); };
  const auto whole = [](std::uint64_t u) {
    return document([=](Writer out) { out.unsigned_integer(u); });
  };
  const auto text = [](std::size_t n) {
    return document([=](Writer out) { out.text(std::string(n, 'a')); });
  };
  const auto blob = [](std::size_t n) {
    return document([=](Writer out) { out.blob(std::string(n, 'a')); });
  };
  const auto extension = [](int type, std::size_t n) {
    return document([=](Writer out) { out.extension(type, std::string(n, 'a')); });
  };
  const auto list = [](std::size_t n) {
    return document([=](Writer out) {
      auto items = out.list(n);
      for (std::size_t i = 0; i < n; ++i) items.item().null();
    });
  };
  const auto map = [](std::size_t n) {
    return document([=](Writer out) {
      auto pairs = out.map(n);
      for (std::size_t i = 0; i < n; ++i) {
        auto [key, value] = pairs.pair();
        key.boolean(true);
        value.null();
      }
    });
  };
  const auto real = [](double value) { return document([=](Writer out) { out.real(value); }); };
  const auto a = [](std::size_t n) { return std::string(n, 'a'); };

  // The cases of the public msgpack test suite, by type.
  const std::vector<Vector> vectors{
      {document([](Writer out) { out.null(); }), "\xc0"},
      {document([](Writer out) { out.boolean(false); }), "\xc2"},
      {document([](Writer out) { out.boolean(true); }), "\xc3"},
      {integer(0), "\x00"s},
      {integer(1), "\x01"},
      {integer(127), "\x7f"},
      {integer(128), "\xcc\x80"},
      {integer(255), "\xcc\xff"},
      {integer(256), "\xcd\x01\x00"s},
      {integer(65535), "\xcd\xff\xff"},
      {integer(65536), "\xce\x00\x01\x00\x00"s},
      {integer(2147483647), "\xce\x7f\xff\xff\xff"},
      {integer(4294967295), "\xce\xff\xff\xff\xff"},
      {integer(4294967296), "\xcf\x00\x00\x00\x01\x00\x00\x00\x00"s},
      {integer(INT64_MAX), "\xcf\x7f\xff\xff\xff\xff\xff\xff\xff"},
      {whole(std::uint64_t{INT64_MAX} + 1), "\xcf\x80\x00\x00\x00\x00\x00\x00\x00"s},
      {whole(UINT64_MAX), "\xcf\xff\xff\xff\xff\xff\xff\xff\xff"},
      {integer(-1), "\xff"},
      {integer(-32), "\xe0"},
      {integer(-33), "\xd0\xdf"},
      {integer(-128), "\xd0\x80"},
      {integer(-129), "\xd1\xff\x7f"},
      {integer(-32768), "\xd1\x80\x00"s},
      {integer(-32769), "\xd2\xff\xff\x7f\xff"},
      {integer(INT32_MIN), "\xd2\x80\x00\x00\x00"s},
      {integer(std::int64_t{INT32_MIN} - 1), "\xd3\xff\xff\xff\xff\x7f\xff\xff\xff"},
      {integer(INT64_MIN), "\xd3\x80\x00\x00\x00\x00\x00\x00\x00"s},
      {real(0.5), "\xcb\x3f\xe0\x00\x00\x00\x00\x00\x00"s},
      {real(-0.0), "\xcb\x80\x00\x00\x00\x00\x00\x00\x00"s},
      {real(std::numeric_limits<double>::infinity()), "\xcb\x7f\xf0\x00\x00\x00\x00\x00\x00"s},
      {real(std::numeric_limits<double>::quiet_NaN()), "\xcb\x7f\xf8\x00\x00\x00\x00\x00\x00"s},
      {text(0), "\xa0"},
      {text(1), "\xa1" + a(1)},
      {text(31), "\xbf" + a(31)},
      {text(32), "\xd9\x20" + a(32)},
      {text(255), "\xd9\xff" + a(255)},
      {text(256), "\xda\x01\x00"s + a(256)},
      {text(65535), "\xda\xff\xff" + a(65535)},
      {text(65536), "\xdb\x00\x01\x00\x00"s + a(65536)},
      {blob(0), "\xc4\x00"s},
      {blob(1), "\xc4\x01" + a(1)},
      {blob(255), "\xc4\xff" + a(255)},
      {blob(256), "\xc5\x01\x00"s + a(256)},
      {blob(65536), "\xc6\x00\x01\x00\x00"s + a(65536)},
      {extension(1, 1), "\xd4\x01" + a(1)},
      {extension(2, 2), "\xd5\x02" + a(2)},
      {extension(3, 4), "\xd6\x03" + a(4)},
      {extension(-1, 8), "\xd7\xff" + a(8)},  // a timestamp
      {extension(127, 16), "\xd8\x7f" + a(16)},
      {extension(-128, 0), "\xc7\x00\x80"s},
      {extension(5, 17), "\xc7\x11\x05" + a(17)},
      {extension(5, 256), "\xc8\x01\x00\x05"s + a(256)},
      {extension(5, 65536), "\xc9\x00\x01\x00\x00\x05"s + a(65536)},
      {list(0), "\x90"},
      {list(1), "\x91\xc0"},
      {list(15), "\x9f" + repeated(15, "\xc0")},
      {list(16), "\xdc\x00\x10"s + repeated(16, "\xc0")},
      {list(65536), "\xdd\x00\x01\x00\x00"s + repeated(65536, "\xc0")},
      {map(0), "\x80"},
      {map(1), "\x81\xc3\xc0"},
      {map(15), "\x8f" + repeated(15, "\xc3\xc0")},
      {map(16), "\xde\x00\x10"s + repeated(16, "\xc3\xc0")},
      {map(65536), "\xdf\x00\x01\x00\x00"s + repeated(65536, "\xc3\xc0")},
  };
  Layer layer;
  for (const Vector& vector : vectors) {
    CAPTURE(vector.bytes.substr(0, 12));
    CHECK((layer.written(vector.value) == vector.bytes));
    const Entry back = layer.read(vector.bytes);
    CHECK(equal(back.node(), vector.value.root()));
  }
}

TEST_CASE("longer forms than needed, and short reals, are read too", "[msgpack]") {
  Layer layer;
  CHECK(layer.read("\xd3\x00\x00\x00\x00\x00\x00\x00\x07"s).node().int_value() == 7);
  CHECK(layer.read("\xcf\x00\x00\x00\x00\x00\x00\x00\x07"s).node().int_value() == 7);
  CHECK(layer.read("\xd1\xff\xff").node().int_value() == -1);
  CHECK(layer.read("\xda\x00\x01x"s).node().text() == "x");
  CHECK(layer.read("\xdd\x00\x00\x00\x01\xc0"s).node().size() == 1);
  CHECK(layer.read("\xca\x3f\x00\x00\x00"s).node().real_value() == 0.5);
}

TEST_CASE("any document comes back equal", "[msgpack]") {
  Layer layer;
  CHECK(changed_by(layer, 100'000, DocumentGenerator(1)) == 0);
}

TEST_CASE("a hit is one allocation, and its text points into the stored bytes", "[msgpack]") {
  Layer layer;
  const Document written = document([](Writer out) {
    auto map = out.map(2);
    map.key("name").text("a text too long for any small string optimisation");
    map.key("items").list(1).item().blob("blob");
  });
  layer.component->set("key", Entry::of(written), {}, Call());
  const std::string_view stored = layer.store.entries["key"].bytes();

  const long before = allocations;
  const Entry entry = layer.component->get("key", Call()).value();
  CHECK(allocations - before == 1);

  const auto inside = [&](std::string_view part) {
    return part.data() >= stored.data() &&
           part.data() + part.size() <= stored.data() + stored.size();
  };
  CHECK(inside(entry.node()["name"].text()));
  CHECK(inside(entry.node()["items"].item(0).blob()));
  CHECK(entry.size() >= stored.size());

  layer.store.entries.clear();  // the document keeps the bytes
  CHECK(entry.node()["items"].item(0).blob() == "blob");
}

TEST_CASE("an object is written like its document", "[msgpack]") {
  Layer layer;
  const shop::Line line{"nail", 0.25, {std::byte{1}, std::byte{2}}};
  layer.component->set("object", make_object(line), {}, Call());
  layer.component->set("document", Entry::of(document([&](Writer out) { write(out, line); })), {},
                       Call());
  CHECK((layer.store.entries["object"].bytes() == layer.store.entries["document"].bytes()));
  CHECK(cairn::read<shop::Line>(layer.component->get("object", Call())->node()) == line);
}

TEST_CASE("what is not msgpack is corrupt, and the place is named", "[msgpack]") {
  Layer layer;
  CHECK(layer.error_of("") == "msgpack: the input ends too early at byte 0 of 0");
  CHECK(layer.error_of("\xc1") == "msgpack: 0xc1, which msgpack never uses, at byte 1 of 1");
  CHECK(layer.error_of("\xa3\x61") == "msgpack: the input ends too early at byte 1 of 2");
  CHECK(layer.error_of("\x92\xc0") == "msgpack: the input ends too early at byte 1 of 2");
  CHECK(layer.error_of("\xc0\xc0") == "msgpack: something is left over at byte 1 of 2");
  CHECK(layer.error_of("\xdf\xff\xff\xff\xff") ==
        "msgpack: the input ends too early at byte 5 of 5");
  CHECK(layer.component->stats(Call()).root()["corrupt"].int_value() == 6);
}

TEST_CASE("every beginning of a value is corrupt", "[msgpack]") {
  Layer layer;
  DocumentGenerator generator(2);
  for (int i = 0; i < 100; ++i) {
    const std::string bytes = layer.written(generator.next());
    for (std::size_t size = 0; size < bytes.size(); ++size) {
      REQUIRE_THROWS_AS(layer.read(std::string_view(bytes).substr(0, size)), Error);
    }
  }
}

TEST_CASE("lists in lists are read and written to a depth of 256", "[msgpack]") {
  Layer layer;
  const auto nested = [](std::size_t depth) { return repeated(depth, "\x91") + "\xc0"; };
  const Entry deep = layer.read(nested(256));
  CHECK_THAT(layer.error_of(nested(257)),
             Catch::Contains("more than 256 lists and maps in each other"));
  CHECK_THAT(layer.error_of(nested(1'000'000)), Catch::Contains("more than 256"));
  CHECK(layer.error_of(repeated(255, "\x91") + "\x90") == "none");
  CHECK_THAT(layer.error_of(repeated(256, "\x91") + "\x90"), Catch::Contains("more than 256"));
  CHECK_THAT(layer.error_of(repeated(256, "\x91") + "\x80"), Catch::Contains("more than 256"));

  layer.component->set("k", deep, {}, Call());
  CHECK((layer.store.entries["k"].bytes() == nested(256)));
  const Document too_deep = document([&](Writer out) { out.list(1).item().borrowed(deep.node()); });
  CHECK_THROWS_WITH(layer.component->set("k", Entry::of(too_deep), {}, CallWithText()),
                    Catch::Contains("more than 256"));
}

TEST_CASE("a short input cannot ask for much memory", "[msgpack]") {
  Layer layer;
  CHECK_THROWS_AS(layer.read("\xdd\x7f\xff\xff\xff\xc0"), Error);
  CHECK_THROWS_AS(layer.read("\xc6\xff\xff\xff\xff"s), Error);
  const std::string nulls = "\xdc\x10\x00"s + std::string(4096, '\xc0');
  CHECK(layer.read(nulls).size() <= 26 * nulls.size());
}

TEST_CASE("what hostile writers make of msgpack is read for what it says, or is corrupt",
          "[msgpack]") {
  Layer layer;
  // Text that is not UTF-8, maps as keys, and equal keys are values like others.
  for (const std::string& bytes :
       {"\xa2\xff\x00"s, "\x81\x81\xc0\xc0\x90"s, "\x82\xa1k\x01\xa1k\x02"s}) {
    CHECK((layer.again(bytes) == bytes));
  }
  CHECK(layer.read("\x82\xa1k\x01\xa1k\x02").node()["k"].int_value() == 2);
  // A real that is whole stays a real, to the sign of its zero.
  for (const std::string& bytes :
       {"\xcb\x3f\xf0\x00\x00\x00\x00\x00\x00"s, "\xcb\x80\x00\x00\x00\x00\x00\x00\x00"s,
        "\xcb\x43\xf0\x00\x00\x00\x00\x00\x00"s}) {  // 1.0, -0.0, 2^64
    CHECK((layer.again(bytes) == bytes));
  }
  // Lengths that nothing follows, for every form that has one.
  for (const char* head : {"\xc6", "\xc9", "\xdb", "\xdd", "\xdf"}) {
    for (const std::string& length :
         {"\xff\xff\xff\xff"s, "\x80\x00\x00\x00"s, "\x00\x00\x00\x02"s}) {
      CHECK_THAT(layer.error_of(head + length + "\xc0"), Catch::Contains("ends too early"));
    }
  }
  // Lists that promise each other's items: together more than there is input.
  CHECK_THAT(layer.error_of(repeated(200, "\xdc\xff\xff") + std::string(0x10000, '\xc0')),
             Catch::Contains("ends too early"));
}

TEST_CASE("one corrupt value does not spoil its batch", "[msgpack]") {
  Layer layer;
  for (const char* key : {"a", "c"}) {
    layer.component->set(key, Entry::of(document([&](Writer out) { out.text(key); })), {}, Call());
  }
  layer.store.entries["b"] = Entry::copy("\xc1");
  const Key keys[] = {"a", "b", "c", "d"};
  Entry entries[4];
  cairn_status statuses[4] = {CAIRN_MISS, CAIRN_MISS, CAIRN_MISS, CAIRN_MISS};
  layer.component->get_multi(keys, Results(entries, statuses, 4), Call());
  CHECK(statuses[0] == CAIRN_OK);
  CHECK(statuses[1] == CAIRN_CORRUPT);
  CHECK(entries[2].node().text() == "c");
  CHECK(statuses[3] == CAIRN_MISS);
}

TEST_CASE("the dogpile layout is the recipe's pair", "[msgpack]") {
  Layer layer{{"layout", "dogpile"}};
  Entry entry = Entry::of(document([](Writer out) { out.text("v"); }));
  entry.set_created(Time(std::chrono::milliseconds(1'500)));
  entry.set_value_version(2);
  layer.component->set("k", entry, {}, Call());
  CHECK((layer.store.entries["k"].bytes() == "\x92\xa1v\x82\xa2"
                                             "ct\xcb\x3f\xf8\x00\x00\x00\x00\x00\x00\xa1v\x02"s));

  // What a foreign writer left, in a store that knows nothing else about it.
  layer.store.entries["k"] = Entry::copy(layer.store.entries["k"].bytes());
  const Entry back = layer.component->get("k", Call()).value();
  CHECK(back.node().text() == "v");
  CHECK(back.created() == Time(std::chrono::milliseconds(1'500)));
  CHECK(back.value_version() == 2);

  CHECK_THAT(layer.error_of("\xa1v"),
             Catch::Contains("expected [value, {\"ct\": ..., \"v\": ...}]"));
}

TEST_CASE("odd metadata in the dogpile layout is left out", "[msgpack]") {
  Layer layer{{"layout", "dogpile"}};
  const auto created_of = [&](const std::string& ct) {
    return layer
        .read(
            "\x92\xa1v\x82\xa2"
            "ct" +
            ct + "\xa1v\x02")
        .created();
  };
  CHECK(created_of("\xcb\x7f\xf8\x00\x00\x00\x00\x00\x00"s) == Time());  // NaN
  CHECK(created_of("\xcb\x7f\xf0\x00\x00\x00\x00\x00\x00"s) == Time());  // infinity
  CHECK(created_of("\xcb\xbf\xf0\x00\x00\x00\x00\x00\x00"s) == Time());  // -1.0
  CHECK(created_of("\xcf\xff\xff\xff\xff\xff\xff\xff\xff"s) == Time());
  CHECK(created_of("\xa3now"s) == Time());
  CHECK(created_of("\x01"s) == Time(std::chrono::seconds(1)));
  CHECK(layer.read("\x92\xa1v\x81\xa1v\xcf\xff\xff\xff\xff\xff\xff\xff\xff").value_version() == 0);
  CHECK(layer.read("\x92\xa1v\x80").node().text() == "v");
  for (const std::string& bytes :
       {"\x90"s, "\x91\x80"s, "\x93\x01\x80\x80"s, "\x92\x01\x02"s, "\x82\x01\x02\x03\x80"s}) {
    CHECK(layer.error_of(bytes) != "none");
  }
}

TEST_CASE("when a value was made is now, for the dogpile layout, if nobody said", "[msgpack]") {
  Layer layer{{"layout", "dogpile"}};
  ComponentUnderTest::now = 1'700'000'000'500'000'000;
  layer.component->set("k", Entry::of(document([](Writer out) { out.null(); })), {}, Call());
  layer.store.entries["k"] = Entry::copy(layer.store.entries["k"].bytes());
  CHECK(layer.component->get("k", Call())->created() ==
        Time(std::chrono::nanoseconds(1'700'000'000'500'000'000)));
}
