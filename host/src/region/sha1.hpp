// SHA-1 of a key, in lower-case hexadecimal: dogpile.cache's `sha1_mangle_key`.
#pragma once

#include <string>
#include <string_view>

namespace cairn::hosting {

std::string sha1_hex(std::string_view text);

}  // namespace cairn::hosting
