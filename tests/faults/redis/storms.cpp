// Many threads, all operations at once, on a server that is killed, frozen, emptied and started again meanwhile.

#include "bare_redis.hpp"
#include "batch.hpp"
#include "catch.hpp"
#include "component_under_test.hpp"
#include "failure_of.hpp"
#include "load.hpp"
#include "private_server.hpp"
#include "scripted_redis.hpp"

#include <malloc.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <random>

using namespace cairn;
using namespace std::chrono_literals;

namespace {

using Clock = std::chrono::steady_clock;

std::size_t open_descriptors() {
  const std::filesystem::directory_iterator all("/proc/self/fd");
  return static_cast<std::size_t>(std::distance(begin(all), end(all)));
}

// A value that says whose it is: the key, some number, and some filling.
std::string value_of(const std::string& key, unsigned number) {
  return key + "=" + std::to_string(number) + std::string(number % 3 == 0 ? 20'000 : 3, '.');
}
bool is_of(const std::string& key, std::string_view value) {
  return value.starts_with(key + "=") && value.ends_with("...");
}

// Threads that do everything that can be done, until it is over.
class Storm {
 public:
  Storm(ComponentUnderTest& store, unsigned threads, std::chrono::nanoseconds timeout)
      : store_(store), timeout_(timeout) {
    for (unsigned t = 0; t < threads; ++t) workers_.emplace_back([this, t] { rage(t); });
  }
  ~Storm() { end(); }
  void end() {
    over_ = true;
    for (std::thread& worker : workers_) {
      if (worker.joinable()) worker.join();
    }
  }

  std::atomic<long long> good{0}, failed{0}, wrong{0}, odd_codes{0}, late{0}, longest_ms{0};

 private:
  void rage(unsigned seed) {
    std::mt19937 random(seed);
    while (!over_) {
      const bool hurried = random() % 8 == 0;
      const auto time = hurried ? std::chrono::microseconds(random() % 3000 + 1) : 0us;
      const auto begin = Clock::now();
      const Failure failure = failure_of([&](Call call) { once(random, call); }, time);
      const auto took = Clock::now() - begin;
      ++(failure.code ? failed : good);
      if (failure.code && failure.code != Errc::unavailable && failure.code != Errc::timeout) {
        ++odd_codes;
      }
      // Each of up to three commands has the timeout, and a loaded machine wakes threads late.
      if (took > 3 * timeout_ + 5s) ++late;
      const long long ms = took / 1ms;
      for (auto seen = longest_ms.load(); ms > seen;) {
        if (longest_ms.compare_exchange_weak(seen, ms)) break;
      }
      if (failure.code) std::this_thread::sleep_for(200us);
    }
  }

  void once(std::mt19937& random, Call call) {
    const auto key_at = [&](unsigned i) { return "k" + std::to_string(i % 50); };
    const unsigned first = random();
    const std::string key = key_at(first);
    switch (random() % 6) {
      case 0: store_->set(key, Entry::copy(value_of(key, first)), {}, call); break;
      case 1: store_->remove(key, call); break;
      case 2: {
        Batch batch({key, key_at(first + 1), key, key_at(first + 7)});
        store_->get_multi(batch.keys, batch.results(), call);
        for (std::size_t i = 0; i < batch.keys.size(); ++i) {
          if (batch.statuses[i] != CAIRN_OK) continue;
          if (!is_of(batch.texts_[i], batch.entries[i].bytes())) ++wrong;
        }
        break;
      }
      case 3: {
        Batch batch({key, key_at(first + 3)});
        batch.statuses.assign(2, CAIRN_OK);
        const std::vector<Entry> values{Entry::copy(value_of(batch.texts_[0], first)),
                                        Entry::copy(value_of(batch.texts_[1], first))};
        store_->set_multi(batch.keys, values, {}, batch.answers(), call);
        break;
      }
      case 4: {
        const auto token = store_->lock(key, 100ms, call);
        if (token) store_->unlock(key, *token, call);
        if (!token) store_->await_unlock(key, std::chrono::milliseconds(first % 20), call);
        break;
      }
      default: {
        const OptionalEntry found = store_->get(key, call);
        if (found && !is_of(key, found->bytes())) ++wrong;
      }
    }
  }

  ComponentUnderTest& store_;
  const std::chrono::nanoseconds timeout_;
  std::atomic<bool> over_{false};
  std::vector<std::thread> workers_;
};

}  // namespace

TEST_CASE("whatever happens to the server, nobody gets another's value or waits beyond the bounds",
          "[redis][fault]") {
  PrivateRedis server;
  ComponentUnderTest redis("redis", impatient_at(server.url()));
  redis->set("k", Entry::copy("v"), {}, Call());
  const std::size_t before = open_descriptors();
  std::mt19937 random(20261126);
  {
    Storm storm(redis, 32, 150ms);
    for (int i = 0; i < 12; ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(random() % 60));
      switch (random() % 4) {
        case 0:
          server.process().kill();
          std::this_thread::sleep_for(std::chrono::milliseconds(random() % 60));
          server.process().start();
          break;
        case 1: server.process().restart(); break;
        case 2:
          server.process().freeze();
          std::this_thread::sleep_for(std::chrono::milliseconds(random() % 300));
          server.process().resume();
          break;
        default: BareRedis(server.port())({"CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"});
      }
      if (i % 3 == 0) BareRedis(server.port())({"FLUSHALL"});
    }
    storm.end();
    WARN(storm.good << " good, " << storm.failed << " failed, the longest " << storm.longest_ms
                    << " ms");
    CHECK(storm.wrong == 0);
    CHECK(storm.odd_codes == 0);
    CHECK(storm.late == 0);
    CHECK(storm.good > 100);
  }
  CHECK(eventually([&] {
    return !failure_of([&](Call call) { redis->set("k", Entry::copy("w"), {}, call); }).code;
  }));
  CHECK(comes_to_answer(redis, "k", "w"));
  // Both connections, and that to hear of unlocks, with their bells.
  CHECK(open_descriptors() <= before + 4);
}

