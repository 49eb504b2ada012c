// How a region's make-up is held by calls and replaced under them, and how hits are counted: what each
// thread does on a line of its own. `region-without-membarrier` runs this with full fences.
#include "catch.hpp"
#include "refuse_membarrier.hpp"
#include "region/counters.hpp"
#include "region/pin.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <barrier>
#include <cstdlib>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

using namespace cairn::hosting;
using namespace std::chrono_literals;

namespace {

struct Item {
  static constexpr std::uint64_t intact = 0x600d600d600d600d;
  ~Item() { mark = 0; }
  std::atomic<std::uint64_t> mark = intact;
};
using Pin = Pinned<Item>::Pin;

bool is_intact(const Pin& pin) {
  return pin->mark.load(std::memory_order_relaxed) == Item::intact;
}

}  // namespace

TEST_CASE("readers execute no fence where the kernel has one for all of them", "[region]") {
#if defined(__SANITIZE_THREAD__)
  CHECK_FALSE(Fences::asymmetric());
#else
  CHECK(Fences::asymmetric() == (std::getenv("CAIRN_WITHOUT_MEMBARRIER") == nullptr));
#endif
}

TEST_CASE("what was replaced goes only when no thread uses it", "[region]") {
  auto item = std::make_unique<const Item>();
  Pinned<Item> current(item.get());
  std::atomic<bool> stop{false};
  std::atomic<std::uint64_t> broken{0}, calls{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      while (!stop) {
        const Pin outer = current.pin();
        broken += !is_intact(outer);
        {
          const Pin inner = current.pin();
          broken += !is_intact(inner);
        }
        broken += !is_intact(outer);
        ++calls;
      }
    });
  }
  int kept = 0;
  for (int i = 0; i < 300 || calls < 2000; ++i) {
    auto next = std::make_unique<const Item>();
    if (!current.replace(next.get(), 60s)) ++kept;
    item = std::move(next);  // the old one is destroyed
  }
  stop = true;
  for (std::thread& thread : threads) thread.join();
  CHECK(broken == 0);
  CHECK(kept == 0);
}

TEST_CASE("of calls within calls each holds what it began with", "[region]") {
  constexpr std::size_t depth = 20;  // more than a thread's line has room for
  std::vector<Item> items(depth + 1);
  Pinned<Item> current(&items[0]);
  std::vector<std::unique_ptr<Pin>> pins;
  std::vector<bool> replaced;
  for (std::size_t i = 0; i < depth; ++i) {
    pins.push_back(std::unique_ptr<Pin>(new Pin(current.pin())));
    std::thread([&] { replaced.push_back(current.replace(&items[i + 1], 0ms)); }).join();
  }
  CHECK(std::none_of(replaced.begin(), replaced.end(), [](bool unused) { return unused; }));
  for (std::size_t i = 0; i < depth; ++i) CHECK(&**pins[i] == &items[i]);
  while (!pins.empty()) {
    const Item* held = &**pins.back();
    CHECK(ThreadLine::holder_of(held) == ThreadLine::Holder::this_thread);
    pins.pop_back();
    CHECK(ThreadLine::holder_of(held) == ThreadLine::Holder::nobody);
  }
}

TEST_CASE("who replaces from inside a call does not wait for itself", "[region]") {
  Item first, second, third;
  Pinned<Item> current(&first);
  {
    const Pin pin = current.pin();
    CHECK_FALSE(current.replace(&second, 24h));
    CHECK(&*pin == &first);
  }
  CHECK(current.replace(&third, 24h));
}

TEST_CASE("a call that ends on another thread than it began on is waited for", "[region]") {
  Item first, second;
  Pinned<Item> current(&first);
  std::unique_ptr<Pin> pin;
  std::thread([&] { pin = std::unique_ptr<Pin>(new Pin(current.pin())); }).join();
  // The line is another thread's by now.
  std::thread([&] { CHECK(is_intact(current.pin())); }).join();
  CHECK_FALSE(current.replace(&second, 0ms));
  CHECK(ThreadLine::holder_of(&first) == ThreadLine::Holder::another);
  pin = nullptr;
  CHECK(ThreadLine::holder_of(&first) == ThreadLine::Holder::nobody);
}

TEST_CASE("a thread's line serves the next thread when it has ended", "[region]") {
  unsigned highest = 0;
  for (int i = 0; i < 50; ++i) {
    std::thread([&] { highest = std::max(highest, ThreadLine::mine().number()); }).join();
  }
  CHECK(highest < 20);
}

TEST_CASE("where the kernel comes to refuse the fence, what was replaced is kept", "[region]") {
  Item first, second;
  Pinned<Item> current(&first);
  const bool had_it = Fences::asymmetric();
  const pid_t child = fork();
  if (child == 0) {
    if (!refuse_membarrier()) _exit(2);
    _exit(current.replace(&second, 1s) ? 1 : 0);
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  REQUIRE(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == (had_it ? 0 : 1));
}

TEST_CASE("reads are counted to the last, by any number of threads", "[region]") {
  constexpr int many = 100;  // more than have a stripe of their own
  Outcomes outcomes;
  std::atomic<unsigned> highest{0};
  for (int round = 1; round <= 2; ++round) {
    std::barrier together(many);
    std::vector<std::thread> threads;
    for (int t = 0; t < many; ++t) {
      threads.emplace_back([&] {
        const unsigned number = ThreadLine::mine().number();
        for (unsigned seen = highest; seen < number;) highest.compare_exchange_weak(seen, number);
        together.arrive_and_wait();
        for (int i = 0; i < 1000; ++i) outcomes.add(Reason::none);
        outcomes.add(Reason::expired, 7);
        together.arrive_and_wait();
      });
    }
    for (std::thread& thread : threads) thread.join();
    const auto rounds = static_cast<std::uint64_t>(round);
    CHECK(outcomes.of(Reason::none) == rounds * many * 1000);
    CHECK(outcomes.of(Reason::expired) == rounds * many * 7);
    CHECK(outcomes.of(Reason::absent) == 0);
  }
  CHECK(highest >= many - 1);
}
