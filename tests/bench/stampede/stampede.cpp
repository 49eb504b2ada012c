// What compare.py compares: one line of JSON with what a stampede costs here.
#include <cairn/cairn.hpp>

#include <linux/futex.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <string>
#include <thread>
#include <vector>

using namespace std::chrono_literals;
using Steady = std::chrono::steady_clock;

namespace {

// Who waits at it sleeps. std::barrier spins and yields first, which with a thousand threads on a few
// cores is most of what one would measure.
class Barrier {
 public:
  explicit Barrier(int threads) {
    pthread_barrier_init(&barrier_, nullptr, static_cast<unsigned>(threads));
  }
  Barrier(const Barrier&) = delete;
  Barrier& operator=(const Barrier&) = delete;
  ~Barrier() { pthread_barrier_destroy(&barrier_); }
  void wait() { pthread_barrier_wait(&barrier_); }

 private:
  pthread_barrier_t barrier_;
};

struct Outcome {
  int creator_calls;
  double last_back_ms;  // from the value being ready to the last caller having it
};

Outcome stampede(cairn::Region& region, const std::string& key, int callers) {
  std::atomic<int> calls = 0;
  std::atomic<Steady::time_point> ready{};
  std::vector<Steady::time_point> back(static_cast<std::size_t>(callers));
  Barrier start(callers);
  Barrier stop(callers);  // so that no thread's end is counted as another's wait
  {
    std::vector<std::jthread> threads;
    for (auto& end : back) {
      threads.emplace_back([&] {
        start.wait();
        region.get_or_create(key, [&] {
          ++calls;
          std::this_thread::sleep_for(50ms);
          ready = Steady::now();
          return 1;
        });
        end = Steady::now();
        stop.wait();
      });
    }
  }
  const auto last = *std::max_element(back.begin(), back.end());
  return {calls, std::chrono::duration<double, std::milli>(last - ready.load()).count()};
}

// What the kernel alone takes to wake as many threads: nobody can be back sooner.
double bare_wake_ms(int sleepers) {
  std::atomic<std::uint32_t> word = 0;
  std::atomic<int> asleep = 0;
  std::vector<Steady::time_point> back(static_cast<std::size_t>(sleepers));
  Barrier stop(sleepers + 1);
  std::vector<std::jthread> threads;
  for (auto& end : back) {
    threads.emplace_back([&] {
      ++asleep;
      while (word == 0) syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 0, nullptr);
      end = Steady::now();
      stop.wait();
    });
  }
  while (asleep != sleepers) std::this_thread::sleep_for(1ms);
  std::this_thread::sleep_for(50ms);
  const auto ready = Steady::now();
  word = 1;
  syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, sleepers);
  stop.wait();
  const auto last = *std::max_element(back.begin(), back.end());
  return std::chrono::duration<double, std::milli>(last - ready).count();
}

// Callers of the same twenty cold keys.
int batch_creator_calls(cairn::Region& region, const std::string& name) {
  std::vector<std::string> keys;
  for (int i = 0; i < 20; ++i) keys.push_back(name + std::to_string(i));
  std::atomic<int> calls = 0;
  Barrier start(3);
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 3; ++i) {
      threads.emplace_back([&] {
        start.wait();
        region.get_or_create_multi(keys, [&](auto names) {
          ++calls;
          std::this_thread::sleep_for(50ms);
          return std::vector<int>(names.size());
        });
      });
    }
  }
  return calls;
}

double hit_ns(cairn::Region& region) {
  region.set("hit", 1);
  constexpr int count = 1'000'000;
  long sum = 0;
  const auto since = Steady::now();
  for (int i = 0; i < count; ++i) sum += region.get_or_create("hit", [] { return 2; });
  const std::chrono::duration<double, std::nano> took = Steady::now() - since;
  return sum == count ? took.count() / count : -1;
}

}  // namespace

int main(int argc, char** argv) {
  cairn::Host host(
      cairn::Config::from_text("[region.r]\nbackend = \"memory\"\nexpiration_time = \"1h\"\n"));
  cairn::Region& region = host.region("r");
  const std::string name = argc > 1 ? argv[1] : "";
  const Outcome few = stampede(region, name + "few", 50);
  const Outcome many = stampede(region, name + "many", 1000);
  std::printf(
      "{\"calls_50\": %d, \"last_back_50_ms\": %.3f, \"calls_1000\": %d, \"last_back_1000_ms\": "
      "%.3f, \"bare_wake_1000_ms\": %.3f, \"batch_calls\": %d, \"hit_ns\": %.1f}\n",
      few.creator_calls, few.last_back_ms, many.creator_calls, many.last_back_ms,
      bare_wake_ms(1000), batch_creator_calls(region, name + "batch"), hit_ns(region));
}
