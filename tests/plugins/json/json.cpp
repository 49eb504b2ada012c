#include "codec_under_test.hpp"
#include "counted_allocations.hpp"

#include <nlohmann/json.hpp>

using namespace cairn;
using namespace std::string_literals;

namespace {

struct Layer : CodecUnderTest {
  Layer(Options options = {}) : CodecUnderTest("json", options) {}
};

}  // namespace

TEST_CASE("every type is JSON, compactly", "[json]") {
  Layer layer;
  CHECK(layer.written([](Writer out) {
    auto map = out.map(6);
    map.key("null").null();
    map.key("yes").boolean(true);
    auto numbers = map.key("numbers").list(4);
    numbers.item().integer(-7);
    numbers.item().unsigned_integer(UINT64_MAX);
    numbers.item().real(1);
    numbers.item().real(0.1);
    map.key("text").text("\"\\/\b\f\n\r\t\x01 é€𝄞\x7f");
    map.key("empty").list(0);
    map.key("none").map(0);
  }) == "{\"null\":null,\"yes\":true,\"numbers\":[-7,18446744073709551615,1.0,0.1],"
        "\"text\":\"\\\"\\\\/\\b\\f\\n\\r\\t\\u0001 é€𝄞\x7f\",\"empty\":[],\"none\":{}}");
}

TEST_CASE("what JSON lacks is said by small maps", "[json]") {
  Layer layer;
  CHECK(layer.written([](Writer out) { out.blob("\xff\x00|"s); }) == R"({"$blob":"/wB8"})");
  CHECK(layer.written([](Writer out) { out.extension(-1, "a"); }) ==
        R"({"$blob":"YQ==","$type":-1})");
  CHECK(layer.written([](Writer out) { out.real(-INFINITY); }) == R"({"$real":"-Infinity"})");
  CHECK(layer.written([](Writer out) {
    auto [key, value] = out.map(1).pair();
    key.integer(1);
    value.text("one");
  }) == R"({"$map":[[1,"one"]]})");
  CHECK(layer.written([](Writer out) { out.map(1).key("$blob").text("QQ=="); }) ==
        R"({"$map":[["$blob","QQ=="]]})");
}

TEST_CASE("maps that only look like those stay maps", "[json]") {
  Layer layer;
  for (const char* text : {
           R"({"$blob":"not base64"})",
           R"({"$blob":"QQ==","$type":200})",
           R"({"$blob":"QQ==","$type":1,"more":1})",
           R"({"$blob":1})",
           R"({"$map":[1]})",
           R"({"$map":[[1,2,3]]})",
           R"({"$real":"1"})",
           R"({"$ref":"#/definitions/a"})",
       }) {
    CAPTURE(text);
    CHECK(layer.read(text).node().type() == Node::map);
  }
}

