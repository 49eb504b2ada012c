// The memory backend beside what a program would otherwise use, in one process, one run, in turns.
//
//     peers [--seconds 0.1] [--rounds 5] [--threads 1,2,4] [--only NAME,...] [--loads NAME,...]
//     peers --noise 256 ...       the same while one more thread, on the last core, reads so many MiB time
//                                 and again: what a neighbour does who takes the third-level cache away
//     peers --latency [--only NAME,...]                       get while another thread evicts
//     peers --memory NAME                                     bytes per entry, in a fresh process
//     peers --write FILE                                      the workloads, for Peers.java and peers.py
//
// Prints tab-separated lines: workload, peer, threads, round, Mops/s, hit ratio, ns of CPU per
// operation; with --latency, percentiles 50, 99.9 and 99.99 in ns. compare.py runs all of it.
//
// Keys are strings of 8 to 64 bytes, values 100 bytes of which the first and the last are read.
// The hash tables (tbb, libcuckoo) are unbounded: a floor, not a cache. Threads are pinned, one to a
// core and then round again.

#include "contestants.hpp"
#include "workloads.hpp"

#include <pthread.h>
#include <sched.h>

#include <algorithm>
#include <atomic>
#include <barrier>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

namespace {

using namespace peers;
using Clock = std::chrono::steady_clock;

struct Figure {
  double mops, hit_ratio, cpu_ns;
};

std::int64_t thread_nanoseconds() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

void pin_to_core(unsigned n) {
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(n % std::max(std::thread::hardware_concurrency(), 1u), &one);
  pthread_setaffinity_np(pthread_self(), sizeof one, &one);
}

// Goes on in the sequence of requests from `from`, and moves it.
Figure measure(Peer& peer, const Workload& load, unsigned threads, double seconds,
               std::size_t& from) {
  const std::string value(value_size, 'v');
  std::atomic<bool> stop{false};
  std::atomic<std::uint64_t> operations{0}, hits{0};
  std::atomic<std::int64_t> nanoseconds{0}, cpu_nanoseconds{0};
  std::barrier start(threads + 1);
  std::vector<std::thread> running;
  for (unsigned t = 0; t < threads; ++t) {
    running.emplace_back([&, t] {
      pin_to_core(t);
      std::size_t at =
          (from + load.requests.views.size() / threads * t) % load.requests.views.size();
      std::uint64_t n = 0, found = 0;
      start.arrive_and_wait();
      const auto begin = Clock::now();
      const std::int64_t cpu = thread_nanoseconds();
      while (!stop.load(std::memory_order_relaxed)) {
        for (int i = 0; i < 256; ++i, ++n) {
          const std::string_view key = load.requests.views[at];
          if (++at == load.requests.views.size()) at = 0;
          if (peer.get(key) >= 0) {
            ++found;
          } else if (load.fill) {
            peer.set(key, value);
          }
        }
      }
      nanoseconds += (Clock::now() - begin).count();
      cpu_nanoseconds += thread_nanoseconds() - cpu;
      operations += n;
      hits += found;
    });
  }
  start.arrive_and_wait();
  std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
  stop = true;
  for (auto& thread : running) thread.join();
  const double each = static_cast<double>(nanoseconds) / threads;
  from += operations / threads;
  return {static_cast<double>(operations) / each * 1000,
          static_cast<double>(hits) / static_cast<double>(operations),
          static_cast<double>(cpu_nanoseconds) / static_cast<double>(operations)};
}

// Reads its memory from beginning to end, time and again, on the last core.
class Noise {
 public:
  explicit Noise(std::size_t mebibytes) : memory_(mebibytes << 20, 1) {
    if (!memory_.empty()) thread_ = std::thread([this] { read(); });
  }
  ~Noise() {
    stop_ = true;
    if (thread_.joinable()) thread_.join();
  }
  Noise(const Noise&) = delete;
  Noise& operator=(const Noise&) = delete;

 private:
  void read() {
    pin_to_core(std::max(std::thread::hardware_concurrency(), 1u) - 1);
    constexpr std::size_t line = 64;
    while (!stop_.load(std::memory_order_relaxed)) {
      unsigned sum = 0;
      for (std::size_t at = 0; at < memory_.size(); at += line) sum += memory_[at];
      seen_.store(sum, std::memory_order_relaxed);
    }
  }

