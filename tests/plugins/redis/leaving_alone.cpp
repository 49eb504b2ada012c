// How long a server is left alone, and who may try it.

#include "../../../plugins/redis/breaker.hpp"
#include "catch.hpp"

using namespace std::chrono_literals;
using cairn::redis::Breaker;
using Pass = cairn::redis::Breaker::Pass;

// Pauses vary by a fifth: 100 ms are over after 120 and not before 80.

TEST_CASE("one caller tries a server that was left alone, and each failure doubles the pause",
          "[redis]") {
  Breaker breaker(100ms, 1s);
  auto now = Breaker::Clock::now();
  CHECK(breaker.ask(now) == Pass::free);
  for (const auto pause : {100ms, 200ms, 400ms, 800ms, 1000ms, 1000ms}) {
    breaker.failed(now, "it is ill");
    CHECK(breaker.ask(now + pause * 7 / 10) == Pass::refused);
    now += pause * 13 / 10;
    CHECK(breaker.ask(now) == Pass::probe);
    CHECK(breaker.ask(now) == Pass::refused);
  }
  breaker.succeeded();
  CHECK(breaker.ask(now) == Pass::free);
}

TEST_CASE("a try without a verdict is another's, and a verdict that comes after it counts",
          "[redis]") {
  Breaker breaker(100ms, 1s);
  const auto begin = Breaker::Clock::now();
  breaker.failed(begin, "it is ill");
  CHECK(breaker.ask(begin + 130ms) == Pass::probe);
  breaker.probe_abandoned();
  CHECK(breaker.ask(begin + 140ms) == Pass::probe);
  breaker.probe_abandoned();
  breaker.failed(begin + 150ms, "no answer in half of the time");
  CHECK(breaker.ask(begin + 290ms) == Pass::refused);
  CHECK(breaker.ask(begin + 410ms) == Pass::probe);
  CHECK(breaker.times_opened() == 2);
}

TEST_CASE("failures of other connections while a server is left alone change nothing", "[redis]") {
  Breaker breaker(100ms, 1s);
  const auto begin = Breaker::Clock::now();
  breaker.failed(begin, "the first");
  for (int i = 1; i < 70; ++i) breaker.failed(begin + std::chrono::milliseconds(i), "another");
  CHECK(breaker.times_opened() == 1);
  CHECK(breaker.ask(begin + 130ms) == Pass::probe);
}
