// The same documents in Python's json, both ways, to the byte.

#include "codec_under_test.hpp"

TEST_CASE("compatible JSON is what json.dumps writes, and is read as json.loads does",
          "[json][python]") {
  CodecUnderTest json("json", {{"compatible", "true"}});
  CHECK(changed_for_python(json, DocumentGenerator(9, {.blobs = false, .any_keys = false}),
                           __FILE__) == 0);
}
