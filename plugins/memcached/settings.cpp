#include "settings.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace cairn::memcached {
namespace {

[[noreturn]] void refuse(std::string_view text, const std::string& why) {
  throw Error(Errc::config,
              "`servers` has \"" + std::string(text) + "\": " + why +
                  "; expected \"host:port\", \"[::1]:port\" or \"unix:/path\", and behind "
                  "it, if wanted, \" weight=3\"");
}

int number(std::string_view digits, int most, std::string_view whole, const char* what) {
  int result = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), result);
  if (error != std::errc() || end != digits.data() + digits.size() || result < 1 || result > most) {
    refuse(whole, std::string(what) + " is no number from 1 to " + std::to_string(most));
  }
  return result;
}

memcached_hash_t to_hash(std::string_view name) {
  struct Named {
    std::string_view name;
    memcached_hash_t hash;
  };
  constexpr std::array hashes{
      Named{"one_at_a_time", MEMCACHED_HASH_DEFAULT},
      Named{"md5", MEMCACHED_HASH_MD5},
      Named{"crc", MEMCACHED_HASH_CRC},
      Named{"fnv1_64", MEMCACHED_HASH_FNV1_64},
      Named{"fnv1a_64", MEMCACHED_HASH_FNV1A_64},
      Named{"fnv1_32", MEMCACHED_HASH_FNV1_32},
      Named{"fnv1a_32", MEMCACHED_HASH_FNV1A_32},
      Named{"jenkins", MEMCACHED_HASH_JENKINS},
      Named{"murmur", MEMCACHED_HASH_MURMUR},
  };
  return std::find_if(hashes.begin(), hashes.end(),
                      [&](const Named& one) { return one.name == name; })
      ->hash;
}

// What a Python client does with several servers, and how it marks plain bytes.
void be_compatible(Settings& settings, const std::string& with) {
  if (with == "pylibmc") {
    settings.scheme = Scheme::modula;
  } else if (with == "python-memcached") {
    settings.scheme = Scheme::python_memcached;
  } else if (with == "pymemcache") {
    settings.scheme = Scheme::pymemcache;
  } else {  // bmemcached
    settings.flags = 16;
    if (settings.servers.size() > 1) {
      throw Error(
          Errc::config,
          "`compatible_with` = \"bmemcached\" takes one server: that client writes every entry to "
          "all of its servers, so that its locks do not exclude each other");
    }
  }
}

}  // namespace

Address Address::parse(std::string_view text) {
  Address address;
  std::string_view rest = text;
  if (const auto at = rest.find(" weight="); at != std::string_view::npos) {
    address.weight =
        static_cast<std::uint32_t>(number(rest.substr(at + 8), 1000, text, "the weight"));
    rest = rest.substr(0, at);
  }
  if (const auto blank = rest.rfind(' ');
      blank != std::string_view::npos && rest.find('=', blank) != std::string_view::npos) {
    refuse(text, "only a weight can follow, not \"" + std::string(rest.substr(blank + 1)) + "\"");
  }
  if (rest.starts_with("unix://")) {
    rest.remove_prefix(7);
    address.path = rest;
  } else if (rest.starts_with("unix:")) {
    rest.remove_prefix(5);
    address.path = rest;
  } else if (rest.starts_with("/")) {
    address.path = rest;
  }
  if (!address.path.empty()) {
    if (address.path[0] != '/') refuse(text, "the path of the socket is not absolute");
    if (address.path.size() > 107) refuse(text, "the path of a socket has 107 bytes at most");
    return address;
  }
  std::string_view port;
  if (rest.starts_with("[")) {
    const auto end = rest.find(']');
    if (end == std::string_view::npos) refuse(text, "`]` is missing");
    address.host = rest.substr(1, end - 1);
    port = rest.substr(end + 1);
    if (!port.empty() && port[0] != ':') refuse(text, "`:` and a port are expected after `]`");
  } else {
    const auto colon = rest.find(':');
    if (colon != rest.rfind(':')) refuse(text, "an IPv6 address is written in brackets");
    address.host = rest.substr(0, colon);
    if (colon != std::string_view::npos) port = rest.substr(colon);
  }
  if (address.host.empty() || address.host.find(' ') != std::string::npos) refuse(text, "no host");
  if (!port.empty()) address.port = number(port.substr(1), 65535, text, "the port");
  return address;
}

std::string Address::name() const {
  return path.empty() ? host + ":" + std::to_string(port) : path;
}

Settings Settings::from(const Options& options) {
  Settings settings;
  for (const std::string& server : options.texts("servers")) {
    settings.servers.push_back(Address::parse(server));
  }
  if (settings.servers.empty()) throw Error(Errc::config, "`servers` is empty: give one at least");

  const std::string with = options.text("compatible_with");
  const std::string distribution = options.text("distribution");
  const std::string hash = options.text("hash");
  if (with != "none") {
    if (distribution != "auto" || hash != "auto") {
      throw Error(Errc::config,
                  "`compatible_with` = \"" + with +
                      "\" decides how keys are distributed: leave out `distribution` and "
                      "`hash`, or `compatible_with`");
    }
    be_compatible(settings, with);
  }
  if (distribution == "modula") settings.scheme = Scheme::modula;
  settings.hash_is_given = hash != "auto";
  if (settings.hash_is_given) settings.hash = to_hash(hash);

  settings.binary = options.text("protocol") == "binary";
  settings.mangles = options.text("mangle") == "auto";
  settings.fails_over = options.text("failover") == "rehash";
  if (options.has("password") && !options.has("username")) {
    throw Error(Errc::config,
                "`password` needs `username`: memcached lets nobody in by a password alone");
  }
  if (options.has("username")) {
    settings.username = options.text("username");
    if (options.has("password")) settings.password = options.text("password");
    if (!settings.binary) {
      throw Error(Errc::config,
                  "`username` needs protocol = \"binary\": memcached asks for it there only");
    }
    for (const Address& server : settings.servers) {
      if (server.path.empty()) continue;
      throw Error(Errc::config,
                  "`username` needs servers with a host and a port: libmemcached does "
                  "not give it to " +
                      server.name());
    }
  }
  settings.max_value = options.size("max_value");
  settings.max_connections = static_cast<std::size_t>(options.integer("max_connections"));
  settings.ttl = options.duration("ttl");
  settings.timeout = options.duration("timeout");
  settings.connect_timeout = options.duration("connect_timeout");
  settings.breaker.failures = static_cast<int>(options.integer("dead_after"));
  settings.breaker.first_pause = options.duration("retry_after");
  settings.breaker.longest_pause =
      std::max(settings.breaker.longest_pause, settings.breaker.first_pause);
  return settings;
}

}  // namespace cairn::memcached
