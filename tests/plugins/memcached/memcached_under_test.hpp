// The plugin in front of servers of the test's own.
#pragma once

#include "component_under_test.hpp"
#include "private_server.hpp"

#include <libmemcached-1.0/memcached.h>

#include <deque>
#include <memory>
#include <string>

/// Some servers, and how an option names them.
class Servers {
 public:
  explicit Servers(int count, PrivateMemcached::On on = PrivateMemcached::On::loopback,
                   const std::vector<std::string>& more_arguments = {}) {
    for (int i = 0; i < count; ++i) servers_.emplace_back(more_arguments, on);
  }
  /// "a, b, c"
  std::string list() const {
    std::string text;
    for (const PrivateMemcached& server : servers_) {
      text += text.empty() ? "" : ", ";
      text += server.port() != 0 ? "127.0.0.1:" + std::to_string(server.port())
                                 : "unix:" + server.unix_socket();
    }
    return text;
  }
  PrivateMemcached& operator[](std::size_t i) { return servers_[i]; }

 private:
  std::deque<PrivateMemcached> servers_;
};

/// A bare libmemcached client of one server: what somebody else sees and stores there.
class Bystander {
 public:
  explicit Bystander(const PrivateMemcached& server) : client_(memcached_create(nullptr)) {
    if (server.port() != 0) {
      memcached_server_add(client_, "127.0.0.1", static_cast<in_port_t>(server.port()));
    } else {
      memcached_server_add_unix_socket(client_, server.unix_socket().c_str());
    }
  }
  Bystander(const Bystander&) = delete;
  Bystander& operator=(const Bystander&) = delete;
  ~Bystander() { memcached_free(client_); }

  struct Item {
    std::string value;
    std::uint32_t flags = 0;
    bool operator==(const Item&) const = default;
  };
  std::optional<Item> get(const std::string& name) {
    std::size_t size = 0;
    std::uint32_t flags = 0;
    memcached_return_t code;
    char* value = memcached_get(client_, name.data(), name.size(), &size, &flags, &code);
    if (code != MEMCACHED_SUCCESS) return std::nullopt;
    Item item{std::string(value == nullptr ? "" : value, size), flags};
    free(value);
    return item;
  }
  bool set(const std::string& name, const std::string& value, std::uint32_t flags = 0) {
    return memcached_set(client_, name.data(), name.size(), value.data(), value.size(), 0, flags) ==
           MEMCACHED_SUCCESS;
  }
  bool add(const std::string& name, const std::string& value) {
    return memcached_add(client_, name.data(), name.size(), value.data(), value.size(), 0, 0) ==
           MEMCACHED_SUCCESS;
  }
  bool remove(const std::string& name) {
    return memcached_delete(client_, name.data(), name.size(), 0) == MEMCACHED_SUCCESS;
  }
  /// How many connections there have been beside this one. Comes to the truth: two more are of the server's
  /// start, itself and somebody who looked whether it answers, and each is counted by a thread of its own.
  int connections_of_others() { return std::stoi(statistic("total_connections")) - 3; }
  /// What the server says of itself, such as "total_connections".
  std::string statistic(const char* name) {
    memcached_return_t code;
    memcached_stat_st* all = memcached_stat(client_, nullptr, &code);
    char* value = memcached_stat_get_value(client_, all, name, &code);
    std::string text = value == nullptr ? "" : value;
    free(value);
    memcached_stat_free(client_, all);
    return text;
  }

 private:
  memcached_st* client_;
};

inline std::string text_of(const cairn::OptionalEntry& entry) {
  return entry ? std::string(entry->bytes()) : "(miss)";
}

/// What `body` throws: "timeout: 127.0.0.1:…".
template <class Body>
std::string error_of(Body&& body) {
  try {
    body();
  } catch (const cairn::Error& error) {
    return std::string(to_string(error.code())) + ": " + error.what();
  }
  return "(none)";
}

/// A call that keeps the text of an error.
struct TextCall {
  cairn_call raw{};
  TextCall() { raw.size = sizeof raw; }
  operator cairn::Call() noexcept { return cairn::Call(&raw); }  // NOLINT
};
