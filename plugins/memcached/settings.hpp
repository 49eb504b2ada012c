// What the options say, checked and in the types that the rest uses.
#pragma once

#include <cairn/options.hpp>
#include <cairn/support/circuit_breaker.hpp>

#include <libmemcached-1.0/memcached.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace cairn::memcached {

/// Where one server listens: a unix socket if there is a path, else host and port.
struct Address {
  std::string host;
  int port = 11211;
  std::string path;
  std::uint32_t weight = 1;

  /// "cache1", "cache1:11211", "[::1]:11211", "unix:/run/memcached.sock" or "/run/memcached.sock",
  /// and behind it, if wanted, " weight=3". Errors: Error(config).
  static Address parse(std::string_view text);
  /// As the clients that hash it name it: "host:port", or the path.
  std::string name() const;
};

/// How the server of a key is found; each as other clients do it, byte for byte.
enum class Scheme {
  ketama,            // libmemcached's, with points on a circle
  modula,            // libmemcached's, hash modulo number of servers
  python_memcached,  // a piece of CRC-32 modulo number of servers
  pymemcache,        // rendezvous: the highest murmur3 of server and key
};

struct Settings {
  std::vector<Address> servers;
  Scheme scheme = Scheme::ketama;
  bool hash_is_given = false;
  memcached_hash_t hash = MEMCACHED_HASH_DEFAULT;
  std::uint32_t flags = 0;  // of what we write
  bool binary = false;
  bool mangles = true;
  bool fails_over = false;
  std::string username, password;
  std::size_t max_value = 0;
  std::size_t max_connections = 0;
  std::chrono::nanoseconds ttl{0}, timeout{0}, connect_timeout{0};
  CircuitBreaker::Limits breaker;

  /// What a deflated value may grow to: a small one that inflates without end would fill the memory.
  std::size_t largest_inflated() const noexcept { return 16 * max_value; }

  /// Errors: Error(config) for options that contradict each other.
  static Settings from(const Options& options);
};

}  // namespace cairn::memcached
