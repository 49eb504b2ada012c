// The memory backend beside what a program would otherwise use, in one process, one run, in turns.
//
//     peers [--seconds 0.1] [--rounds 5] [--threads 1,2,4] [--only NAME,...] [--loads NAME,...]
//     peers --latency                                         get while another thread evicts
//     peers --memory NAME                                     bytes per entry, in a fresh process
//
// Prints tab-separated lines: workload, peer, threads, round, Mops/s, hit ratio, ns of CPU per
// operation.
//
// Keys are strings of 8 to 64 bytes, values 100 bytes of which the first and the last are read.
// Every peer is behind the same virtual call. The hash tables (tbb, libcuckoo) are unbounded: a
// floor, not a cache.

#include "component_under_test.hpp"
#include "traces.hpp"

#include <libcuckoo/cuckoohash_map.hh>
#include <rocksdb/cache.h>
#include <tbb/concurrent_hash_map.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <atomic>
#include <barrier>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <random>
#include <thread>
#include <unordered_map>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;
constexpr std::size_t value_size = 100;

class Peer {
 public:
  virtual ~Peer() = default;
  /// The sum of the first and the last byte, or -1.
  virtual int get(std::string_view key) = 0;
  virtual void set(std::string_view key, std::string_view value) = 0;
};

int look_at(const char* value) {
  return value[0] + value[value_size - 1];
}

class Cairn final : public Peer {
 public:
  Cairn(const std::string& policy, std::size_t entries)
      : memory_(
            "memory",
            {{"policy", policy}, {"max_bytes", "4GiB"}, {"max_entries", std::to_string(entries)}}),
        ops_(*memory_.component().ops),
        self_(memory_.self()) {}
  int get(std::string_view key) override {
    cairn_entry entry{};
    if (ops_.get(self_, nullptr, {key.data(), key.size()}, &entry) != CAIRN_OK) return -1;
    const int seen = look_at(static_cast<const char*>(entry.data));
    cairn_release(entry.owner);
    return seen;
  }
  void set(std::string_view key, std::string_view value) override {
    cairn_entry entry{};
    entry.kind = CAIRN_BYTES;
    entry.data = value.data();
    entry.size = value.size();
    ops_.set(self_, nullptr, {key.data(), key.size()}, &entry, nullptr);
  }

 private:
  ComponentUnderTest memory_;
  const cairn_ops& ops_;
  void* const self_;
};

// Charge 1 for each entry and nothing for its bookkeeping, so that all peers hold as many.
constexpr auto count_entries = rocksdb::kDontChargeCacheMetadata;

class Rocks final : public Peer {
 public:
  explicit Rocks(std::shared_ptr<rocksdb::Cache> cache, bool hash_keys)
      : cache_(std::move(cache)), hash_keys_(hash_keys) {}
  int get(std::string_view key) override {
    char buffer[16];
    rocksdb::Cache::Handle* handle = cache_->Lookup(name(key, buffer));
    if (handle == nullptr) return -1;
    const int seen = look_at(static_cast<const char*>(cache_->Value(handle)));
    cache_->Release(handle);
    return seen;
  }
  void set(std::string_view key, std::string_view value) override {
    char buffer[16];
    auto* copy = new char[value_size];
    std::memcpy(copy, value.data(), value_size);
    const rocksdb::Status status = cache_->Insert(
        name(key, buffer), copy, 1,
        [](const rocksdb::Slice&, void* stored) { delete[] static_cast<char*>(stored); });
    if (!status.ok()) delete[] copy;
  }

 private:
  // HyperClockCache takes keys of 16 bytes only.
  rocksdb::Slice name(std::string_view key, char* buffer) const {
    if (!hash_keys_) return {key.data(), key.size()};
    const XXH128_hash_t hash = XXH3_128bits(key.data(), key.size());
    std::memcpy(buffer, &hash, 16);
    return {buffer, 16};
  }
  const std::shared_ptr<rocksdb::Cache> cache_;
  const bool hash_keys_;
};

using Shared = std::shared_ptr<const std::string>;

class MutexLru final : public Peer {
 public:
  explicit MutexLru(std::size_t entries) : entries_(entries) {}
  int get(std::string_view key) override {
    Shared value;
    {
      const std::lock_guard lock(mutex_);
      const auto it = where_.find(key);
      if (it == where_.end()) return -1;
      order_.splice(order_.begin(), order_, it->second);
      value = it->second->second;
    }
    return look_at(value->data());
  }
  void set(std::string_view key, std::string_view value) override {
    auto shared = std::make_shared<const std::string>(value);
    const std::lock_guard lock(mutex_);
    if (const auto it = where_.find(key); it != where_.end()) {
      it->second->second = std::move(shared);
      return;
    }
    if (where_.size() == entries_) {
      where_.erase(order_.back().first);
      order_.pop_back();
    }
    order_.emplace_front(std::string(key), std::move(shared));
    where_[order_.front().first] = order_.begin();
  }

