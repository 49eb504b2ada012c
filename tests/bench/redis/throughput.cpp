// get, set and get_multi of the redis plugin beside bare hiredis, in one run, as ratios.
//
//     redis-throughput [rounds] [milliseconds per cell] [max_connections] [only]
//
// The peers take turns in every round, so that a noisy neighbour meets all of them; the median of
// the rounds is shown. Where the server may run decides more than any client: each table says it.
// Below each stand redis-benchmark and a region of dogpile.cache. Last, a batch over a cluster.
// `only`: part of a line's name, such as "same core/get 32", for a profile.

#include "component_under_test.hpp"
#include "private_redis_groups.hpp"

#include <hiredis/hiredis.h>
#include <sched.h>
#include <sys/resource.h>

#include <algorithm>
#include <cstdio>
#include <functional>
#include <thread>
#include <vector>

using namespace cairn;
using Clock = std::chrono::steady_clock;

namespace {

constexpr int keys = 10'000;
std::string key_of(unsigned i) {
  return std::string("key:").append(std::to_string(i % keys));
}

void pin(pid_t process, std::initializer_list<int> cores) {
  cpu_set_t set;
  CPU_ZERO(&set);
  for (const int core : cores) CPU_SET(core, &set);
  sched_setaffinity(process, sizeof set, &set);
}

double cpu_seconds() {
  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  const auto seconds = [](const timeval& t) { return double(t.tv_sec) + double(t.tv_usec) / 1e6; };
  return seconds(used.ru_utime) + seconds(used.ru_stime);
}

struct Measured {
  double per_second = 0;
  double cpu_us = 0;  // of this process, per operation
  double p99_us = 0;
};

// `make_operation(thread)` makes what a thread does again and again.
using MakeOperation = std::function<std::function<void(unsigned)>(int)>;

Measured measure(int threads, std::chrono::milliseconds time, const MakeOperation& make_operation) {
  std::atomic<int> ready{0};
  std::atomic<bool> go{false}, over{false};
  std::vector<std::vector<float>> latencies(static_cast<std::size_t>(threads));
  std::vector<std::thread> workers;
  for (int t = 0; t < threads; ++t) {
    workers.emplace_back([&, t] {
      const auto operation = make_operation(t);
      auto& mine = latencies[static_cast<std::size_t>(t)];
      mine.reserve(200'000);
      operation(0);
      ++ready;
      while (!go) std::this_thread::yield();
      auto before = Clock::now();
      for (unsigned i = static_cast<unsigned>(t) * 7919; !over; ++i) {
        operation(i);
        const auto now = Clock::now();
        mine.push_back(std::chrono::duration<float, std::micro>(now - before).count());
        before = now;
      }
    });
  }
  while (ready < threads) std::this_thread::yield();
  const double cpu = cpu_seconds();
  const auto begin = Clock::now();
  go = true;
  std::this_thread::sleep_for(time);
  over = true;
  for (std::thread& worker : workers) worker.join();
  const double seconds = std::chrono::duration<double>(Clock::now() - begin).count();
  std::vector<float> all;
  for (const auto& some : latencies) all.insert(all.end(), some.begin(), some.end());
  std::nth_element(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(all.size() * 99 / 100),
                   all.end());
  const double count = static_cast<double>(all.size());
  return {count / seconds, (cpu_seconds() - cpu) / count * 1e6, all[all.size() * 99 / 100]};
}

long long writes_of(ComponentUnderTest& store) {
  const Document stats = store->stats(Call());
  return stats.root()["writes"].int_value();
}

struct FreeReply {
  void operator()(redisReply* reply) const noexcept { freeReplyObject(reply); }
  void operator()(redisContext* context) const noexcept { redisFree(context); }
};

std::shared_ptr<redisContext> connect(int port) {
  return {redisConnect("127.0.0.1", port), FreeReply()};
}

// What another program says is its number of operations a second; it runs where we may.
double said_by(const std::string& command) {
  std::FILE* const pipe = popen(command.c_str(), "r");
  double number = 0;
  if (pipe == nullptr || std::fscanf(pipe, "%lf", &number) != 1) number = 0;
  if (pipe != nullptr) pclose(pipe);
  return number;
}

double redis_benchmark(int port, int clients) {
  return said_by("redis-benchmark -p " + std::to_string(port) +
                 " -t get -d 100 -r 10000 -n 20000 -c " + std::to_string(clients) +
                 " --csv 2>/dev/null | sed -n 's/^\"GET\",\"\\([0-9.]*\\).*/\\1/p'");
}

double dogpile_cache(int port, int threads) {
  return said_by(
      "/usr/bin/python3 -c '\n"
      "import threading, time\n"
      "from dogpile.cache import make_region\n"
      "region = make_region().configure(\"dogpile.cache.redis\", arguments={\"port\": " +
      std::to_string(port) +
      "})\n"
      "region.set(\"dogpile\", \"v\" * 100)\n"
      "end, counts = time.time() + 0.5, []\n"
      "def work():\n"
      "  n = 0\n"
      "  while time.time() < end: region.get(\"dogpile\"); n += 1\n"
      "  counts.append(n)\n"
      "threads = [threading.Thread(target=work) for _ in range(" +
      std::to_string(threads) +
      ")]\n"
      "[t.start() for t in threads]\n"
      "[t.join() for t in threads]\n"
      "print(sum(counts) / 0.5)'");
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

// The least that a batch over a cluster can cost: who knows where each key is sends a pipeline to every
// master, and then reads all answers.
class BarePipelines {
 public:
  BarePipelines(PrivateCluster& cluster, const std::vector<std::string>& names) {
    for (std::size_t i = 0; i < 3; ++i) masters_.push_back({connect(cluster.node(i).port()), {}});
    for (const std::string& name : names) {
      for (Master& master : masters_) {
        append(master, name);
        if (reply_of(master)->type != REDIS_REPLY_ERROR) master.names.push_back(name);
      }
    }
  }
  void operator()() const {
    for (const Master& master : masters_) {
      for (const std::string& name : master.names) append(master, name);
      int written = master.names.empty() ? 1 : 0;
      while (written == 0) {
        if (redisBufferWrite(master.context.get(), &written) != REDIS_OK) std::abort();
      }
    }
    for (const Master& master : masters_) {
      for (std::size_t n = master.names.size(); n > 0; --n) {
        if (reply_of(master)->len != 100) std::abort();
      }
    }
  }

 private:
  struct Master {
    std::shared_ptr<redisContext> context;
    std::vector<std::string> names;  // those that are there
  };
  static void append(const Master& master, const std::string& name) {
    const char* words[] = {"GET", name.data()};
    const std::size_t sizes[] = {3, name.size()};
    redisAppendCommandArgv(master.context.get(), 2, words, sizes);
  }
  static std::unique_ptr<redisReply, FreeReply> reply_of(const Master& master) {
    void* reply = nullptr;
    if (redisGetReply(master.context.get(), &reply) != REDIS_OK) std::abort();
    return std::unique_ptr<redisReply, FreeReply>(static_cast<redisReply*>(reply));
  }

  std::vector<Master> masters_;
};

// A hundred keys over three masters: as long as one key, and a little for the other ninety-nine?
void batch_over_cluster(int rounds, std::chrono::milliseconds time) {
  PrivateCluster cluster;
  PrivateRedis alone;
  ComponentUnderTest clustered("redis", {{"mode", "cluster"}, {"nodes", cluster.some_nodes()}});
  ComponentUnderTest single("redis", {{"url", alone.url()}});
  const std::string value(100, 'v');
  std::vector<std::string> names;
  for (unsigned k = 0; k < 100; ++k) names.push_back(key_of(17 * k));
  for (const std::string& name : names) {
    clustered->set(name, Entry::borrow(value), {}, Call());
    single->set(name, Entry::borrow(value), {}, Call());
  }
  const auto batch_of = [&](ComponentUnderTest& store, std::size_t size) -> MakeOperation {
    return [&store, &names, size](int) {
      return [&store, batch = std::vector<Key>(names.begin(),
                                               names.begin() + std::ptrdiff_t(size))](unsigned) {
        std::vector<Entry> entries(batch.size());
        std::vector<cairn_status> statuses(batch.size(), CAIRN_MISS);
        store->get_multi(batch, {entries.data(), statuses.data(), batch.size()}, Call());
        if (statuses.back() != CAIRN_OK) std::abort();
      };
    };
  };
  const auto bare_batch_of = [&](std::size_t size) -> MakeOperation {
    return [&, size](int) {
      const std::vector<std::string> some(names.begin(), names.begin() + std::ptrdiff_t(size));
      return [pipelines = std::make_shared<BarePipelines>(cluster, some)](unsigned) {
        (*pipelines)();
      };
    };
  };
  struct Row {
    const char* what;
    MakeOperation operation;
    std::vector<double> us;
  };
  Row rows[] = {{"one key, bare hiredis", bare_batch_of(1), {}},
                {"one key", batch_of(clustered, 1), {}},
                {"batch of 100, bare pipelines to the three", bare_batch_of(100), {}},
                {"batch of 100", batch_of(clustered, 100), {}},
                {"batch of 100 from one server", batch_of(single, 100), {}}};
  for (int round = 0; round < rounds; ++round) {
    for (Row& row : rows) row.us.push_back(1e6 / measure(1, time, row.operation).per_second);
  }
  const long long writes = writes_of(clustered);
  batch_of(clustered, 100)(0)(0);
  std::printf("cluster of three masters, the servers free; a batch is %lld writes\n",
              writes_of(clustered) - writes);
  for (const Row& row : rows) std::printf("%-42s %6.0f us\n", row.what, median(row.us));
}

}  // namespace

int main(int argc, char** argv) {
  const int rounds = argc > 1 ? std::atoi(argv[1]) : 5;
  const std::chrono::milliseconds time(argc > 2 ? std::atoi(argv[2]) : 300);
  const std::string connections = argc > 3 ? argv[3] : "";
  const std::string only = argc > 4 ? argv[4] : "";

  PrivateRedis server;
  ComponentUnderTest::OptionTexts options{{"url", server.url()}};
  if (!connections.empty()) options["max_connections"] = connections;
  ComponentUnderTest redis("redis", options);
  const std::string value(100, 'v');
  for (unsigned i = 0; i < keys; ++i) redis->set(key_of(i), Entry::borrow(value), {}, Call());

  const MakeOperation bare_get = [&](int) {
    return [context = connect(server.port())](unsigned i) {
      const std::string key = key_of(i);
      const char* words[] = {"GET", key.data()};
      const std::size_t sizes[] = {3, key.size()};
      const std::unique_ptr<redisReply, FreeReply> reply(
          static_cast<redisReply*>(redisCommandArgv(context.get(), 2, words, sizes)));
      if (reply == nullptr || reply->len != 100) std::abort();
    };
  };
  const MakeOperation our_get = [&](int) {
    return [&](unsigned i) {
      if (redis->get(key_of(i), Call())->size() != 100) std::abort();
    };
  };
  const MakeOperation bare_set = [&](int) {
    return [&, context = connect(server.port())](unsigned i) {
      const std::string key = key_of(i);
      const char* words[] = {"SET", key.data(), value.data()};
      const std::size_t sizes[] = {3, key.size(), value.size()};
      const std::unique_ptr<redisReply, FreeReply> reply(
          static_cast<redisReply*>(redisCommandArgv(context.get(), 3, words, sizes)));
      if (reply == nullptr) std::abort();
    };
  };
  const MakeOperation our_set = [&](int) {
    return [&](unsigned i) { redis->set(key_of(i), Entry::borrow(value), {}, Call()); };
  };
  const MakeOperation bare_mget = [&](int) {
    return [context = connect(server.port())](unsigned i) {
      std::vector<std::string> names;
      std::vector<const char*> words{"MGET"};
      std::vector<std::size_t> sizes{4};
      for (unsigned k = 0; k < 100; ++k) names.push_back(key_of(i + 17 * k));
      for (const std::string& name : names) {
        words.push_back(name.data());
        sizes.push_back(name.size());
      }
      const std::unique_ptr<redisReply, FreeReply> reply(static_cast<redisReply*>(
          redisCommandArgv(context.get(), 101, words.data(), sizes.data())));
      if (reply == nullptr || reply->elements != 100) std::abort();
    };
  };
  const MakeOperation our_mget = [&](int) {
    return [&](unsigned i) {
      std::vector<std::string> names;
      for (unsigned k = 0; k < 100; ++k) names.push_back(key_of(i + 17 * k));
      const std::vector<Key> batch(names.begin(), names.end());
      std::vector<Entry> entries(100);
      std::vector<cairn_status> statuses(100, CAIRN_MISS);
      redis->get_multi(batch, {entries.data(), statuses.data(), 100}, Call());
      if (statuses[99] != CAIRN_OK) std::abort();
    };
  };

  struct Row {
    const char* what;
    int threads;
    const MakeOperation& bare;
    const MakeOperation& ours;
  };
  const Row rows[] = {{"get", 1, bare_get, our_get},    {"set", 1, bare_set, our_set},
                      {"mget", 1, bare_mget, our_mget}, {"get", 2, bare_get, our_get},
                      {"get", 8, bare_get, our_get},    {"get", 32, bare_get, our_get}};
  struct Placement {
    const char* name;
    std::initializer_list<int> server, client;
  };
  const Placement placements[] = {
      {"free", {0, 1}, {0, 1}}, {"other core", {1}, {0}}, {"same core", {0}, {0}}};

  for (const Placement& placement : placements) {
    pin(server.process().pid(), placement.server);
    pin(0, placement.client);
    std::printf("server: %s\n%-6s %7s %12s %12s %7s %9s %9s %10s %10s\n", placement.name, "what",
                "threads", "hiredis/s", "cairn/s", "ratio", "cpu us", "cpu ratio", "p99 us bare",
                "p99 us");
    for (const Row& row : rows) {
      const std::string line =
          std::string(placement.name) + "/" + row.what + " " + std::to_string(row.threads);
      if (line.find(only) == std::string::npos) continue;
      std::vector<double> bare, ours, ratio, cpu, cpu_ratio, p99_bare, p99;
      for (int round = 0; round < rounds; ++round) {
        const Measured a = measure(row.threads, time, row.bare);
        const Measured b = measure(row.threads, time, row.ours);
        bare.push_back(a.per_second);
        ours.push_back(b.per_second);
        ratio.push_back(b.per_second / a.per_second);
        cpu.push_back(b.cpu_us);
        cpu_ratio.push_back(b.cpu_us / a.cpu_us);
        p99_bare.push_back(a.p99_us);
        p99.push_back(b.p99_us);
      }
      std::printf("%-6s %7d %12.0f %12.0f %7.2f %9.2f %9.2f %10.0f %10.0f\n", row.what, row.threads,
                  median(bare), median(ours), median(ratio), median(cpu), median(cpu_ratio),
                  median(p99_bare), median(p99));
      std::fflush(stdout);
    }
    if (!only.empty()) continue;
    std::printf("redis-benchmark get: %.0f/s with 1 connection, %.0f/s with 32\n",
                redis_benchmark(server.port(), 1), redis_benchmark(server.port(), 32));
    std::printf("dogpile.cache get:   %.0f/s with 1 thread, %.0f/s with 8\n\n",
                dogpile_cache(server.port(), 1), dogpile_cache(server.port(), 8));
    std::fflush(stdout);
  }
  pin(0, {0, 1});
  if (std::string("cluster").find(only) != std::string::npos) batch_over_cluster(rounds, time);
}
