// Where a server is: a host and port, or a unix socket.
//
// Errors: Error(config) that names the option, and what to write instead. What may be a login is not shown.
#pragma once

#include <string>
#include <string_view>

namespace cairn::redis {

inline constexpr int largest_port = 65535;

/// 1 to `largest_port`; 0: it is none.
int parse_port(std::string_view text) noexcept;

struct Address {
  std::string host;  // empty: a unix socket
  int port = 6379;
  std::string path;

  bool is_unix() const noexcept { return host.empty(); }
  /// For people: "127.0.0.1:6379", "[::1]:6379" or the path.
  std::string text() const;
  friend bool operator==(const Address&, const Address&) = default;
};

/// "host", "host:port" or "[v6]:port"; `option` is where it was written.
Address parse_address(std::string_view text, int default_port, std::string_view option);

/// The same into `address`, whose port stays as it is if none is written; what is wrong, or null. Shows nothing of the text.
const char* objection_to(std::string_view text, Address& address);

/// Of the option `host`: that it is a host alone.
void check_host(std::string_view host);

}  // namespace cairn::redis
