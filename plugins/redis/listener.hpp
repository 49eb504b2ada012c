// Hears on a server that locks are released: one subscribed connection for all who wait.
//
// No thread of its own: one of the waiters reads the connection and tells the others. The
// connection is opened by the first to wait, and closed when it fails or nobody has waited for a
// while.
//
// Threads: any. Errors: none; without news a wait ends early, and the caller looks again.
#pragma once

#include "router.hpp"

#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>

namespace cairn::redis {

/// Where the release of the lock `name` is published.
std::string channel_of(std::string_view name);

class Listener {
 public:
  explicit Listener(Router& router);
  ~Listener();

  enum class Heard { released, nothing, failed };
  /// Subscribes to `name`, then asks `still_held`, then waits for news until `until`. `failed`:
  /// could not subscribe. `released` also if still_held() is false.
  Heard wait(const std::string& name, const std::function<bool()>& still_held,
             Clock::time_point until);

  void close_inherited() noexcept;

 private:
  class Line;
  std::shared_ptr<Line> line_to(const std::shared_ptr<Node>& node);

  Router& router_;
  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<Line>> lines_;  // by the server's address
};

}  // namespace cairn::redis
