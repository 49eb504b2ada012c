// JSON as text: the two directions, without a cache round them.
//
// JSON has fewer types than documents do. What it lacks is said by maps whose first key is one of
//
//     {"$blob": "QUJD"}                 a blob, in base64
//     {"$blob": "QUJD", "$type": -1}    a blob with a msgpack extension type
//     {"$real": "NaN"}                  NaN, Infinity or -Infinity
//     {"$map": [[1, "one"], ...]}       a map with keys that are not text, or that would look like
//     these
//
// Nothing here keeps state; any thread may call.
#pragma once

#include <cairn/entry.hpp>

#include <cstddef>
#include <string>
#include <string_view>

namespace cairn::json {

/// Lists and maps inside each other, at most: so that hostile input cannot exhaust the stack.
inline constexpr std::size_t max_depth = 256;

enum class Dialect {
  own,         // compact, UTF-8, with the maps above
  compatible,  // what Python's json.dumps writes, to the byte, and nothing but what it can write
};

/// The document that `text` says, in one allocation unless it holds blobs; text without escapes
/// points into `text`, which `owner` keeps alive. At most about 25 bytes are allocated per byte of
/// input. NaN, Infinity and -Infinity are numbers, as Python writes them. Errors: Error(corrupt)
/// with the offset.
Entry read(std::string_view text, cairn_owner* owner, Dialect dialect);

/// Errors: Error(rejected) for text that is not UTF-8, for documents nested too deep, and, if
/// compatible, for what json.dumps refuses.
std::string write(Node value, Dialect dialect);

}  // namespace cairn::json
