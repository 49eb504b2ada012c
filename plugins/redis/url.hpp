// What a Redis URL says.
//
//     redis://[[user]:password@]host[:port][/db]
//     rediss://...                                  the same over TLS
//     unix://[[user]:password@]/path/to.sock[?db=N]
//
// Percent escapes are decoded. `?db=`, `?username=` and `?password=` are understood as Python's
// client understands them.
// Errors: Error(config) that says what is wrong, and shows nothing of the url, which may be a password.
#pragma once

#include "address.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace cairn::redis {

struct Url {
  Address address;
  bool tls = false;
  std::string username;
  std::string password;
  std::optional<int> db;
};

Url parse_url(std::string_view text);

}  // namespace cairn::redis
