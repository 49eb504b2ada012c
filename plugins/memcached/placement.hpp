// Which of several servers has a key. Every program that shares them must answer alike, so each
// scheme is somebody else's; see Scheme.
//
// Threads: const methods concurrently.
#pragma once

#include "settings.hpp"

#include <memory>
#include <string_view>
#include <vector>

namespace cairn::memcached {

class Placement {
 public:
  explicit Placement(const Settings& settings);

  /// The index of the server of the item with this name.
  std::size_t server_of(std::string_view name) const;
  /// Where it is when that server is given up, `attempt` from 1.
  std::size_t stand_in_for(std::string_view name, int attempt) const;

 private:
  struct FreeRouter {
    void operator()(memcached_st* router) const noexcept { memcached_free(router); }
  };

  const Scheme scheme_;
  std::size_t count_;
  std::vector<std::string> names_;    // pymemcache
  std::vector<std::size_t> buckets_;  // python-memcached: a server as often as its weight
  std::unique_ptr<memcached_st, FreeRouter> router_;  // ketama, modula: asked, never connected
};

}  // namespace cairn::memcached
