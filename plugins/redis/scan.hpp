// Lists what the servers hold, page by page: SCAN on each master in turn, and GET for what it names.
//
// Locks are left out, and what is not a string is nobody's entry.
//
// Threads: any. Errors: cairn::Error.
#pragma once

#include "router.hpp"

#include <cairn/entry.hpp>

#include <cstdint>
#include <functional>
#include <string_view>

namespace cairn::redis {

using Visit = std::function<void(std::string_view key, const Entry& entry)>;

/// Shows about `limit` entries from `cursor` on to `visit`, and moves the cursor; 0 begins, and
/// ends. Each question to a server may take the timeout of the settings, all of it until
/// `call_deadline`.
void scan(Router& router, const Settings& settings, std::uint64_t& cursor, std::size_t limit,
          Clock::time_point call_deadline, const Visit& visit);

}  // namespace cairn::redis
