// Many processes that want one missing value at once, each through a region of its own.
#pragma once

#include <cairn/host/host.hpp>

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <new>
#include <string>
#include <thread>

struct Stampede {
  int creators = 0;           // how often the creator ran, in all processes
  int right = 0;              // how many processes got the value
  double last_waiter_ms = 0;  // from the creator's own return to the last of the others

  /// `backend`: the lines of a [backend.store] table, without distributed_lock.
  static Stampede of(int processes, const std::string& backend) {
    using Clock = std::chrono::steady_clock;
    struct Shared {
      std::atomic<int> ready{0}, creators{0}, right{0}, finished{0};
      std::atomic<bool> go{false};
      std::atomic<std::int64_t> created{0}, last{0};
    };
    void* memory =
        mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    auto& shared = *new (memory) Shared;
    const char* folder = std::getenv("CAIRN_PLUGIN_DIR");
    const std::string toml = std::string("[plugins]\npath = [\"") +
                             (folder != nullptr ? folder : "plugins") + "\"]\n[backend.store]\n" +
                             backend +
                             "distributed_lock = true\n"
                             "[region.values]\nbackend = \"store\"\nwrap = [\"json\"]\n";
    for (int i = 0; i < processes; ++i) {
      if (fork() != 0) continue;
      {
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
        while (shared.finished < processes) {
          std::this_thread::sleep_for(std::chrono::milliseconds(1));
        }
      }
      _exit(0);
    }
    while (shared.ready < processes) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    shared.go = true;
    for (int i = 0; i < processes; ++i) wait(nullptr);
    Stampede result{shared.creators, shared.right,
                    static_cast<double>(shared.last - shared.created) / 1e6};
    munmap(memory, sizeof(Shared));
    return result;
  }
};
