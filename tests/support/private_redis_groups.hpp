// Several redis-servers that belong together, started by a test: see private_server.hpp.
#pragma once

#include "private_server.hpp"

#include <memory>
#include <string>
#include <vector>

/// A cluster of three masters with a replica each. A master that dies is replaced after half a
/// second.
class PrivateCluster {
 public:
  PrivateCluster();
  /// The first three are masters, the others their replicas.
  PrivateRedis& node(std::size_t i) noexcept { return *nodes_[i]; }
  std::size_t size() const noexcept { return nodes_.size(); }
  /// "127.0.0.1:1234, 127.0.0.1:1235": some nodes to start from.
  std::string some_nodes() const;

 private:
  PrivateFolder folder_;
  std::vector<std::unique_ptr<PrivateRedis>> nodes_;
};

/// A master called "mymaster", two replicas and three sentinels that replace a dead master after
/// half a second.
class PrivateSentinels {
 public:
  PrivateSentinels();
  PrivateRedis& master() noexcept { return *servers_[0]; }
  PrivateRedis& replica(std::size_t i) noexcept { return *servers_[1 + i]; }
  PrivateServer& sentinel(std::size_t i) noexcept { return *sentinels_[i]; }
  /// "127.0.0.1:1234, ..."
  std::string addresses() const;

 private:
  PrivateFolder folder_;
  std::vector<std::unique_ptr<PrivateRedis>> servers_;
  std::vector<std::unique_ptr<PrivateServer>> sentinels_;
};
