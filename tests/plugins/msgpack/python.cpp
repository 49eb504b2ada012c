// The same documents in Python's msgpack, both ways.

#include "codec_under_test.hpp"

TEST_CASE("Python's msgpack reads what we write, and we what it writes", "[msgpack][python]") {
  CodecUnderTest msgpack("msgpack");
  CHECK(changed_for_python(msgpack, DocumentGenerator(6), __FILE__) == 0);
}
