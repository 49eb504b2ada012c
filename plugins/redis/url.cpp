#include "url.hpp"

#include <cairn/error.hpp>

#include <charconv>

namespace cairn::redis {

namespace {

[[noreturn]] void wrong(const std::string& what) {
  throw Error(Errc::config, "`url`: " + what);
}

int hex_digit(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::string decode(std::string_view text) {
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      result += text[i];
      continue;
    }
    const int high = i + 1 < text.size() ? hex_digit(text[i + 1]) : -1;
    const int low = i + 2 < text.size() ? hex_digit(text[i + 2]) : -1;
    if (high < 0 || low < 0) {
      wrong("a `%` must be followed by two hexadecimal digits; write a plain % as %25");
    }
    result += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return result;
}

bool parse_number(std::string_view text, int from, int to, int& number) noexcept {
  const char* end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, number);
  return error == std::errc() && at == end && number >= from && number <= to;
}

int parse_db(std::string_view text) {
  int db = 0;
  if (!parse_number(text, 0, 1'000'000, db)) {
    wrong("the database must be a whole number, got `" + std::string(text) + "`");
  }
  return db;
}

void read_query(std::string_view query, Url& url) {
  while (!query.empty()) {
    const std::string_view pair = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(query.size(), pair.size() + 1));
    const std::size_t equals = pair.find('=');
    const std::string_view name = pair.substr(0, equals);
    const std::string value =
        equals == std::string_view::npos ? "" : decode(pair.substr(equals + 1));
    if (name == "db") {
      url.db = parse_db(value);
    } else if (name == "username") {
      url.username = value;
    } else if (name == "password") {
      url.password = value;
    } else {
      wrong("does not know `?" + std::string(name) +
            "=`; it knows db, username and password, and the rest are options of their own");
    }
  }
}

}  // namespace

Address parse_address(std::string_view text, int default_port, std::string_view what) {
  Address address;
  address.port = default_port;
  std::string_view port;
  if (!text.empty() && text.front() == '[') {
    const std::size_t close = text.find(']');
    if (close == std::string_view::npos) {
      throw Error(Errc::config, "`" + std::string(what) + "`: `[` without `]`");
    }
    address.host = text.substr(1, close - 1);
    port = text.substr(close + 1);
  } else {
    const std::size_t colon = text.find(':');
    if (colon != std::string_view::npos && text.find(':', colon + 1) != std::string_view::npos) {
      throw Error(Errc::config, "`" + std::string(what) + "`: write an IPv6 address as [::1]:6379");
    }
    address.host = text.substr(0, colon);
    if (colon != std::string_view::npos) port = text.substr(colon);
  }
  if (address.host.empty())
    throw Error(Errc::config, "`" + std::string(what) + "`: the host is missing");
  if (!port.empty() &&
      (port.front() != ':' || !parse_number(port.substr(1), 1, 65535, address.port))) {
    throw Error(Errc::config, "`" + std::string(what) + "`: the port must be 1 to 65535, got `" +
                                  std::string(port.substr(port.front() == ':' ? 1 : 0)) + "`");
  }
  return address;
}

Url parse_url(std::string_view text) {
  Url url;
  const std::size_t scheme_end = text.find("://");
  const std::string_view scheme =
      scheme_end == std::string_view::npos ? "" : text.substr(0, scheme_end);
  const bool is_unix = scheme == "unix";
  if (!is_unix && scheme != "redis" && scheme != "rediss") {
    wrong("must begin with redis://, rediss:// (TLS) or unix://");
  }
  url.tls = scheme == "rediss";

  std::string_view rest = text.substr(scheme_end + 3);
  std::string_view query;
  if (const std::size_t mark = rest.find('?'); mark != std::string_view::npos) {
    query = rest.substr(mark + 1);
    rest = rest.substr(0, mark);
  }
  const std::size_t path_begin = std::min(rest.find('/'), rest.size());
  std::string_view authority = rest.substr(0, path_begin);
  const std::string_view path = rest.substr(path_begin);

  if (const std::size_t at = authority.rfind('@'); at != std::string_view::npos) {
    const std::string_view who = authority.substr(0, at);
    const std::size_t colon = who.find(':');
    url.username = decode(who.substr(0, colon));
    if (colon != std::string_view::npos) url.password = decode(who.substr(colon + 1));
    authority.remove_prefix(at + 1);
  }

  if (is_unix) {
    if (!authority.empty())
      wrong("a unix socket is written unix:///path/to.sock, with three slashes");
    if (path.size() < 2) wrong("the path of the unix socket is missing");
    url.address.path = decode(path);
  } else {
    url.address = parse_address(authority.empty() ? "localhost" : authority, 6379, "url");
    if (path.size() > 1) url.db = parse_db(path.substr(1));
  }
  read_query(query, url);
  return url;
}

}  // namespace cairn::redis
