// How to reach and greet one server.
#pragma once

#include "address.hpp"
#include "descriptors.hpp"

#include <chrono>
#include <memory>
#include <string>
#include <vector>

namespace cairn::redis {

class TlsContext;  // tls.hpp

struct Endpoint {
  Address address;
  std::shared_ptr<TlsContext> tls;  // null: none
  std::shared_ptr<Descriptors> descriptors;
  bool keepalive = true;
  std::chrono::nanoseconds connect_timeout{};
  std::chrono::nanoseconds timeout{};
  std::string greeting;  // commands that come before all others: who we are, which database
  std::vector<std::string> greeting_refusals;  // of each of them: what it means that it is refused
  std::string login_options = "`password` or `password_file`";  // where a login is given
  std::string password;  // in the greeting: for no text that is shown
  std::string role;      // if not empty, the last one is ROLE and must answer this
};

}  // namespace cairn::redis
