// A system that has no more threads to give: creations go on without those that would help them.
#include "catch.hpp"
#include "region/background.hpp"
#include "region/lease.hpp"

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <string>
#include <thread>

using namespace cairn::hosting;

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)  // these want terabytes

namespace {

// In a child with no room for the stack of another thread. What `body` returns; 98: it threw; 99: there was
// room for a hundred.
template <class Body>
int without_room_for_threads(Body body) {
  const pid_t child = fork();
  if (child == 0) {
    std::size_t pages = 0;
    std::ifstream("/proc/self/statm") >> pages;
    rlimit limit{};
    limit.rlim_cur = limit.rlim_max =
        pages * static_cast<std::size_t>(sysconf(_SC_PAGESIZE)) + (std::size_t{4} << 20);
    setrlimit(RLIMIT_AS, &limit);
    for (int started = 0;; ++started) {  // on stacks that ended threads left
      try {
        std::thread([] { pause(); }).detach();
      } catch (const std::system_error&) {
        break;
      }
      if (started == 100) _exit(99);
    }
    try {
      _exit(body());
    } catch (...) {
      _exit(98);
    }
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 100 + WTERMSIG(status);
}

}  // namespace

TEST_CASE("a pool that cannot start a thread refuses the job", "[background]") {
  CHECK(without_room_for_threads([] {
          Background background(2, 10, true);
          return background.submit([] {}) ? 1 : 0;
        }) == 0);
}

TEST_CASE("a lock is held, if not renewed, while no thread can be started", "[lease]") {
  CHECK(without_room_for_threads([] {
          LeaseKeeper keeper;
          const LeaseKeeper::Handle handle =
              keeper.keep(std::chrono::hours(1), [] { return true; });
          return 0;
        }) == 0);
}

#endif
