// Hears on a server that locks are released: one subscribed connection for all who wait.
//
// No thread of its own: one of the waiters reads the connection and tells the others. The
// connection is opened by the first to wait, and closed when it fails or nobody has waited for a
// while.
//
// Threads: any. Errors: none; without news a wait ends early, and the caller looks again.
#pragma once

#include "router.hpp"

#include <atomic>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

namespace cairn::redis {

/// Where the release of the lock `name` is published.
std::string channel_of(std::string_view name);

class Listener {
 public:
  explicit Listener(Router& router);
  ~Listener();

  enum class Heard {
    released,
    nothing,  ///< until the end
    no_need,  ///< `wait_until` saw no need to wait
    failed,   ///< could not subscribe: `wait_until` was not asked
  };
  /// Subscribes to `name`, asks `wait_until` (nothing: there is no need to wait), then waits for
  /// news. So no release after its look is missed. `released` may be old news: look again.
  Heard wait(const std::string& name, Clock::time_point subscribe_until,
             const std::function<std::optional<Clock::time_point>()>& wait_until);
  /// Ends subscriptions that nobody has needed for a while, and connections without any. Cheap if there
  /// are none.
  void tidy() noexcept;

 private:
  class Line;
  std::shared_ptr<Line> line_to(const std::shared_ptr<Node>& node);

  Router& router_;
  std::atomic<int> lingering_{0};                       // subscriptions that nobody waits on
  std::mutex mutex_;                                    // guards what follows
  std::map<std::string, std::shared_ptr<Line>> lines_;  // by the server's address
};

}  // namespace cairn::redis
