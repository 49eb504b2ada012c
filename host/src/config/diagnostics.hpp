// Findings: collecting them, and the pieces their texts are made of. How one looks when it is
// shown: see <cairn/host/config_error.hpp>.
//
// Threads: one at a time per Findings.
#pragma once

#include <cairn/host/config_error.hpp>

#include <string>
#include <string_view>

namespace cairn::hosting {

/// Adds an error, or a warning, to `findings`.
void add_error(Findings& findings, const Origin& origin, std::string message,
               std::string remedy = {});
void add_warning(Findings& findings, const Origin& origin, std::string message,
                 std::string remedy = {});

/// "shop.toml:12:3", as far as it is known; "configuration" for what was said in code.
std::string position(const Origin& origin);

/// `text` between backquotes, with what does not print escaped, and cut when it is long.
std::string backquoted(std::string_view text);
/// "did you mean `near`?", or nothing if `near` is empty.
std::string did_you_mean(std::string_view near);
/// "`a`, `b` and `c`".
template <class Names>
std::string enumerated(const Names& names) {
  std::string text;
  std::size_t left = names.size();
  for (const auto& name : names) {
    text += backquoted(name);
    --left;
    if (left > 0) text += left == 1 ? " and " : ", ";
  }
  return text;
}

/// Whether a line of a file is better not shown: it names a password or the like, or holds a URL
/// with one.
bool seems_secret(std::string_view line);

}  // namespace cairn::hosting
