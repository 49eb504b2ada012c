// What can be said of the servers: version, role, memory, whether locks and their news work.
//
// Threads: any. Errors: cairn::Error if no server answers; what a server will not tell is left out,
// and said.
#pragma once

#include "locks.hpp"
#include "router.hpp"
#include "settings.hpp"

#include <cairn/document.hpp>

namespace cairn::redis {

/// As cairn.facts/1 wants it.
Document facts_of(Router& router, Locks& locks, const Settings& settings,
                  Clock::time_point deadline);

}  // namespace cairn::redis
