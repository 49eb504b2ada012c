#include "catch.hpp"

#include <cairn/key.hpp>

using namespace cairn;

TEST_CASE("a key is any bytes", "[key]") {
  const Key binary(std::string_view("a\0b", 3));
  CHECK(binary.size() == 3);
  CHECK(binary == Key(std::string("a\0b", 3)));
  CHECK_FALSE(binary == Key("a"));
  CHECK(Key("a") < Key("b"));
  CHECK(Key() == Key(""));
  CHECK(Key().size() == 0);
}

TEST_CASE("a key buffer holds what was appended, short or long", "[key]") {
  for (const std::size_t size : {0, 1, 199, 200, 201, 5000}) {
    std::string expected;
    KeyBuffer buffer;
    for (std::size_t i = 0; i < size; ++i) {
      const char byte = static_cast<char>(i % 251);
      buffer.append(byte);
      expected += byte;
    }
    CHECK(buffer.key() == Key(expected));
  }
}

TEST_CASE("a key buffer takes a long piece at once, before and after short ones", "[key]") {
  const std::string long_piece(1000, 'x');
  KeyBuffer first;
  first.append(long_piece).append("tail");
  CHECK(first.key() == Key(long_piece + "tail"));
  KeyBuffer last;
  last.append("head").append(long_piece).append("").append('!');
  CHECK(last.key() == Key("head" + long_piece + "!"));
}
