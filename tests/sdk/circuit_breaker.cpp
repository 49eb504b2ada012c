#include "catch.hpp"

#include <cairn/support/circuit_breaker.hpp>

#include <atomic>
#include <thread>
#include <vector>

using namespace cairn;
using namespace std::chrono_literals;

namespace {

const CircuitBreaker::Clock::time_point start{1000s};

void open(CircuitBreaker& breaker) {
  for (int i = 0; i < 3; ++i) breaker.failed(breaker.admit(start), start);
}

}  // namespace

TEST_CASE("a breaker opens after so many failures in a row, and says so once", "[breaker]") {
  CircuitBreaker breaker;
  CHECK_FALSE(breaker.failed(breaker.admit(start), start));
  CHECK_FALSE(breaker.failed(breaker.admit(start), start));
  CHECK(breaker.is_closed());
  CHECK(breaker.failed(breaker.admit(start), start));
  CHECK_FALSE(breaker.is_closed());
  CHECK(breaker.admit(start + 999ms) == CircuitBreaker::refused);
}

TEST_CASE("a success between failures starts the count again", "[breaker]") {
  CircuitBreaker breaker;
  for (int i = 0; i < 10; ++i) {
    breaker.failed(breaker.admit(start), start);
    breaker.failed(breaker.admit(start), start);
    CHECK_FALSE(breaker.succeeded());
  }
  CHECK(breaker.is_closed());
}

TEST_CASE("after the pause exactly one of many threads is the probe", "[breaker]") {
  CircuitBreaker breaker;
  open(breaker);
  std::atomic<int> probes{0}, others{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      for (int j = 0; j < 100; ++j) {
        (breaker.admit(start + 1s) == CircuitBreaker::probe ? probes : others)++;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(probes == 1);
  CHECK(others == 799);
}

TEST_CASE("a failed probe doubles the pause, up to the longest", "[breaker]") {
  CircuitBreaker breaker({.failures = 3, .first_pause = 1s, .longest_pause = 4s});
  open(breaker);
  auto now = start;
  for (const auto pause : {1s, 2s, 4s, 4s, 4s}) {
    CHECK(breaker.admit(now + pause - 1ns) == CircuitBreaker::refused);
    now += pause;
    REQUIRE(breaker.admit(now) == CircuitBreaker::probe);
    breaker.failed(CircuitBreaker::probe, now);
  }
}

TEST_CASE("a successful probe closes the breaker and forgets the long pauses", "[breaker]") {
  CircuitBreaker breaker;
  open(breaker);
  breaker.failed(breaker.admit(start + 1s), start + 1s);
  REQUIRE(breaker.admit(start + 3s) == CircuitBreaker::probe);
  CHECK(breaker.succeeded());
  CHECK(breaker.admit(start + 3s) == CircuitBreaker::admitted);
  open(breaker);
  CHECK(breaker.admit(start + 1s) == CircuitBreaker::probe);
}

TEST_CASE("calls that were under way when it opened do not lengthen the pause", "[breaker]") {
  CircuitBreaker breaker;
  open(breaker);
  for (int i = 0; i < 100; ++i) breaker.failed(CircuitBreaker::admitted, start + 500ms);
  CHECK(breaker.admit(start + 1s) == CircuitBreaker::probe);
}

TEST_CASE("a probe that never reports is replaced after another pause", "[breaker]") {
  CircuitBreaker breaker;
  open(breaker);
  REQUIRE(breaker.admit(start + 1s) == CircuitBreaker::probe);
  CHECK(breaker.admit(start + 1500ms) == CircuitBreaker::refused);
  CHECK(breaker.admit(start + 2s) == CircuitBreaker::probe);
}
