// Programs that fork while their threads read and write.
#include "../../plugins/lmdb/temporary_folder.hpp"
#include "catch.hpp"
#include "component_under_test.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <thread>

using namespace cairn;

#if !defined(__SANITIZE_ADDRESS__)  // a child of a program with threads cannot allocate in gcc 12's

TEST_CASE("forks in the middle of other threads' reads, writes and locks: all of them go on",
          "[faults]") {
  TemporaryFolder folder;
  const ComponentUnderTest::OptionTexts options{{"path", folder.path()}, {"timeout", "10s"}};
  ComponentUnderTest lmdb("lmdb", options);
  ComponentUnderTest other("lmdb", options);  // the same store, in this process
  const auto works = [&](const std::string& who) {
    for (int i = 0; i < 50; ++i) {
      const std::string value = who + "/" + std::to_string(i);
      lmdb->set(who, Entry::copy(value), {}, Call());
      const auto found = other->get(who, Call());
      if (!found || found->bytes() != value) return false;
      const auto token = lmdb->lock(who, {}, Call());
      if (!token || !other->unlock(who, *token, Call())) return false;
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
  for (int i = 0; i < 50; ++i) {
    const pid_t child = fork();
    if (child == 0) {
      alarm(60);  // a child that hangs is a failure
      lmdb.after_fork();
      other.after_fork();
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
}

#endif
