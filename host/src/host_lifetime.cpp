#include "host_lifetime.hpp"

#include "region/fences.hpp"
#include "region/thread_line.hpp"

#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <vector>

namespace cairn::hosting {

namespace {

struct Registry {
  std::atomic<bool> exiting{false};
  std::mutex mutex;
  std::vector<Mortal*> hosts;
};

// Never destroyed: hosts with static storage duration may end after everything else.
Registry& registry() {
  static auto* all = new Registry();
  return *all;
}

void close_all() {
  registry().exiting = true;
  std::vector<Mortal*> hosts;
  {
    const std::lock_guard lock(registry().mutex);
    hosts = registry().hosts;
  }
  for (Mortal* host : hosts) host->close();
}

void child() {
  std::construct_at(&registry().mutex);  // some thread of the parent may have held it
  Fences::prepare();
  ThreadLine::after_fork();
  for (Mortal* host : registry().hosts) host->after_fork();
}

}  // namespace

void remember(Mortal& host) {
  static const bool watching = pthread_atfork(nullptr, nullptr, &child) == 0;
  static_cast<void>(watching);
  const std::lock_guard lock(registry().mutex);
  registry().hosts.push_back(&host);
}

void forget(Mortal& host) {
  const std::lock_guard lock(registry().mutex);
  std::erase(registry().hosts, &host);
}

void close_all_at_exit() {
  std::atexit(&close_all);
}

bool exiting() noexcept {
  return registry().exiting;
}

}  // namespace cairn::hosting
