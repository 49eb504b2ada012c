#include "load.hpp"

#include "environment.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <exception>
#include <latch>
#include <random>
#include <system_error>
#include <thread>
#include <vector>

namespace cairn::cli {

namespace {

using Steady = std::chrono::steady_clock;

// How often the keys up to each are asked for, all together: key number i has the rank i + 1.
std::vector<double> sums_of(const Load& load) {
  std::vector<double> sums;
  sums.reserve(load.keys);
  double sum = 0;
  for (std::uint64_t rank = 1; rank <= load.keys; ++rank) {
    sum += 1 / std::pow(static_cast<double>(rank), load.zipf);
    sums.push_back(sum);
  }
  return sums;
}

// Numbers of keys, drawn before the clock starts so that drawing costs nothing.
std::vector<std::uint32_t> drawn_keys(const std::vector<double>& sums, std::uint32_t seed) {
  std::mt19937_64 random(seed);
  std::uniform_real_distribution<double> uniform(0, sums.back());
  std::vector<std::uint32_t> keys(1 << 18);
  for (std::uint32_t& key : keys) {
    const auto at = std::lower_bound(sums.begin(), sums.end(), uniform(random)) - sums.begin();
    key = static_cast<std::uint32_t>(std::min<std::int64_t>(at, std::ssize(sums) - 1));
  }
  return keys;
}

struct Worker {
  Histogram reads, writes;
  std::exception_ptr error;
};

void work(Region& region, const Load& load, const std::vector<std::uint32_t>& keys,
          std::uint32_t number, const std::atomic<bool>& stop, Worker& worker) {
  std::mt19937 random(number + 1000);
  const auto most_reads =
      static_cast<std::uint32_t>(load.reads * static_cast<double>(std::mt19937::max()));
  const Bytes value(std::string(load.value_size, 'x'));
  std::string key = "cairn-bench:";
  const std::size_t prefix = key.size();
  for (std::size_t i = 0; !stop.load(std::memory_order_relaxed); ++i) {
    key.resize(prefix);
    fmt::format_to(std::back_inserter(key), "{}", keys[i % keys.size()]);
    const bool reads = random() <= most_reads;
    const Steady::time_point begin = Steady::now();
    if (reads) {
      region.get_or_create(key, [&] { return value; });
    } else {
      region.set(key, value);
    }
    (reads ? worker.reads : worker.writes).add(Steady::now() - begin);
  }
}

}  // namespace

LoadResult run_load(Region& region, const Load& load) {
  std::vector<Worker> workers(static_cast<std::size_t>(load.threads));
  const std::vector<double> sums = sums_of(load);
  std::atomic<bool> stop{false};
  std::latch ready(load.threads + 1);  // and the clock
  std::vector<std::thread> threads;
  const auto run = [&](std::uint32_t number) {
    Worker& worker = workers[number];
    std::vector<std::uint32_t> keys;
    try {
      keys = drawn_keys(sums, number + 1);
    } catch (...) {
      worker.error = std::current_exception();
      stop = true;
    }
    ready.arrive_and_wait();
    try {
      if (!stop) work(region, load, keys, number, stop, worker);
    } catch (...) {
      worker.error = std::current_exception();
      stop = true;
    }
  };
  threads.reserve(workers.size());
  try {
    for (std::size_t i = 0; i < workers.size(); ++i) {
      threads.emplace_back(run, static_cast<std::uint32_t>(i));
    }
  } catch (const std::system_error&) {  // no more threads: let go those that wait
    stop = true;
    ready.count_down(load.threads + 1 - static_cast<std::ptrdiff_t>(threads.size()));
    for (std::thread& thread : threads) thread.join();
    throw;
  }
  ready.arrive_and_wait();
  const Steady::time_point begin = Steady::now();
  while (!stop && Steady::now() - begin < load.duration) {
    const auto left = load.duration - (Steady::now() - begin);
    std::this_thread::sleep_for(
        std::min<std::chrono::nanoseconds>(left, std::chrono::milliseconds(200)));
    const auto seconds = std::chrono::duration<double>(Steady::now() - begin).count();
    show_progress(fmt::format("{:.0f} of {:.0f} s", seconds,
                              std::chrono::duration<double>(load.duration).count()));
  }
  stop = true;
  LoadResult result;
  for (std::thread& thread : threads) thread.join();
  result.took = Steady::now() - begin;
  show_progress("");
  for (const Worker& worker : workers) {
    if (worker.error) std::rethrow_exception(worker.error);
    result.reads.add(worker.reads);
    result.writes.add(worker.writes);
  }
  result.statistics = region.statistics();
  return result;
}

}  // namespace cairn::cli
