#include "url.hpp"

#include <cairn/error.hpp>

#include <sys/un.h>

#include <algorithm>
#include <charconv>

namespace cairn::redis {

namespace {

constexpr std::size_t longest_path = sizeof(sockaddr_un::sun_path) - 1;

// The url is a secret, and which part of one that is wrong was meant as the password nobody knows:
// `what` shows none of it.
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

int parse_db(std::string_view text) {
  int db = 0;
  const char* end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, db);
  if (error != std::errc() || at != end || db < 0) wrong("the database must be a whole number");
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
      wrong(
          "after the ? it knows db=, username= and password=, joined by &; the rest are options of "
          "their own");
    }
  }
}

[[noreturn]] void wrong_scheme(std::string_view text) {
  std::string what = "must begin with redis://, rediss:// (TLS) or unix://";
  const bool is_bare = text.find_first_of("@?") == std::string_view::npos;
  Address address;
  if (is_bare && text.starts_with('/')) {
    what.append(": write unix://").append(text);
  } else if (is_bare && text.find('/') == std::string_view::npos &&
             objection_to(text, address) == nullptr) {
    what.append(": write redis://").append(text);
  }
  wrong(what);
}

}  // namespace

Url parse_url(std::string_view text) {
  Url url;
  const std::size_t scheme_end = text.find("://");
  const std::string_view scheme = text.substr(0, scheme_end);
  const bool is_unix = scheme == "unix";
  if (scheme_end == std::string_view::npos ||
      (!is_unix && scheme != "redis" && scheme != "rediss")) {
    wrong_scheme(text);
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
    if (url.address.path.size() > longest_path) {
      wrong("the path of a unix socket has at most " + std::to_string(longest_path) + " bytes");
    }
    if (url.address.path.find('\0') != std::string::npos) wrong("a path has no zero byte");
  } else {
    if (path.find('@') != std::string_view::npos) {
      wrong("a / in a name or password is written %2F, a ? %3F, a # %23");
    }
    const char* objection = objection_to(authority.empty() ? "localhost" : authority, url.address);
    if (objection != nullptr) wrong(objection);
    if (path.size() > 1) url.db = parse_db(path.substr(1));
  }
  read_query(query, url);
  return url;
}

}  // namespace cairn::redis
