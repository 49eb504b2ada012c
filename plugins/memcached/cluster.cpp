#include "cluster.hpp"

namespace cairn::memcached {

WireKey Cluster::name_of(Key key) {
  try {
    const WireKey wire(key, settings_.mangles);
    if (wire.is_mangled()) counters_.mangled.add(1);
    return wire;
  } catch (const Error&) {
    counters_.rejected.add(1);
    throw;
  }
}

Server& Cluster::server_of(std::string_view item_name) {
  std::deque<Server>& servers = members_->servers;
  Server& server = servers[members_->placement.server_of(item_name)];
  if (!settings_.fails_over || server.is_up()) [[likely]]
    return server;
  constexpr int attempts = 10;
  for (int attempt = 1; attempt <= attempts; ++attempt) {
    Server& other = servers[members_->placement.stand_in_for(item_name, attempt)];
    if (other.is_up()) return other;
  }
  return server;
}

void Cluster::after_fork() {
  (void)members_.release();
  members_ = std::make_unique<Members>(settings_, services_);
}

}  // namespace cairn::memcached
