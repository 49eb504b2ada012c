#include "catch.hpp"
#include "component_under_test.hpp"
#include "temporary_folder.hpp"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <thread>

using namespace cairn;
using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

TEST_CASE("one holder at a time, and only the holder's token frees or renews", "[lmdb]") {
  TemporaryFolder folder;
  ComponentUnderTest lmdb("lmdb", {{"path", folder.path()}});
  const auto token = lmdb->lock("k", 30s, Call());
  REQUIRE(token.has_value());
  CHECK(*token != 0);
  CHECK_FALSE(lmdb->lock("k", 30s, Call()).has_value());
  CHECK(lmdb->lock("another", 30s, Call()).has_value());
  CHECK_FALSE(lmdb->unlock("k", *token + 1, Call()));
  CHECK_FALSE(lmdb->renew("k", *token + 1, 30s, Call()));
  CHECK_FALSE(lmdb->await_unlock("k", 0ns, Call()));

  bool released = false;
  std::thread([&] { released = lmdb->unlock("k", *token, Call()); }).join();
  CHECK(released);
  CHECK(lmdb->await_unlock("k", 0ns, Call()));
  CHECK_FALSE(lmdb->unlock("k", *token, Call()));
}

TEST_CASE("a lock is lost when its lease is over, unless it was renewed", "[lmdb]") {
  TemporaryFolder folder;
  ComponentUnderTest lmdb("lmdb", {{"path", folder.path()}});
  const auto first = lmdb->lock("k", 10s, Call());
  ComponentUnderTest::pass(9s);
  CHECK(lmdb->renew("k", *first, 10s, Call()));
  ComponentUnderTest::pass(9s);
  CHECK_FALSE(lmdb->lock("k", 10s, Call()).has_value());
  ComponentUnderTest::pass(1s);
  CHECK(lmdb->await_unlock("k", 0ns, Call()));
  CHECK_FALSE(lmdb->renew("k", *first, 10s, Call()));
  const auto second = lmdb->lock("k", 0ns, Call());
  REQUIRE(second.has_value());
  CHECK_FALSE(lmdb->unlock("k", *first, Call()));
  ComponentUnderTest::pass(1000h);  // no lease: until it is unlocked
  CHECK_FALSE(lmdb->lock("k", 10s, Call()).has_value());
  CHECK(lmdb->unlock("k", *second, Call()));
}

TEST_CASE("a lease and a wait may be as long as can be said", "[lmdb]") {
  TemporaryFolder folder;
  ComponentUnderTest lmdb("lmdb", {{"path", folder.path()}});
  constexpr auto longest = std::chrono::nanoseconds::max();
  const auto token = lmdb->lock("k", longest, Call());
  REQUIRE(token.has_value());
  CHECK_FALSE(lmdb->lock("k", longest, Call()).has_value());
  CHECK(lmdb->renew("k", *token, longest, Call()));
  CHECK_FALSE(lmdb->lock("k", longest, Call()).has_value());

  bool free = false;
  std::thread waiter([&] { free = lmdb->await_unlock("k", longest, Call()); });
  std::this_thread::sleep_for(20ms);  // either order is right; this one is of interest
  CHECK(lmdb->unlock("k", *token, Call()));
  waiter.join();
  CHECK(free);
}

TEST_CASE("thousands of locks are held at once", "[lmdb]") {
  TemporaryFolder folder;
  ComponentUnderTest lmdb("lmdb", {{"path", folder.path()}});
  std::vector<std::uint64_t> tokens;
  for (int i = 0; i < 4000; ++i) {
    const auto token = lmdb->lock("key " + std::to_string(i), 0ns, Call());
    REQUIRE(token.has_value());
    tokens.push_back(*token);
  }
  CHECK_FALSE(lmdb->lock("key 1234", 0ns, Call()).has_value());
  for (int i = 0; i < 4000; ++i) {
    REQUIRE(lmdb->unlock("key " + std::to_string(i), tokens[static_cast<std::size_t>(i)], Call()));
  }
}

