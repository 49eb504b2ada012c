// Threads come and go, and use a region to the last: from the destructors of thread_local objects, and
// from those of pthread keys, which run in any order. Every hit is counted.

#include <cairn/cairn.hpp>

#include <pthread.h>

#include <atomic>
#include <cstdio>
#include <thread>
#include <vector>

using namespace cairn;

namespace {

Region* region = nullptr;
std::atomic<std::uint64_t> hits{0};
std::atomic<int> ends{0};

void hit() {
  if (region->get<Bytes>("k").has_value()) ++hits;
}

struct Last {
  ~Last() {
    hit();
    ++ends;
  }
};

void at_the_end(void*) {
  hit();
  ++ends;
}

}  // namespace

int main() {
  pthread_key_t before{}, after{};
  pthread_key_create(&before, &at_the_end);
  Host host(Config::from_text("[region.r]\nbackend = \"memory\"\nexpiration_time = \"1h\"\n"));
  pthread_key_create(&after, &at_the_end);
  region = &host.region("r");
  region->set("k", "value");
  constexpr int rounds = 20, at_once = 50;
  for (int round = 0; round < rounds; ++round) {
    std::vector<std::thread> threads;
    for (int t = 0; t < at_once; ++t) {
      threads.emplace_back([&] {
        thread_local Last last;
        static_cast<void>(last);
        pthread_setspecific(before, &host);
        pthread_setspecific(after, &host);
        for (int i = 0; i < 100; ++i) hit();
      });
    }
    for (std::thread& thread : threads) thread.join();
  }
  const std::uint64_t counted = region->statistics().hits;
  std::printf("%d ends, %llu hits, %llu counted\n", ends.load(),
              static_cast<unsigned long long>(hits.load()),
              static_cast<unsigned long long>(counted));
  if (ends != 3 * rounds * at_once) return 1;
  if (hits != std::uint64_t{103} * rounds * at_once) return 2;
  return counted == hits ? 0 : 3;
}
