// What is wrong with a configuration, and where.
//
// A Finding is one mistake: its place, what is wrong, what to do about it. Reading a configuration
// collects all of them and then throws one ConfigError, whose text shows each with its source line:
//
//     shop.toml:12:3: error: unknown key `expiration` in [region.users]
//        12 |   expiration = "1h"
//           |   ^
//     help: did you mean `expiration_time`?
//
// Threads: plain values.
#pragma once

#include <cairn/error.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace cairn {

/// A text that configuration was read from.
struct ConfigSource {
  std::string name;  ///< the path as it was given
  std::string text;
};

/// Where something in a configuration stands. Default constructed: it was said in code.
struct Origin {
  std::shared_ptr<const ConfigSource> source = {};
  std::uint32_t line = 0;    ///< from 1; 0: no particular one
  std::uint32_t column = 0;  ///< from 1, in characters

  std::string_view file() const noexcept {
    return source ? std::string_view(source->name) : std::string_view();
  }
};

/// One mistake, or one thing worth a second look.
struct Finding {
  enum class Severity { error, warning };

  Severity severity = Severity::error;
  Origin origin;
  std::string message;       ///< what is wrong; one line
  std::string remedy;        ///< what to do, or empty
  bool shows_source = true;  ///< false: the line holds a secret
};
using Findings = std::vector<Finding>;

/// As in the comment at the top; the lines end with a newline. A line that seems to hold a secret
/// is never shown.
std::string render(const Finding& finding);
std::string render(const Findings& findings);
/// Whether one of them is an error.
bool has_errors(const Findings& findings) noexcept;

/// The configuration cannot be used. `what()` is the rendering of everything found.
class ConfigError : public Error {
 public:
  explicit ConfigError(Findings findings)
      : Error(Errc::config, render(findings)),
        findings_(std::make_shared<const Findings>(std::move(findings))) {}

  const Findings& findings() const noexcept { return *findings_; }

 private:
  std::shared_ptr<const Findings> findings_;  // shared, so that copying the exception cannot throw
};

}  // namespace cairn