TEST_CASE("a waiter in another process wakes within 2 ms of the release", "[lmdb]") {
  TemporaryFolder folder;
  ComponentUnderTest lmdb("lmdb", {{"path", folder.path()}});
  // A process that is woken runs when a busy machine lets it: beside the lock it waits for a byte in a pipe.
  std::vector<std::chrono::nanoseconds> late, byte_late;
  for (int round = 0; round < 15; ++round) {
    const auto token = lmdb->lock("k", 0ns, Call());
    REQUIRE(token.has_value());
    int go[2], ready[2], answer[2];
    REQUIRE(pipe(go) == 0);
    REQUIRE(pipe(ready) == 0);
    REQUIRE(pipe(answer) == 0);
    const pid_t child = fork();
    if (child == 0) {
      lmdb.after_fork();
      char byte;
      (void)!read(go[0], &byte, 1);
      const auto heard = Clock::now();
      (void)!write(ready[1], &heard, sizeof heard);
      const bool free = lmdb->await_unlock("k", 60s, Call());
      const auto when = Clock::now();
      (void)!write(answer[1], &when, sizeof when);
      _exit(free ? 0 : 1);
    }
    // Until it sleeps; if it does not yet, the test is only easier.
    std::this_thread::sleep_for(5ms);
    const auto said = Clock::now();
    REQUIRE(write(go[1], "", 1) == 1);
    Clock::time_point heard;
    REQUIRE(read(ready[0], &heard, sizeof heard) == sizeof heard);
    byte_late.push_back(heard - said);
    std::this_thread::sleep_for(5ms);
    const auto released = Clock::now();
    CHECK(lmdb->unlock("k", *token, Call()));
    Clock::time_point woke;
    REQUIRE(read(answer[0], &woke, sizeof woke) == sizeof woke);
    late.push_back(woke - released);
    int status = -1;
    waitpid(child, &status, 0);
    CHECK(status == 0);
    for (const int* ends : {go, ready, answer}) {
      close(ends[0]);
      close(ends[1]);
    }
  }
  std::sort(late.begin(), late.end());
  std::sort(byte_late.begin(), byte_late.end());
  CHECK(late[7] < 2ms + 2 * byte_late[10]);
}

TEST_CASE("a holder that is killed loses its locks", "[lmdb]") {
  TemporaryFolder folder;
  ComponentUnderTest lmdb("lmdb", {{"path", folder.path()}});
  int ready[2];
  REQUIRE(pipe(ready) == 0);
  const pid_t child = fork();
  if (child == 0) {
    lmdb.after_fork();
    const bool locked = lmdb->lock("k", 0ns, Call()).has_value();
    (void)!write(ready[1], &locked, 1);
    for (;;) pause();
  }
  char locked = 0;
  REQUIRE(read(ready[0], &locked, 1) == 1);
  CHECK(locked == 1);
  CHECK_FALSE(lmdb->lock("k", 0ns, Call()).has_value());

  std::thread killer([&] {
    std::this_thread::sleep_for(10ms);
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
  });
  const auto before = Clock::now();
  CHECK(lmdb->await_unlock("k", 60s, Call()));
  CHECK(Clock::now() - before < 30s);
  killer.join();
  CHECK(lmdb->lock("k", 0ns, Call()).has_value());
  close(ready[0]);
  close(ready[1]);
}

TEST_CASE("waiting for a lock ends with the wait, or with the deadline of the call", "[lmdb]") {
  TemporaryFolder folder;
  ComponentUnderTest lmdb("lmdb", {{"path", folder.path()}});
  REQUIRE(lmdb->lock("k", 0ns, Call()).has_value());
  const auto before = Clock::now();
  CHECK_FALSE(lmdb->await_unlock("k", 30ms, Call()));
  CHECK(Clock::now() - before >= 30ms);
  cairn_call raw{};
  raw.size = sizeof raw;
  raw.deadline_ns = (Clock::now() + 20ms).time_since_epoch() / 1ns;
  CHECK_FALSE(lmdb->await_unlock("k", 60s, Call(&raw)));
  CHECK(Clock::now() - before < 5s);
}
