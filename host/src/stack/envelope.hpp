// The envelope: how an entry's metadata travels in a store that keeps only bytes.
//
//     {"ct": 1795426033.4970086, "v": 2}|payload
//
// This is dogpile.cache's format, byte for byte, so that C++ and Python programs share a store. `ct`
// is when the value was made, in seconds of Unix time; `v` is the version of its format; everything
// after the first `|` is payload, which may be empty and may contain `|`.
//
// A writer may add members and format as it likes; a reader takes any JSON object and ignores what it
// does not know. What is not an envelope is corrupt.
#pragma once

#include <cairn/entry.hpp>

#include <optional>
#include <string_view>

namespace cairn::hosting {

struct EnvelopeHead {
  Time created;           ///< the zero point if `ct` is not above 0
  int value_version = 0;  ///< 0 if `v` is absent or not a whole number
  std::size_t size = 0;   ///< bytes up to and with the `|`
};

/// The head of `stored`, or nullopt if it has none. Never throws on bad input.
std::optional<EnvelopeHead> read_envelope(std::string_view stored);

/// `payload` (kind bytes) behind the head that its metadata asks for; one allocation.
Entry write_envelope(const Entry& payload);

}  // namespace cairn::hosting
