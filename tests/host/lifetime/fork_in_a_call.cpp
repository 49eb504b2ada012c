// fork() in the middle of a hit, by the copying of the object that was found: in the child that call ends
// like any other, and a region that is changed there waits for no call of the parent's.

#include <cairn/cairn.hpp>

#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <string>

using namespace cairn;

namespace {

bool armed = false;
pid_t child = -1;

struct Forks {
  Forks() = default;
  Forks(const Forks& other) : value(other.value) {
    if (armed) child = fork();
  }
  Forks& operator=(const Forks&) = default;
  int value = 0;
};
CAIRN_FIELDS(Forks, value);

// 0 if all was well.
int use_in_child(Region& region) {
  const auto began = std::chrono::steady_clock::now();
  region.set_key_mangler([](std::string_view key) { return "x" + std::string(key); });
  region.set_key_mangler({});
  // Who waits for the parent's call gives up after 10 s.
  if (std::chrono::steady_clock::now() - began > std::chrono::seconds(9)) return 1;
  region.set("in the child", 1);
  return region.get<int>("in the child") == 1 ? 0 : 2;
}

}  // namespace

int main() {
  Host host(Config::from_text("[region.r]\nbackend = \"memory\"\nexpiration_time = \"1h\"\n"));
  Region& region = host.region("r");
  Forks value;
  value.value = 42;
  region.set("k", value);
  armed = true;
  const auto found = region.get<Forks>("k");
  armed = false;
  if (child < 0) return 100;
  if (!found || found->value != 42) return 101;
  if (child == 0) {
    alarm(50);
    _exit(use_in_child(region));
  }
  int status = 0;
  waitpid(child, &status, 0);
  const int result = WIFEXITED(status) ? WEXITSTATUS(status) : 102 + WTERMSIG(status);
  if (result != 0) std::fprintf(stderr, "the child ended with %d\n", result);
  return result != 0 ? result : use_in_child(region);
}
