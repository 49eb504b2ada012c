// Where a server is: a host and port, or a unix socket.
#pragma once

#include <charconv>
#include <string>
#include <string_view>

namespace cairn::redis {

inline constexpr int largest_port = 65535;

/// 1 to `largest_port`; 0: it is none.
inline int parse_port(std::string_view text) noexcept {
  int port = 0;
  const char* end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, port);
  return error == std::errc() && at == end && port >= 1 && port <= largest_port ? port : 0;
}

struct Address {
  std::string host;  // empty: a unix socket
  int port = 6379;
  std::string path;

  bool is_unix() const noexcept { return host.empty(); }
  /// For people: "127.0.0.1:6379", "[::1]:6379" or the path.
  std::string text() const {
    if (is_unix()) return path;
    const bool is_v6 = host.find(':') != std::string::npos;
    std::string result;
    if (is_v6) result += '[';
    result += host;
    if (is_v6) result += ']';
    return result.append(":").append(std::to_string(port));
  }
  friend bool operator==(const Address&, const Address&) = default;
};

}  // namespace cairn::redis
