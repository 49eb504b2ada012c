#include "address.hpp"

#include <cairn/error.hpp>

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <charconv>

namespace cairn::redis {

namespace {

constexpr std::string_view blanks = " \t\r\n";

bool is_v6(std::string_view host) {
  const std::string address(host.substr(0, host.find('%')));  // fe80::1%eth0
  in6_addr parsed{};
  return inet_pton(AF_INET6, address.c_str(), &parsed) == 1;
}

std::string quoted(std::string_view text) {
  return "`" + std::string(text) + "`";
}

[[noreturn]] void wrong(std::string_view option, const std::string& what) {
  throw Error(Errc::config, quoted(option) + ": " + what);
}

// A login may be in what was written, and then none of it is shown.
bool may_hold_secret(std::string_view text) noexcept {
  return text.find('@') != std::string_view::npos;
}

// Where a login goes that was written into an address.
const char* login_goes_to(std::string_view option) noexcept {
  return option == "sentinels" ? ": a login goes into `sentinel_username` and `sentinel_password`"
                               : ": a login goes into `username` and `password`";
}

[[noreturn]] void wrong_url(std::string_view text, std::string_view option) {
  std::string what = "expected host:port, got a url";
  const std::size_t scheme_end = text.find("://");
  const std::string_view rest = text.substr(scheme_end + 3);
  const std::string_view authority = rest.substr(0, rest.find('/'));
  Address address;
  if (may_hold_secret(text)) {
    what += login_goes_to(option);
  } else if (objection_to(authority, address) == nullptr) {
    what.append(": write \"").append(authority).append("\"");
  }
  if (text.starts_with("rediss")) what += ", and tls = true";
  wrong(option, what);
}

}  // namespace

int parse_port(std::string_view text) noexcept {
  int port = 0;
  const char* end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, port);
  return error == std::errc() && at == end && port >= 1 && port <= largest_port ? port : 0;
}

std::string Address::text() const {
  if (is_unix()) return path;
  const bool is_v6 = host.find(':') != std::string::npos;
  std::string result;
  if (is_v6) result += '[';
  result += host;
  if (is_v6) result += ']';
  return result.append(":").append(std::to_string(port));
}

const char* objection_to(std::string_view text, Address& address) {
  std::string_view port;
  if (text.starts_with('[')) {
    const std::size_t close = text.find(']');
    if (close == std::string_view::npos) return "`[` without `]`";
    address.host = text.substr(1, close - 1);
    port = text.substr(close + 1);
  } else {
    const std::size_t colon = std::min(text.find(':'), text.size());
    if (text.find(':', colon + 1) != std::string_view::npos) {
      return is_v6(text) ? "write an IPv6 address as [::1]:6379" : "expected host:port";
    }
    address.host = text.substr(0, colon);
    port = text.substr(colon);
  }
  if (address.host.empty()) return "the host is missing";
  if (address.host.find('\0') != std::string::npos) return "a host has no zero byte";
  if (address.host.find_first_of(blanks) != std::string::npos) return "a host has no blanks";
  if (port.empty()) return nullptr;
  address.port = port.front() == ':' ? parse_port(port.substr(1)) : 0;
  return address.port != 0 ? nullptr : "the port must be 1 to 65535";
}

Address parse_address(std::string_view text, int default_port, std::string_view option) {
  if (text.find("://") != std::string_view::npos) wrong_url(text, option);
  if (may_hold_secret(text)) {
    wrong(option, std::string("expected host:port") + login_goes_to(option));
  }
  if (text.starts_with('/')) {
    wrong(option, "expected host:port, got the path of a unix socket, " + quoted(text) +
                      ": that is for one server, as url = \"unix://" + std::string(text) + "\"");
  }
  Address address;
  address.port = default_port;
  if (const char* objection = objection_to(text, address)) {
    wrong(option, std::string(objection) + ", got " + quoted(text));
  }
  return address;
}

void check_host(std::string_view host) {
  if (host.empty()) wrong("host", "is empty");
  if (host.find("://") != std::string_view::npos) {
    wrong("host", "expected the name of a host, got a url: give it as `url`");
  }
  if (may_hold_secret(host)) {
    wrong("host",
          std::string("expected the name of a host, or its address") + login_goes_to("host"));
  }
  if (host.find('/') != std::string_view::npos) {
    wrong("host", "expected the name of a host, got " + quoted(host) +
                      ": a unix socket is written url = \"unix:///path/to.sock\"");
  }
  if (is_v6(host)) return;
  Address parts;
  parts.port = 0;
  const bool good = objection_to(host, parts) == nullptr;
  if (good && parts.host == host) return;
  std::string what = "expected the name of a host, or its address, got " + quoted(host);
  if (good) what += ": write host = \"" + parts.host + "\"";
  if (good && parts.port != 0) {
    what +=
        " and port = " + std::to_string(parts.port) + ", or url = \"redis://" + parts.text() + "\"";
  }
  wrong("host", what);
}

}  // namespace cairn::redis
