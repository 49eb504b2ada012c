// An Error says that we could not find out. A miss is not an error.
//
// Codes are chosen by what the catcher can do about it. The text names the layer that failed, is
// meant for a log, and is added by the SDK: authors throw `Error(Errc::rejected, "key too long")`.
#pragma once

#include <cairn/abi.h>

#include <stdexcept>
#include <string>
#include <string_view>

namespace cairn {

enum class Errc : cairn_status {
  unavailable = CAIRN_UNAVAILABLE,  ///< not reachable or closed: try later, or elsewhere
  timeout = CAIRN_TIMEOUT,          ///< the deadline passed; the effect is unknown
  corrupt = CAIRN_CORRUPT,          ///< what is stored cannot be understood: drop and recompute
  rejected = CAIRN_REJECTED,        ///< can never work: too long, read-only, no permission
  unsupported = CAIRN_UNSUPPORTED,  ///< this layer or stack does not offer the operation
  config = CAIRN_CONFIG,            ///< options or configuration are wrong
  internal = CAIRN_INTERNAL,        ///< a bug, or out of memory
};

/// The code for a negative status; a status that the contract does not know is a bug.
constexpr Errc to_errc(cairn_status status) noexcept {
  return status <= CAIRN_UNAVAILABLE && status >= CAIRN_INTERNAL ? static_cast<Errc>(status)
                                                                 : Errc::internal;
}

constexpr std::string_view to_string(Errc code) noexcept {
  switch (code) {
    case Errc::unavailable: return "unavailable";
    case Errc::timeout: return "timeout";
    case Errc::corrupt: return "corrupt";
    case Errc::rejected: return "rejected";
    case Errc::unsupported: return "unsupported";
    case Errc::config: return "config";
    case Errc::internal: return "internal";
  }
  return "internal";
}

class Error : public std::runtime_error {
 public:
  /// `system_error` is the errno behind it, or 0.
  Error(Errc code, const std::string& text, int system_error = 0)
      : std::runtime_error(text), code_(code), system_error_(system_error) {}

  /// An error whose text already begins with the layer it came from.
  static Error from_layer(Errc code, const std::string& text, int system_error) {
    Error error(code, text, system_error);
    error.names_layer_ = true;
    return error;
  }

  Errc code() const noexcept { return code_; }
  int system_error() const noexcept { return system_error_; }
  bool names_layer() const noexcept { return names_layer_; }

 private:
  Errc code_;
  int system_error_;
  bool names_layer_ = false;
};

}  // namespace cairn
