// Creation locks: an item `_lock<key>`, made by `add`, as dogpile.cache's.
//
// Python's hold "1" and are removed by whoever unlocks. Ours hold a token, and are removed and renewed
// only by compare-and-swap of an item with that token, so that a late holder does not take the next
// one's lock away. memcached tells nobody of an unlock: who waits looks, first often, then every few
// milliseconds.
//
// Threads: any method, any thread, any time. Outcomes and errors: as Backend's operations.
#pragma once

#include "cluster.hpp"

#include <optional>

namespace cairn::memcached {

class CreationLocks {
 public:
  using Nanoseconds = Backend::Nanoseconds;
  using Token = Backend::Token;

  explicit CreationLocks(Cluster& cluster) : cluster_(cluster) {}

  std::optional<Token> lock(Key key, Nanoseconds lease, Call call);
  bool renew(Key key, Token token, Nanoseconds lease, Call call);
  bool unlock(Key key, Token token, Call call);
  bool await_unlock(Key key, Nanoseconds wait, Call call);

 private:
  bool is_held(std::string_view item_name, Call call);
  bool replace(Key key, Token token, std::time_t exptime, Call call);

  Cluster& cluster_;
};

}  // namespace cairn::memcached
