// Programs that fork while their threads talk to memcached.
#include "../../plugins/memcached/memcached_under_test.hpp"
#include "catch.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <thread>

using namespace cairn;

#if !defined(__SANITIZE_ADDRESS__)  // a child of a program with threads cannot allocate in gcc 12's

TEST_CASE("forks in the middle of other threads' requests: everybody gets answers of their own",
          "[faults]") {
  const auto protocol = GENERATE("ascii", "binary");
  Servers servers(1);
  ComponentUnderTest memcached("memcached", {{"servers", servers.list()},
                                             {"protocol", protocol},
                                             {"max_connections", "2"},
                                             {"timeout", "10s"}});
  // Whether what `who` stores is what it gets.
  const auto works = [&](const std::string& who) {
    for (int i = 0; i < 20; ++i) {
      const std::string value = who + "/" + std::to_string(i);
      memcached->set(who, Entry::copy(value), {}, Call());
      if (text_of(memcached->get(who, Call())) != value) return false;
    }
    return true;
  };
  std::atomic<bool> stop{false};
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 3; ++t) {
    threads.emplace_back([&, who = "thread" + std::to_string(t)] {
      while (!stop) wrong += !works(who);
    });
  }
  int failed = 0;
  for (int i = 0; i < 30; ++i) {
    const pid_t child = fork();
    if (child == 0) {
      alarm(60);  // a child that hangs is a failure
      memcached.after_fork();
      _exit(works("child" + std::to_string(i)) ? 0 : 1);
    }
    int status = -1;
    waitpid(child, &status, 0);
    failed += status != 0;
  }
  stop = true;
  for (auto& thread : threads) thread.join();
  CHECK(failed == 0);
  CHECK(wrong == 0);
  CHECK(memcached->stats(Call()).root()["failures"].int_value() == 0);
}

#endif
