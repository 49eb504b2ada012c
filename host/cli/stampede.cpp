#include "load.hpp"

#include <cairn/host/clock.hpp>

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

namespace cairn::cli {

StampedeResult run_stampede(Region& region, const Stampede& stampede) {
  using Steady = std::chrono::steady_clock;
  const auto callers = static_cast<std::size_t>(stampede.callers);
  const std::string key = fmt::format("cairn-bench:stampede:{}:{}", getpid(),
                                      SystemClock().now().time_since_epoch().count());
  const Bytes value(std::string(stampede.value_size, 'x'));
  std::atomic<std::uint64_t> calls{0};
  std::atomic<Steady::rep> ready{0};
  std::atomic<std::size_t> arrived{0};
  std::atomic<bool> go{false};
  std::vector<Steady::time_point> back(callers);
  std::exception_ptr error;
  std::mutex error_mutex;

  std::vector<std::thread> threads;
  threads.reserve(callers);
  const auto call = [&](std::size_t i) {
    ++arrived;
    arrived.notify_one();
    go.wait(false);
    try {
      region.get_or_create(key, [&] {
        ++calls;
        std::this_thread::sleep_for(stampede.creator);
        ready = Steady::now().time_since_epoch().count();
        return value;
      });
    } catch (...) {
      const std::lock_guard lock(error_mutex);
      error = std::current_exception();
    }
    back[i] = Steady::now();
  };
  for (std::size_t i = 0; i < callers; ++i) {
    try {
      threads.emplace_back(call, i);
    } catch (...) {  // no more threads: those that wait must be let go before this is told
      error = std::current_exception();
      break;
    }
  }
  for (std::size_t n = arrived; n < threads.size(); n = arrived) arrived.wait(n);
  go = true;
  go.notify_all();
  for (std::thread& thread : threads) thread.join();
  region.remove(key);
  if (error) std::rethrow_exception(error);

  const Steady::time_point made{Steady::duration(ready)};
  std::sort(back.begin(), back.end());
  StampedeResult result;
  result.creator_calls = calls;
  result.first = back.front() - made;
  result.median = back[back.size() / 2] - made;
  result.last = back.back() - made;
  return result;
}

}  // namespace cairn::cli
