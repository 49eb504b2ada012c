// Keys whose background creators failed, when that is all of them.
#include "region/failed_keys.hpp"

#include "catch.hpp"

#include <chrono>
#include <ctime>
#include <string>

using namespace cairn::hosting;

namespace {

// Of this thread, whoever else is at work.
double processor_seconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

}  // namespace

TEST_CASE("a key is left alone for longer with each failure, until it succeeds", "[failed keys]") {
  FailedKeys keys;
  CHECK_FALSE(keys.pausing("k"));
  CHECK(keys.failed("k") == FailedKeys::shortest);
  CHECK(keys.failed("k") == 2 * FailedKeys::shortest);
  CHECK(keys.pausing("k"));
  CHECK_FALSE(keys.pausing("other"));
  for (int i = 0; i < 10; ++i) keys.failed("k");
  CHECK(keys.failed("k") == FailedKeys::longest);
  keys.succeeded("k");
  CHECK_FALSE(keys.pausing("k"));
  CHECK(keys.failed("k") == FailedKeys::shortest);
}

TEST_CASE("the ten thousand after forty thousand failures cost what the first did",
          "[failed keys]") {
  FailedKeys keys;
  int next = 0;
  const auto fail = [&](int count) {
    const double begin = processor_seconds();
    for (int i = 0; i < count; ++i) keys.failed("key " + std::to_string(next++));
    return processor_seconds() - begin;
  };
  const double first = fail(9'000);
  fail(31'000);
  CHECK(fail(9'000) < 50 * first);
  CHECK(keys.pausing("key 48999"));
}
