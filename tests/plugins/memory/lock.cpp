// The lock of a shard, alone: with membarrier(2), as it is where that is missing, and where it comes to be
// refused.

#include "../../../plugins/memory/lock.hpp"

#include "catch.hpp"
#include "meanwhile.hpp"
#include "refuse_membarrier.hpp"
#include "sandboxed_child.hpp"

#include <unistd.h>

#include <atomic>
#include <fstream>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

using namespace cairn::memory;

namespace {

constexpr int threads = 4, rounds = 50'000;

// How often one was inside while another was.
int contend() {
  Lock lock;
  int count = 0;  // no atomic: a race shows under ThreadSanitizer, and as a lost addition
  std::vector<std::thread> all;
  for (int t = 0; t < threads; ++t) {
    all.emplace_back([&] {
      for (int i = 0; i < rounds; ++i) {
        const std::lock_guard inside(lock);
        ++count;
      }
    });
  }
  for (std::thread& one : all) one.join();
  return threads * rounds - count;
}

bool sleeps(pid_t thread) {
  std::ifstream file("/proc/self/task/" + std::to_string(thread) + "/stat");
  std::string stat;
  std::getline(file, stat);
  const std::size_t name_ends = stat.rfind(')');
  return name_ends != std::string::npos && stat.size() > name_ends + 2 &&
         stat[name_ends + 2] == 'S';
}

// Holds the lock until all others sleep, gives it back, and waits for them: for ever, if one is not woken.
void have_them_sleep() {
  Lock lock;
  lock.lock();
  std::atomic<pid_t> ids[threads] = {};
  std::vector<std::thread> all;
  for (std::atomic<pid_t>& id : ids) {
    all.emplace_back([&lock, &id] {
      id = gettid();
      const std::lock_guard inside(lock);
    });
  }
  for (std::atomic<pid_t>& id : ids) {
    while (id == 0 || !sleeps(id)) std::this_thread::yield();
  }
  lock.unlock();
  for (std::thread& one : all) one.join();
}

}  // namespace

TEST_CASE("one thread at a time has a lock, and who sleeps is woken", "[memory]") {
  SECTION("with a full fence when it is given back") {
    CHECK_FALSE(Fences::asymmetric());
  }
  SECTION("with membarrier, where there is one") {
    Fences::prepare();
  }
  CHECK(contend() == 0);
  for (int i = 0; i < 100; ++i) have_them_sleep();
}

TEST_CASE("who goes to sleep has everybody's stores land first", "[memory]") {
  Fences::prepare();
  if (!Fences::asymmetric()) return;
  Lock lock;
  lock.lock();
  const std::uint64_t moment = Fences::moment();
  std::thread sleeper([&] { const std::lock_guard inside(lock); });
  CHECK(eventually([&] { return Fences::passed(moment); }));
  lock.unlock();
  sleeper.join();
}

TEST_CASE("a lock works on when membarrier comes to be refused", "[memory]") {
  check_in_child([] {
    Fences::prepare();
    const bool asymmetric = Fences::asymmetric();
    if (!asymmetric || !refuse_membarrier()) return no_sandbox;
    have_them_sleep();
    if (Fences::asymmetric()) return 2;
    return contend() == 0 ? 0 : 3;
  });
}
