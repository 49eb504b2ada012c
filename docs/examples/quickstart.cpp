// An ordinary program that caches what is slow to make. What the cache is made of is in the TOML
// file beside it, not here.
//
//     quickstart [FILE.toml]
#include <cairn/cairn.hpp>
#include <cairn/host/explain.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <exception>
#include <future>
#include <memory>
#include <optional>
#include <semaphore>
#include <string>
#include <thread>
#include <vector>

using namespace std::chrono_literals;
using Steady = std::chrono::steady_clock;

namespace {

double microseconds(Steady::duration time) {
  return std::chrono::duration<double, std::micro>(time).count();
}

// 200 threads ask for a key that nobody has made yet.
void stampede(cairn::Region& greetings) {
  std::atomic<int> creator_calls = 0;
  std::atomic<Steady::time_point> made = Steady::now();
  std::vector<double> latencies(200);
  {
    std::vector<std::jthread> threads;
    for (double& latency : latencies) {
      threads.emplace_back([&] {
        // [get_or_create]
        const std::string greeting = greetings.get_or_create("hello", [&] {
          std::this_thread::sleep_for(50ms);  // a slow query
          ++creator_calls;
          made = Steady::now();
          return std::string("Hello, world");
        });
        // [/get_or_create]
        latency = microseconds(Steady::now() - made.load());
      });
    }
  }
  std::sort(latencies.begin(), latencies.end());
  std::printf("cold: 200 threads asked for one key; creator calls: %d\n", creator_calls.load());
  std::printf("      once it was made, they had it after %.0f us (median), %.0f us (the last)\n",
              latencies[100], latencies[199]);
}

// A thousand reads, because one alone is over before a clock can tell.
void hit(cairn::Region& greetings) {
  std::optional<std::string> greeting;
  const Steady::time_point start = Steady::now();
  for (int i = 0; i < 1000; ++i) greeting = greetings.get<std::string>("hello");
  const Steady::duration time = (Steady::now() - start) / 1000;
  std::printf("hit:  %s, in %.2f us\n", greeting ? greeting->c_str() : "no, it is not there",
              microseconds(time));
}

// The greeting is old now: one caller makes a new one, and nobody else waits for it.
void expiry(cairn::Region& greetings) {
  std::counting_semaphore<2> begun(0);
  std::promise<void> answered;
  std::jthread one_caller([&] {
    greetings.get_or_create("hello", [&] {
      begun.release();
      answered.get_future().wait_for(1s);  // it takes that long, or until the other has its answer
      return std::string("Hello, new world");
    });
    begun.release();  // also where the file says that it is not old yet
  });
  begun.acquire();
  const std::string meanwhile =
      greetings.get_or_create("hello", [] { return std::string("made a second time"); });
  answered.set_value();
  one_caller.join();
  const std::string afterwards =
      greetings.get_or_create("hello", [] { return std::string("made a second time"); });
  std::printf("old:  while one caller recreates, another gets: %s\n", meanwhile.c_str());
  std::printf("      and then: %s\n", afterwards.c_str());
}

void invalidation(cairn::Region& greetings) {
  greetings.invalidate();
  std::printf("gone: after invalidate() it is %s\n",
              greetings.get<std::string>("hello") ? "still there" : "a miss");
}

}  // namespace

int main(int argc, char** argv) try {
  // A clock of our own, because nobody wants to wait an hour for a value to expire. Without it the
  // host asks the system's.
  const auto clock = std::make_shared<cairn::ManualClock>();
  const cairn::HostOptions options{.clock = clock};

  cairn::Host host(cairn::Config::from_file(argc > 1 ? argv[1] : "quickstart.toml"), options);
  cairn::Region& greetings = host.region("greetings");

  stampede(greetings);
  hit(greetings);
  clock->advance(2h);
  expiry(greetings);
  clock->advance(1s);
  invalidation(greetings);
  std::printf("\n%s", cairn::explain(host, "greetings").c_str());
  return 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
