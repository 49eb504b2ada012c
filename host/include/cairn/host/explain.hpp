// A drawing of the stack under a region, from the program down to the store: what `cairn explain`
// prints.
//
//     std::fputs(cairn::explain(host, "users").c_str(), stderr);
//
// It shows the rules in force, every layer with its options (also those that nobody wrote down),
// the layers that the host added by itself, and what kind of value passes between them. Secrets are
// left out. For people: the text may change between versions.
#pragma once

#include <cairn/host/host.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace cairn {

enum class Drawing : std::uint8_t { ascii, unicode };

/// Errors: Error(config) if there is no such region. Threads: as Host.
std::string explain(const Host& host, std::string_view region, Drawing style = Drawing::ascii);

}  // namespace cairn
