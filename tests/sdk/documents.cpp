#include "catch.hpp"

#include <cairn/document.hpp>

#include <limits>
#include <memory>
#include <string>

using namespace cairn;

namespace {

Document everything() {
  return Document::build([](Writer out) {
    auto map = out.map(9);
    map.key("null").null();
    map.key("bool").boolean(true);
    map.key("int").integer(-5);
    map.key("uint").unsigned_integer(std::numeric_limits<std::uint64_t>::max());
    map.key("real").real(0.5);
    map.key("text").text("\xc3\xa4");
    map.key("blob").blob(std::string_view("\0\1", 2));
    map.key("ext").extension(-1, "stamp");
    auto list = map.key("list").list(2);
    list.item().text("a");
    list.item().list(0);
  });
}

}  // namespace

TEST_CASE("every kind of node reads back as it was written", "[document]") {
  const Document document = everything();
  const Node root = document.root();
  REQUIRE(root.type() == Node::map);
  CHECK(root.size() == 9);
  CHECK(root["null"].is_null());
  CHECK(root["bool"].boolean_value());
  CHECK(root["int"].int_value() == -5);
  CHECK(root["uint"].uint_value() == std::numeric_limits<std::uint64_t>::max());
  CHECK(root["real"].real_value() == 0.5);
  CHECK(root["text"].text() == "\xc3\xa4");
  CHECK(root["blob"].blob() == std::string_view("\0\1", 2));
  CHECK_FALSE(root["blob"].extension().has_value());
  CHECK(root["ext"].extension() == -1);
  CHECK(root["ext"].blob() == "stamp");
  CHECK(root["list"].item(0).text() == "a");
  CHECK(root["list"].item(1).size() == 0);
}

TEST_CASE("equal whole numbers are equal nodes, whichever way they were written", "[document]") {
  const Document small = Document::build([](Writer out) { out.unsigned_integer(7); });
  const Document large =
      Document::build([](Writer out) { out.unsigned_integer(std::uint64_t{1} << 63); });
  CHECK(small.root().type() == Node::integer);
  CHECK(small.root().int_value() == 7);
  CHECK(small.root().uint_value() == 7);
  CHECK(large.root().type() == Node::unsigned_integer);
}

TEST_CASE("whole numbers can be read as reals and not the other way", "[document]") {
  const Document three = Document::build([](Writer out) { out.integer(3); });
  const Document half = Document::build([](Writer out) { out.real(0.5); });
  CHECK(three.root().real_value() == 3.0);
  CHECK_THROWS_WITH(half.root().int_value(), "expected int, got real");
}

TEST_CASE("reading a node as what it is not says what was expected and found", "[document]") {
  const Document document = everything();
  const Node root = document.root();
  CHECK_THROWS_WITH(root["text"].int_value(), "expected int, got text");
  CHECK_THROWS_WITH(root["int"].text(), "expected text, got int");
  CHECK_THROWS_WITH(root["int"].uint_value(), "expected uint, got int");
  CHECK_THROWS_WITH(root["absent"].text(), "expected text, got nothing");
  CHECK_THROWS_WITH(root["text"].item(0), "expected list, got text");
  try {
    root["text"].blob();
    FAIL("a text is not a blob");
  } catch (const Error& error) {
    CHECK(error.code() == Errc::corrupt);
  }
}

TEST_CASE("an absent node tests false and may be searched", "[document]") {
  const Document document = everything();
  const Node nothing = document.root()["absent"];
  CHECK_FALSE(nothing);
  CHECK_FALSE(nothing["deeper"]);
  CHECK(nothing.size() == 0);
  CHECK(nothing.type_name() == "nothing");
}

TEST_CASE("of a key that is there twice the last counts", "[document]") {
  const Document document = Document::build([](Writer out) {
    auto map = out.map(2);
    map.key("k").integer(1);
    map.key("k").integer(2);
  });
  CHECK(document.root()["k"].int_value() == 2);
}

TEST_CASE("keys that are not text are kept and reachable by place", "[document]") {
  const Document document = Document::build([](Writer out) {
    auto map = out.map(1);
    auto [key, value] = map.pair();
    key.integer(42);
    value.text("answer");
  });
  CHECK(document.root().key_at(0).int_value() == 42);
  CHECK(document.root().value_at(0).text() == "answer");
  CHECK_FALSE(document.root().find("42"));
}

TEST_CASE("a key may be text that ends before the document", "[document]") {
  auto name =
      std::make_unique<std::string>("a name that is too long to be kept in a string itself");
  const Document document = Document::build([&](Writer out) { out.map(1).key(*name).integer(1); });
  *name = "something else that is as long as what was there, and longer";
  CHECK(document.root()["a name that is too long to be kept in a string itself"].int_value() == 1);
}

TEST_CASE("a copied tree stands alone", "[document]") {
  std::optional<Document> original = everything();
  const Document copy = Document::copy_of(original->root());
  const Document shared = *original;
  CHECK(shared.root().raw() == original->root().raw());
  original.reset();
  CHECK(copy.root()["list"].item(0).text() == "a");
  CHECK(copy.root()["ext"].extension() == -1);
  CHECK(shared.root()["text"].text() == "\xc3\xa4");
}

TEST_CASE("a document keeps the buffers that its text points into", "[document]") {
  struct Buffer : cairn_owner {
    std::string text = "in a buffer";
    bool* gone;
  };
  bool gone = false;
  auto* buffer = new Buffer();
  buffer->refs = 1;
  buffer->gone = &gone;
  buffer->destroy = [](cairn_owner* owner) noexcept {
    *static_cast<Buffer*>(owner)->gone = true;
    delete static_cast<Buffer*>(owner);
  };
  {
    const Document document = Document::build([&](Writer out) {
      out.keep(buffer);
      out.borrowed_text(buffer->text);
    });
    cairn_release(buffer);
    CHECK_FALSE(gone);
    CHECK(document.root().text() == "in a buffer");
  }
  CHECK(gone);
}

TEST_CASE("a document larger than its first block grows and is freed whole", "[document]") {
  const Document document = Document::build([](Writer out) {
    auto list = out.list(2000);
    for (int i = 0; i < 2000; ++i)
      list.item().text(std::string(static_cast<std::size_t>(i % 97), 'x'));
  });
  CHECK(document.root().item(1999).text().size() == 1999 % 97);
  CHECK(document.size() > 2000 * sizeof(cairn_node));
}

TEST_CASE("an impossible length is refused, not wrapped round", "[document]") {
  CHECK_THROWS_AS(Document::build([](Writer out) { out.list(SIZE_MAX / 8); }), std::bad_alloc);
}

TEST_CASE("what fill throws comes out of build and nothing leaks", "[document]") {
  CHECK_THROWS_WITH(Document::build([](Writer out) {
                      out.list(100);
                      throw std::runtime_error("half way");
                    }),
                    "half way");
}

TEST_CASE("a document made from nothing is null", "[document]") {
  CHECK(Document().root().is_null());
}