TEST_CASE("small values behind large ones arrive, and are themselves", "[redis][fault]") {
  PrivateRedis server;
  ComponentUnderTest redis("redis", {{"url", server.url()}, {"timeout", "60s"}});
  std::vector<std::thread> threads;
  std::atomic<int> wrong{0};
  for (int t = 0; t < 16; ++t) {
    threads.emplace_back([&, t] {
      const std::string key = "t" + std::to_string(t);
      const std::size_t size = t % 4 == 0 ? 8'000'000 : t % 4 == 1 ? 100'000 : 10;
      for (int i = 0; i < 6; ++i) {
        std::string value = key + "=" + std::to_string(i);
        value.resize(value.size() + size, static_cast<char>('a' + t));
        redis->set(key, Entry::borrow(value), {}, Call());
        const OptionalEntry found = redis->get(key, Call());
        if (!found || found->bytes() != value) ++wrong;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(wrong == 0);
  CHECK(statistic(redis, "connections_lost") == 0);
  CHECK(statistic(redis, "breaker_opened") == 0);
}

TEST_CASE("children of forks in the middle of calls have connections of their own",
          "[redis][fault]") {
  PrivateRedis server;
  ComponentUnderTest redis("redis", {{"url", server.url()}, {"timeout", "10s"}});
  Storm storm(redis, 8, 10s);
  int good = 0;
  for (int i = 0; i < 20; ++i) {
    const pid_t child = fork();
    if (child == 0) {
      alarm(60);
      redis.after_fork();
      const std::string key = "child" + std::to_string(i);
      bool right = true;
      for (int n = 0; n < 20; ++n) {
        redis->set(key, Entry::borrow(key), {}, Call());
        right = right && redis->get(key, Call())->bytes() == key;
      }
      _exit(right ? 0 : 1);
    }
    int status = -1;
    waitpid(child, &status, 0);
    good += WIFEXITED(status) && WEXITSTATUS(status) == 0;
  }
  storm.end();
  CHECK(good == 20);
  CHECK(storm.wrong == 0);
  CHECK(storm.odd_codes == 0);
  CHECK(statistic(redis, "connections_lost") == 0);
}

TEST_CASE("what has been sent is let go, also while there is always something left to send",
          "[redis][fault]") {
  ScriptedRedis server(
      [](const ScriptedRedis::Words&) -> ScriptedRedis::Answer { return {"+OK\r\n"}; });
  ComponentUnderTest redis("redis", {{"url", server.url()}, {"max_connections", "1"}});
  const std::string value(1 << 20, 'x');
  constexpr int writers = 32;
  constexpr int times = 40;
  std::atomic<int> left{writers};
  std::vector<std::thread> threads;
  for (int t = 0; t < writers; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < times; ++i) {
        redis->set("t" + std::to_string(t), Entry::borrow(value), {}, Call());
      }
      --left;
    });
  }
  std::size_t most = 0;
  while (left > 0) {
    most = std::max(most, mallinfo2().hblkhd);  // in blocks as large as these
    std::this_thread::sleep_for(1ms);
  }
  for (std::thread& thread : threads) thread.join();
  WARN(most / (1 << 20) << " MiB for " << writers << " values of 1 MiB at once, "
                        << server.connections() << " connections");
  CHECK(most < std::size_t{writers} * times * value.size() / 4);
}