 private:
  using Order = std::list<std::pair<const std::string, Shared>>;
  const std::size_t entries_;
  std::mutex mutex_;
  Order order_;
  std::unordered_map<std::string_view, Order::iterator> where_;
};

class Tbb final : public Peer {
 public:
  int get(std::string_view key) override {
    Shared value;
    {
      Map::const_accessor at;
      if (!map_.find(at, std::string(key))) return -1;
      value = at->second;
    }
    return look_at(value->data());
  }
  void set(std::string_view key, std::string_view value) override {
    Map::accessor at;
    map_.insert(at, std::string(key));
    at->second = std::make_shared<const std::string>(value);
  }

 private:
  using Map = tbb::concurrent_hash_map<std::string, Shared>;
  Map map_;
};

class Cuckoo final : public Peer {
 public:
  int get(std::string_view key) override {
    Shared value;
    if (!map_.find_fn(key, [&](const Shared& stored) { value = stored; })) return -1;
    return look_at(value->data());
  }
  void set(std::string_view key, std::string_view value) override {
    map_.insert_or_assign(std::string(key), std::make_shared<const std::string>(value));
  }

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view key) const {
      return XXH3_64bits(key.data(), key.size());
    }
  };
  libcuckoo::cuckoohash_map<std::string, Shared, Hash, std::equal_to<>> map_;
};

struct Named {
  const char* name;
  bool bounded;
  std::function<std::unique_ptr<Peer>(std::size_t entries)> make;
};

const std::vector<Named> peers{
    {"cairn", true, [](std::size_t n) { return std::make_unique<Cairn>("w-tinylfu", n); }},
    {"cairn-s3-fifo", true, [](std::size_t n) { return std::make_unique<Cairn>("s3-fifo", n); }},
    {"rocksdb-hyperclock", true,
     [](std::size_t n) {
       return std::make_unique<Rocks>(
           rocksdb::HyperClockCacheOptions(n, 1, -1, false, nullptr, count_entries)
               .MakeSharedCache(),
           true);
     }},
    {"rocksdb-lru", true,
     [](std::size_t n) {
       return std::make_unique<Rocks>(
           rocksdb::NewLRUCache(n, 4, false, 0.5, nullptr, true, count_entries), false);
     }},
    {"mutex-lru", true, [](std::size_t n) { return std::make_unique<MutexLru>(n); }},
    {"tbb-hash-map", false, [](std::size_t) { return std::make_unique<Tbb>(); }},
    {"libcuckoo", false, [](std::size_t) { return std::make_unique<Cuckoo>(); }},
};

std::vector<std::string> make_keys(std::size_t count, std::size_t shortest, std::size_t longest) {
  std::mt19937_64 random(1);
  std::vector<std::string> keys(count);
  for (std::size_t i = 0; i < count; ++i) {
    keys[i].resize(shortest + random() % (longest - shortest + 1));
    for (char& c : keys[i]) c = static_cast<char>('a' + random() % 26);
    const std::uint64_t number = i * 0x9e3779b97f4a7c15;
    std::memcpy(keys[i].data(), &number, 8);  // all different
  }
  return keys;
}

// A sequence of requests, its keys one after the other in memory: a program has just made the key
// that it asks for, and what is measured is not how long it takes to find one of a million strings.
class Requests {
 public:
  Requests(const std::vector<std::string>& keys, const std::vector<std::uint32_t>& order) {
    std::size_t size = 0;
    for (const std::uint32_t one : order) size += keys[one].size();
    bytes_.reserve(size);
    for (const std::uint32_t one : order) {
      views.emplace_back(bytes_.data() + bytes_.size(), keys[one].size());
      bytes_ += keys[one];
    }
  }
  std::vector<std::string_view> views;

 private:
  std::string bytes_;
};

struct Workload {
  const char* name;
  bool fill;  // what misses is set
  bool bounded_only;
  std::size_t room;
  Requests requests;
  std::size_t resident;  // this many keys are there when it begins
};

struct Figure {
  double mops, hit_ratio, cpu_ns;
};

std::int64_t thread_nanoseconds() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

