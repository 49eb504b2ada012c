// Documents as JSON for people and scripts, and back: what the command prints and reads.
//
// JSON has fewer types than documents. The rest is written as maps, the same as the json plugin's:
//
//     {"$blob": "QUJD"}                 a blob, in base64; "$type" adds a msgpack extension type
//     {"$real": "NaN"}                  NaN, Infinity or -Infinity
//     {"$map": [[1, "one"], ...]}       a map with keys that are not text
//
// Whole numbers are exact from -2^63 to 2^64-1. Text that is not UTF-8 shows U+FFFD for what is
// not. Threads: no state.
#pragma once

#include <cairn/document.hpp>

#include <nlohmann/json.hpp>

#include <string>
#include <string_view>

namespace cairn::hosting {

nlohmann::ordered_json to_json(Node node);
/// Errors: Error(rejected) that says where `text` is no JSON.
Document from_json(std::string_view text);

/// One line, or, with an indent, several. Text that is not UTF-8 does not stop it.
std::string to_text(const nlohmann::ordered_json& json, int indent = -1);
std::string base64(std::string_view bytes);

}  // namespace cairn::hosting
