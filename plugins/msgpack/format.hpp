// msgpack as bytes: the two directions, without a cache round them. https://msgpack.org
//
// Nothing here keeps state; any thread may call.
#pragma once

#include <cairn/entry.hpp>

#include <cstddef>
#include <string_view>

namespace cairn::msgpack {

/// Lists and maps inside each other, at most: so that hostile input cannot exhaust the stack of
/// whoever walks the document.
inline constexpr std::size_t max_depth = 256;

/// The document that `bytes` say, in one allocation; its text and blobs point into `bytes`, which
/// `owner` keeps alive. At most 24 bytes are allocated per byte of input, and as many as the
/// document needs. Errors: Error(corrupt) with the offset; also for what is left over behind the
/// value.
Entry read(std::string_view bytes, cairn_owner* owner);

/// The shortest form of every value. Errors: Error(rejected) for text or lists beyond 4 GiB, and
/// for documents nested too deep.
ByteBuffer write(Node value);

/// What dogpile.cache's msgpack recipe stores: [value, {"ct": created, "v": version}].
ByteBuffer write_pair(Node value, double created, int version);

}  // namespace cairn::msgpack