// Goes on in the sequence of requests from `from`, and moves it.
Figure measure(Peer& peer, const Workload& load, unsigned threads, double seconds,
               std::size_t& from) {
  const std::string value(value_size, 'v');
  std::atomic<bool> stop{false};
  std::atomic<std::uint64_t> operations{0}, hits{0};
  std::atomic<std::int64_t> nanoseconds{0}, cpu_nanoseconds{0};
  std::barrier start(threads + 1);
  std::vector<std::thread> all;
  for (unsigned t = 0; t < threads; ++t) {
    all.emplace_back([&, t] {
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
  for (auto& thread : all) thread.join();
  const double each = static_cast<double>(nanoseconds) / threads;
  from += operations / threads;
  return {static_cast<double>(operations) / each * 1000,
          static_cast<double>(hits) / static_cast<double>(operations),
          static_cast<double>(cpu_nanoseconds) / static_cast<double>(operations)};
}

void throughput(double seconds, int rounds, const std::vector<unsigned>& threads,
                const std::vector<std::string>& only, const std::vector<std::string>& wanted) {
  constexpr std::size_t room = 100'000, requests = 1'000'000;
  const auto keys = make_keys(1'000'000, 8, 64);
  std::mt19937_64 random(7);
  const auto shuffled = [&](std::vector<std::uint32_t> order, std::uint32_t n) {
    std::vector<std::uint32_t> names(
        n);  // popularity has nothing to do with the order of insertion
    for (std::uint32_t i = 0; i < n; ++i) names[i] = i;
    std::shuffle(names.begin(), names.end(), random);
    for (auto& one : order) one = names[one];
    return order;
  };
  std::vector<std::uint32_t> uniform(requests);
  for (auto& one : uniform) one = static_cast<std::uint32_t>(random() % room);

  std::vector<Workload> loads;
  loads.push_back({"hit-uniform", false, false, room * 5 / 4, Requests(keys, uniform), room});
  loads.push_back({"hit-zipf", false, false, room * 5 / 4,
                   Requests(keys, shuffled(traces::zipf(requests, room, 0.99), room)), room});
  loads.push_back(
      {"hit-one-key", false, false, room, Requests(keys, std::vector<std::uint32_t>(256, 0)), 1});
  loads.push_back({"mixed-zipf", true, true, room,
                   Requests(keys, shuffled(traces::zipf(requests * 5, 1'000'000, 0.99), 1'000'000)),
                   0});

  const std::string value(value_size, 'v');
  for (const Workload& load : loads) {
    if (!wanted.empty() && std::find(wanted.begin(), wanted.end(), load.name) == wanted.end())
      continue;
    struct Contestant {
      const Named* named;
      std::unique_ptr<Peer> peer;
      std::size_t at = 0;
    };
    std::vector<Contestant> here;
    for (const Named& named : peers) {
      if (load.bounded_only && !named.bounded) continue;
      if (!only.empty() && std::find(only.begin(), only.end(), named.name) == only.end()) continue;
      here.push_back({&named, named.make(load.room)});
      Peer& peer = *here.back().peer;
      for (std::size_t i = 0; i < load.resident; ++i) peer.set(keys[i], value);
      if (!load.fill) continue;
      std::size_t& at = here.back().at;
      for (; at < load.requests.views.size() * 3 / 5; ++at) {  // warm
        const std::string_view key = load.requests.views[at];
        if (peer.get(key) < 0) peer.set(key, value);
      }
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
    }
  }
}

// One thread sets new keys all the time, the other times each of its gets.
void latency() {
  constexpr std::size_t room = 100'000, gets = 1'000'000;
  const auto keys = make_keys(1'000'000, 8, 64);
  const auto order = traces::zipf(gets, room, 0.99);
  const std::string value(value_size, 'v');
  for (int round = 0; round < 3; ++round) {
    for (const Named& named : peers) {
      if (!named.bounded) continue;
      const auto peer = named.make(room);
      for (std::size_t i = 0; i < room; ++i) peer->set(keys[i], value);
      std::atomic<bool> stop{false};
      std::thread writer([&] {
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
  for (const Named& named : peers) {
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
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    if (argument == "--latency") return latency(), 0;
    if (i + 1 == argc) {
      std::fprintf(stderr, "peers: %s wants a value; see the top of peers.cpp\n", argv[i]);
      return 2;
    }
    const std::string text = argv[++i];
    if (argument == "--memory") return memory(text);
    if (argument == "--seconds") seconds = std::stod(text);
    if (argument == "--rounds") rounds = std::stoi(text);
    if (argument == "--only") only = split(text);
    if (argument == "--loads") loads = split(text);
    if (argument == "--threads") {
      threads.clear();
      for (const std::string& part : split(text))
        threads.push_back(static_cast<unsigned>(std::stoul(part)));
    }
  }
  throughput(seconds, rounds, threads, only, loads);
}