  const std::vector<unsigned char> memory_;
  std::atomic<bool> stop_{false};
  std::atomic<unsigned> seen_{0};  // so that it is read
  std::thread thread_;
};

bool wanted(const char* name, const std::vector<std::string>& only) {
  return only.empty() || std::find(only.begin(), only.end(), name) != only.end();
}

void throughput(double seconds, int rounds, const std::vector<unsigned>& threads,
                const std::vector<std::string>& only, const std::vector<std::string>& only_loads) {
  const auto keys = make_keys(1'000'000, 8, 64);
  const std::vector<Workload> loads = make_workloads(keys);
  const std::string value(value_size, 'v');
  for (const Workload& load : loads) {
    if (!wanted(load.name, only_loads)) continue;
    struct Contestant {
      const Named* named;
      std::unique_ptr<Peer> peer;
      std::size_t at = 0;
    };
    std::vector<Contestant> here;
    for (const Named& named : all) {
      if (load.bounded_only && !named.bounded) continue;
      if (!wanted(named.name, only)) continue;
      here.push_back({&named, named.make(load.room)});
      Peer& peer = *here.back().peer;
      for (std::size_t i = 0; i < load.resident; ++i) peer.set(keys[i], value);
      if (!load.fill) continue;
      std::size_t& at = here.back().at;
      for (; at < load.requests.views.size(); ++at) {  // warm
        const std::string_view key = load.requests.views[at];
        if (peer.get(key) < 0) peer.set(key, value);
      }
      at = 0;
    }
    for (int round = 0; round < rounds; ++round) {
      for (const unsigned n : threads) {
        for (auto& [named, peer, at] : here) {
          const Figure figure = measure(*peer, load, n, seconds, at);
          std::printf("%s\t%s\t%u\t%d\t%.3f\t%.4f\t%.1f\n", load.name, named->name, n, round,
                      figure.mops, figure.hit_ratio, figure.cpu_ns);
          std::fflush(stdout);
        }
      }
      // Nobody is always the first after those who kept all cores busy.
      std::rotate(here.begin(), here.begin() + 1, here.end());
    }
  }
}

// One thread sets new keys all the time, the other times each of its gets.
void latency(const std::vector<std::string>& only) {
  pin_to_core(0);
  constexpr std::size_t room = 100'000, gets = 1'000'000;
  const auto keys = make_keys(1'000'000, 8, 64);
  const auto order = traces::zipf(gets, room, 0.99);
  const std::string value(value_size, 'v');
  for (int round = 0; round < 3; ++round) {
    for (const Named& named : all) {
      if (!named.bounded || !wanted(named.name, only)) continue;
      const auto peer = named.make(room);
      for (std::size_t i = 0; i < room; ++i) peer->set(keys[i], value);
      std::atomic<bool> stop{false};
      std::thread writer([&] {
        pin_to_core(1);
        for (std::size_t i = room; !stop.load(std::memory_order_relaxed); ++i) {
          peer->set(keys[i % keys.size()], value);
        }
      });
      std::vector<std::uint32_t> times(gets);
      for (std::size_t i = 0; i < gets; ++i) {
        const auto from = Clock::now();
        peer->get(keys[order[i]]);
        times[i] = static_cast<std::uint32_t>((Clock::now() - from).count());
      }
      stop = true;
      writer.join();
      std::sort(times.begin(), times.end());
      std::printf("latency\t%s\t%d\t%u\t%u\t%u\n", named.name, round, times[gets / 2],
                  times[gets / 1000 * 999], times[gets / 10000 * 9999]);
      std::fflush(stdout);
    }
  }
}

std::size_t resident_bytes() {
  std::size_t pages = 0;
  if (std::FILE* file = std::fopen("/proc/self/statm", "r")) {
    if (std::fscanf(file, "%*u %zu", &pages) != 1) pages = 0;
    std::fclose(file);
  }
  return pages * 4096;
}

int memory(const std::string& name) {
  constexpr std::size_t entries = 1'000'000;
  for (const Named& named : all) {
    if (name != named.name) continue;
    const auto keys = make_keys(entries, 16, 16);
    const std::string value(value_size, 'v');
    const std::size_t before = resident_bytes();
    const auto peer = named.make(entries * 5 / 4);
    for (const std::string& key : keys) peer->set(key, value);
    std::size_t there = 0;
    const std::size_t after = resident_bytes();
    for (const std::string& key : keys) there += peer->get(key) >= 0;
    std::printf("memory\t%s\t%zu\t%.1f\n", named.name, there,
                static_cast<double>(after - before) / static_cast<double>(there));
    return 0;
  }
  std::fprintf(stderr, "peers: no peer is called %s\n", name.c_str());
  return 2;
}

std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> parts;
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t end = std::min(text.find(',', at), text.size());
    parts.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return parts;
}

}  // namespace

int main(int argc, char** argv) {
  double seconds = 0.1;
  int rounds = 5;
  std::vector<unsigned> threads{1, 2, 4};
  std::vector<std::string> only, loads;
  bool of_latency = false;
  std::size_t noise = 0;
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    if (argument == "--latency") {
      of_latency = true;
      continue;
    }
    if (i + 1 == argc) {
      std::fprintf(stderr, "peers: %s wants a value; see the top of peers.cpp\n", argv[i]);
      return 2;
    }
    const std::string text = argv[++i];
    if (argument == "--memory") return memory(text);
    if (argument == "--write") {
      const auto keys = make_keys(1'000'000, 8, 64);
      return write_workloads(text, keys, make_workloads(keys)) ? 0 : 3;
    }
    if (argument == "--seconds") seconds = std::stod(text);
    if (argument == "--noise") noise = std::stoul(text);
    if (argument == "--rounds") rounds = std::stoi(text);
    if (argument == "--only") only = split(text);
    if (argument == "--loads") loads = split(text);
    if (argument == "--threads") {
      threads.clear();
      for (const std::string& part : split(text))
        threads.push_back(static_cast<unsigned>(std::stoul(part)));
    }
  }
  const Noise neighbour(noise);
  if (of_latency) return latency(only), 0;
  throughput(seconds, rounds, threads, only, loads);
}