TEST_CASE("any document comes back equal through JSON", "[json]") {
  Layer layer;
  CHECK(changed_by(layer, 100'000, DocumentGenerator(3)) == 0);
}

TEST_CASE("others read the text that we write as we do", "[json]") {
  Layer layer;
  DocumentGenerator generator(4, {.blobs = false, .any_keys = false, .not_finite = false});
  int wrong = 0;
  for (int i = 0; i < 2'000; ++i) {
    layer.component->set("k", Entry::of(generator.next()), {}, Call());
    const std::string text(layer.store.entries["k"].bytes());
    const std::string theirs = nlohmann::ordered_json::parse(text).dump();
    // Their numbers look different, so compare what the texts mean to us.
    const Entry ours = layer.component->get("k", Call()).value();
    if (!equal(layer.read(theirs).node(), ours.node())) ++wrong;
  }
  CHECK(wrong == 0);
}

TEST_CASE("numbers keep their kind and value", "[json]") {
  Layer layer;
  CHECK(layer.again("0") == "0");
  CHECK(layer.again("-0") == "0");
  CHECK(layer.again("-0.0") == "-0.0");
  CHECK(layer.again("1.0") == "1.0");
  CHECK(layer.again("1e2") == "100.0");
  CHECK(layer.again("1E+2") == "100.0");
  CHECK(layer.again("123456789012345680000") == "1.2345678901234568e+20");
  CHECK(layer.again("9223372036854775807") == "9223372036854775807");
  CHECK(layer.again("9223372036854775808") == "9223372036854775808");
  CHECK(layer.again("-9223372036854775808") == "-9223372036854775808");
  CHECK(layer.again("18446744073709551616") == "1.8446744073709552e+19");
  CHECK(layer.again("5e-324") == "5e-324");
  CHECK(layer.again("0.0001") == "0.0001");
  CHECK(layer.again("0.00001") == "1e-05");
  CHECK(layer.again("9999999999999998.0") == "9999999999999998.0");
  CHECK(layer.again("1e16") == "1e+16");
  CHECK(layer.again("123456.789") == "123456.789");
  CHECK(layer.read("NaN").node().type() == Node::real_number);
  CHECK(layer.read("-Infinity").node().real_value() == -INFINITY);
}

TEST_CASE("escapes are read, and text without them is not copied", "[json]") {
  Layer layer;
  CHECK(layer.read(R"("\u00e9\uD834\uDD1E\/\"")").node().text() == "é𝄞/\"");
  CHECK(layer.read(R"("\u0000")").node().text() == "\0"s);
  const Entry plain = layer.read(R"({"key":["text"]})");
  const std::string_view stored = layer.store.entries["k"].bytes();
  CHECK(plain.node()["key"].item(0).text().data() == stored.data() + 9);
}

TEST_CASE("a hit of JSON without blobs is one allocation", "[json]") {
  Layer layer;
  layer.store.entries["k"] =
      Entry::copy(R"({"id":1,"name":"Ada \u00e9\n","list":[1,2.5,null,{"a":[]}],"more":"text"})");
  const long before = allocations;
  const Entry entry = layer.component->get("k", Call()).value();
  CHECK(allocations - before == 1);
  CHECK(entry.node()["name"].text() == "Ada é\n");
  layer.store.entries.clear();
  CHECK(entry.node()["more"].text() == "text");
}

TEST_CASE("white space may stand between tokens", "[json]") {
  Layer layer;
  CHECK(layer.again(" \t\r\n{ \"a\" : [ 1 , 2 ] , \"b\" : { } } ") == R"({"a":[1,2],"b":{}})");
}

TEST_CASE("what is not JSON is corrupt, and the place is named", "[json]") {
  Layer layer;
  CHECK(layer.error_of("") == "json: the input ends too early at byte 0");
  CHECK(layer.error_of("{\"a\":1,}") == "json: expected a key in quotes at byte 7");
  CHECK(layer.error_of("[1 2]") == "json: expected `,` or `]` at byte 3");
  CHECK(layer.error_of("[1,") == "json: the input ends too early at byte 3");
  CHECK(layer.error_of("\"abc") == "json: a string without an end at byte 0");
  CHECK(layer.error_of("nul") == "json: expected a value at byte 0");
  CHECK(layer.error_of("1 1") == "json: something is left over at byte 2");
  for (const char* text : {"[",
                           "]",
                           "{",
                           "}",
                           "[}",
                           "{]",
                           ",",
                           ":",
                           "[,]",
                           "[1,]",
                           "[,1]",
                           "{,}",
                           "{1:2}",
                           "{\"a\"}",
                           "{\"a\":}",
                           "{\"a\" 1}",
                           "{\"a\":1 \"b\":2}",
                           "{a:1}",
                           "'a'",
                           "01",
                           "-",
                           "+1",
                           ".5",
                           "1.",
                           "1e",
                           "1e+",
                           "-a",
                           "0x10",
                           "1e999",
                           "tru",
                           "True",
                           "nan",
                           "Inf",
                           "-NaN",
                           "\"\\x\"",
                           "\"\\u12\"",
                           "\"\\u12g4\"",
                           "\"\\ud800\"",
                           "\"\\udc00\"",
                           "\"\\ud800\\u0041\"",
                           "\"\\ud800\\\"",
                           "\"a\nb\"",
                           "\"\xff\"",
                           "\"\xc0\x80\"",
                           "\"\xed\xa0\x80\"",
                           "\"\xf5\x80\x80\x80\"",
                           "\"\xe2\x82\"",
                           "\\\"a\"",
                           "\xef\xbb\xbf"
                           "1",
                           "[1]]",
                           "{}{}",
                           "/**/1",
                           "1//"}) {
    CAPTURE(text);
    CHECK(layer.error_of(text) != "none");
  }
  CHECK(layer.error_of("1\0"s) != "none");
}

TEST_CASE("what hostile writers make of JSON is read for what it says, or is corrupt", "[json]") {
  Layer layer;
  // Equal keys are all kept, and the last one is found.
  CHECK(layer.again(R"({"k":1,"k":2})") == R"({"k":1,"k":2})");
  CHECK(layer.read(R"({"k":1,"k":2})").node()["k"].int_value() == 2);
  // Numbers of any length.
  CHECK(layer.again("1" + std::string(400, '0') + "e-400") == "1.0");
  CHECK(layer.again("0." + std::string(5'000, '3')) == "0.3333333333333333");
  CHECK_THAT(layer.error_of("-1" + std::string(400, '0')), Catch::Contains("a double cannot hold"));
  CHECK_THAT(layer.error_of("-1e99999999999999999999"), Catch::Contains("a double cannot hold"));
  // Small maps that stand for something, with odd content or twice the key.
  CHECK(layer.read(R"({"$blob":""})").node().blob().empty());
  CHECK(layer.read(R"({"$map":[]})").node().type() == Node::map);
  for (const char* text :
       {R"({"$blob":"QQ==","$blob":"QQ=="})", R"({"$blob":"=QQ="})", R"({"$blob":"===="})",
        R"({"$blob":"QR=="})", R"({"$blob":"QQ==","$type":18446744073709551615})",
        R"({"$real":"NaN","x":1})", R"({"$map":[[1,2]],"$map":[[1,2]]})"}) {
    CAPTURE(text);
    CHECK(layer.read(text).node().type() == Node::map);
    CHECK(equal(layer.read(layer.again(text)).node(), layer.read(text).node()));
  }
  // $map and $blob are as deep as they are written.
  CHECK_THAT(layer.error_of(repeated(200, R"({"$map":[[1,)") + "1" + repeated(200, "]]}")),
             Catch::Contains("more than 256"));
  // Short text cannot ask for much memory.
  for (const std::string& text :
       {"[" + repeated(4'095, "0,") + "0]", "[" + repeated(4'095, "[],") + "[]]",
        repeated(256, "[") + repeated(256, "]"), "\"" + repeated(8'000, "\\n") + "\""}) {
    CHECK(layer.read(text).size() <= 51 * text.size() + 256);
  }
}

TEST_CASE("every beginning of a list or map is corrupt", "[json]") {
  Layer layer;
  DocumentGenerator generator(5);
  for (int i = 0; i < 100; ++i) {
    const Document document = generator.next();
    if (document.root().type() != Node::list && document.root().type() != Node::map) continue;
    layer.component->set("k", Entry::of(document), {}, Call());
    const std::string text(layer.store.entries["k"].bytes());
    for (std::size_t size = 0; size < text.size(); ++size) {
      REQUIRE_THROWS_AS(layer.read(std::string_view(text).substr(0, size)), Error);
    }
  }
}

TEST_CASE("lists in lists are JSON to a depth of 256", "[json]") {
  Layer layer;
  const auto nested = [](std::size_t depth) { return repeated(depth, "[") + repeated(depth, "]"); };
  CHECK(layer.again(nested(256)) == nested(256));
  CHECK_THAT(layer.error_of(nested(257)), Catch::Contains("more than 256"));
  CHECK_THAT(layer.error_of(repeated(1'000'000, "[")), Catch::Contains("more than 256"));
  // A blob becomes a map, so it may not lie at the bottom of the deepest.
  const Document blob = Document::build([](Writer out) {
    for (int i = 0; i < 256; ++i) out = out.list(1).item();
    out.blob("b");
  });
  CHECK_THROWS_WITH(layer.component->set("k", Entry::of(blob), {}, CallWithText()),
                    Catch::Contains("more than 256"));
}

TEST_CASE("text that is not UTF-8 is refused with a remedy", "[json]") {
  Layer layer;
  CHECK_THROWS_WITH(layer.written([](Writer out) { out.text("ab\xff"); }),
                    "json: text that is not UTF-8 at its byte 2; keep it as a byte vector instead");
}

TEST_CASE("compatible JSON looks as Python writes it", "[json]") {
  Layer layer{{"compatible", "true"}};
  CHECK(layer.written([](Writer out) {
    auto map = out.map(4);
    map.key("a").list(1).item().integer(1);
    auto list = map.key("b").list(2);
    list.item().text("é𝄞\x7f");
    list.item().real(NAN);
    auto [key, value] = map.pair();
    key.real(1.5);
    value.null();
    map.key("$blob").text("QQ==");
  }) == "{\"a\": [1], \"b\": [\"\\u00e9\\ud834\\udd1e\\u007f\", NaN], \"1.5\": null, \"$blob\": "
        "\"QQ==\"}");
  CHECK(layer.read(R"({"$blob": "QQ=="})").node()["$blob"].text() == "QQ==");
  CHECK_THROWS_WITH(
      layer.written([](Writer out) { out.blob("b"); }),
      "json: a blob cannot be said as json.dumps would; use `compatible = false`, or the "
      "msgpack layer");
}
