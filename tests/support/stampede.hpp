// Many processes that want one missing value at once, each through a region of its own.
#pragma once

#include <cairn/host/host.hpp>

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <new>
#include <string>
#include <thread>

struct Stampede {
  int creators = 0;           // how often the creator ran, in all processes
  int right = 0;              // how many processes got the value
  double last_waiter_ms = 0;  // from the creator's own return to the last of the others

  /// `backend`: the lines of a [backend.store] table, without distributed_lock.
  /// A process that ends early is one that did not get the value; the others then do not wait for it.
  static Stampede of(int processes, const std::string& backend) {
    auto& shared = *new (mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE,
                              MAP_SHARED | MAP_ANONYMOUS, -1, 0)) Shared;
    const std::string toml = configuration(backend);
    for (int i = 0; i < processes; ++i) {
      if (fork() != 0) continue;
      int status = 0;
      try {
        take_part(shared, toml, processes);
      } catch (const std::exception& error) {
        std::fprintf(stderr, "a process of the stampede failed: %s\n", error.what());
        status = 1;
      }
      _exit(status);
    }
    for (int ended = 0; ended < processes;) {
      shared.go = shared.go || shared.ready == processes;
      int status = 0;
      if (waitpid(-1, &status, shared.go ? 0 : WNOHANG) <= 0) {
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
        continue;
      }
      ++ended;
      if (status != 0) shared.go = shared.broken = true;
    }
    const Stampede result{shared.creators, shared.right,
                          static_cast<double>(shared.last - shared.created) / 1e6};
    munmap(&shared, sizeof shared);
    return result;
  }

 private:
  // What the processes know of each other.
  struct Shared {
    std::atomic<int> ready{0}, creators{0}, right{0}, finished{0};
    std::atomic<bool> go{false}, broken{false};
    std::atomic<std::int64_t> created{0}, last{0};
  };

  static std::string configuration(const std::string& backend) {
    const char* folder = std::getenv("CAIRN_PLUGIN_DIR");
    return std::string("[plugins]\npath = [\"") + (folder != nullptr ? folder : "plugins") +
           "\"]\n[backend.store]\n" + backend +
           "timeout = \"20s\"\ndistributed_lock = true\n"
           "[region.values]\nbackend = \"store\"\nwrap = [\"json\"]\n";
  }

  static void take_part(Shared& shared, const std::string& toml, int processes) {
    using Clock = std::chrono::steady_clock;
    cairn::Host host(cairn::Config::from_text(toml));
    cairn::Region& region = host.region("values");
    region.get<std::string>("warm");
    ++shared.ready;
    while (!shared.go) std::this_thread::sleep_for(std::chrono::microseconds(100));
    bool mine = false;
    const std::string value = region.get_or_create("cold", [&] {
      mine = true;
      ++shared.creators;
      std::this_thread::sleep_for(std::chrono::milliseconds(60));  // the work
      return std::string("value");
    });
    const std::int64_t now = Clock::now().time_since_epoch().count();
    shared.right += value == "value";
    if (mine) {
      shared.created = now;
    } else {
      std::int64_t last = shared.last;
      while (last < now && !shared.last.compare_exchange_weak(last, now)) {
      }
    }
    // The end of a process is work that the others need not wait for.
    ++shared.finished;
    while (shared.finished < processes && !shared.broken) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }
};
