// exit() on one thread while others are in the middle of calls: the process ends with its code, and
// nobody crashes on the way.

#include <cairn/cairn.hpp>

#include <atomic>
#include <cstdlib>
#include <thread>
#include <vector>

using namespace cairn;

namespace {

Host& the_host() {
  static Host instance(Config::from_text(R"(
[region.r]
backend = "memory"
expiration_time = "1ms"
wrap = [{ plugin = "prefix", prefix = "p:" }, "msgpack", "zstd"]
)"));
  return instance;
}

}  // namespace

// A store that others are calling is left to the end of the process. Its index keeps sixteen bits of a
// key in each pointer to a record, so LSan, in whose eyes all else is still in use, takes them for lost.
extern "C" const char* __lsan_default_suppressions() {
  return "leak:cairn::memory::Record::make\n";
}

int main() {
  Region& region = the_host().region("r");
  std::atomic<int> calls{0};
  for (int t = 0; t < 4; ++t) {
    std::thread([&region, &calls, t] {
      for (int i = 0;; ++i) {
        const std::string key = std::to_string((i + t) % 50);
        if (region.get_or_create(key, [&] { return key; }) != key) std::abort();
        region.set(key, key);
        ++calls;
      }
    }).detach();
  }
  while (calls < 1000) std::this_thread::yield();
  std::thread([] { std::exit(0); }).join();
  return 1;
}
