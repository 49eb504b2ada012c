// Ten thousand histories of threads on a region, under every policy that changes who waits for
// whom.
#include "catch.hpp"
#include "history.hpp"

#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <thread>

using namespace std::chrono_literals;

namespace {

const Rules policies[] = {
    {.toml = ""},
    {.toml = "serve_stale = false\n", .no_stale = true},
    {.toml = "share_errors = true\nserve_stale = false\n", .no_stale = true},
    {.toml = "background = true\n", .stale_only_meanwhile = false},
    {.toml = "", .stale_only_meanwhile = false, .own_runner = true},
    {.toml = "stale_on_error = \"1h\"\n"},
    {.toml = "refresh_at = \"50%\"\njitter = \"20%\"\n"},
    {.toml = "lock_wait = \"1ms\"\non_lock_timeout = \"error\"\nserve_stale = false\n",
     .no_stale = true},
    {.toml = "lock_wait = \"1ms\"\non_lock_timeout = \"create\"\n", .one_creator = false},
};

std::uint64_t number_from(const char* variable, std::uint64_t otherwise) {
  const char* text = std::getenv(variable);
  return text != nullptr ? std::strtoull(text, nullptr, 10) : otherwise;
}

// Ends the process with the seed if a history does not end.
class Watchdog {
 public:
  Watchdog() : thread_([this] { watch(); }) {}
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;
  ~Watchdog() {
    {
      const std::lock_guard lock(mutex_);
      over_ = true;
    }
    changed_.notify_all();
    thread_.join();
  }
  void begin(std::uint64_t seed) { seed_ = seed; }

 private:
  void watch() {
    std::unique_lock lock(mutex_);
    std::uint64_t last = 0;
    while (!changed_.wait_for(lock, 60s, [this] { return over_; })) {
      if (seed_ == last) {
        std::fprintf(stderr, "CAIRN_SEED=%llu CAIRN_HISTORIES=1 does not end\n",
                     static_cast<unsigned long long>(last));
        std::abort();
      }
      last = seed_;
    }
  }

  std::atomic<std::uint64_t> seed_{0};
  std::mutex mutex_;
  std::condition_variable changed_;
  bool over_ = false;
  std::thread thread_;
};

}  // namespace

TEST_CASE("whatever threads do, rules hold and everybody gets an answer", "[histories]") {
  const std::uint64_t count = number_from("CAIRN_HISTORIES", 10'000);
  const std::uint64_t first = number_from("CAIRN_SEED", std::random_device()());
  std::cout << count << " histories from CAIRN_SEED=" << first << std::endl;
  std::vector<std::unique_ptr<TestHost>> hosts;
  for (const Rules& rules : policies) {
    hosts.push_back(std::make_unique<TestHost>(
        "[region.r]\nbackend = \"memory\"\nexpiration_time = \"10s\"\n" + std::string(rules.toml)));
  }
  Watchdog watchdog;
  std::uint64_t failed = 0;
  for (std::uint64_t seed = first; seed < first + count; ++seed) {
    watchdog.begin(seed);
    const std::size_t policy = seed % std::size(policies);
    History history(*hosts[policy], policies[policy], std::to_string(seed) + ":", seed);
    history.run();
    if (!history.failure().empty()) {
      ++failed;
      UNSCOPED_INFO("CAIRN_SEED=" << seed << " CAIRN_HISTORIES=1, " << policies[policy].toml << ": "
                                  << history.failure());
    }
    if (failed > 10) break;
  }
  CHECK(failed == 0);
  // They did what they were made for.
  if (count >= 1'000) {
    cairn::RegionStatistics all;
    for (const auto& host : hosts) {
      const cairn::RegionStatistics one = host->region().statistics();
      all.creations += one.creations;
      all.creation_errors += one.creation_errors;
      all.waits += one.waits;
      all.stale_served += one.stale_served;
      all.invalidated += one.invalidated;
    }
    CHECK(all.creations > count);
    CHECK(all.creation_errors > count / 10);
    CHECK(all.waits > 0);
    CHECK(all.stale_served > 0);
    CHECK(all.invalidated > count / 10);
  }
}
