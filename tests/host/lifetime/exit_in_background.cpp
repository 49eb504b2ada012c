// exit() called by a background creator itself, on one of the host's own threads.

#include <cairn/cairn.hpp>

#include <cstdlib>
#include <thread>

using namespace cairn;

int main() {
  static Host host(Config::from_text(R"(
[region.r]
backend = "memory"
expiration_time = "1ms"
background = true
)"));
  Region& region = host.region("r");
  region.set("k", 1);
  const auto ends = detached([]() -> int { std::exit(0); });
  for (;;) {
    region.get_or_create("k", ends);
    std::this_thread::yield();
  }
}
