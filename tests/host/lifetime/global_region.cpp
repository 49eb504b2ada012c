// A host with static storage duration, and an object that uses a region of it after main has returned and
// every stack has been closed: reads miss, writes do nothing, creators run.

#include <cairn/cairn.hpp>

#include <cstdio>
#include <cstdlib>

using namespace cairn;

namespace {

Host& host() {
  static Host instance(Config::from_text(R"(
[region.r]
backend = "memory"
wrap = ["msgpack", "zstd"]
)"));
  return instance;
}

[[noreturn]] void fail(const char* what) {
  std::fprintf(stderr, "%s\n", what);
  std::_Exit(1);
}

struct Late {
  ~Late() {
    // The host was made after this, so it is destroyed before: only what was copied out is left.
    if (kept.view() != "value") fail("shared bytes did not outlive their host");
  }
  Bytes kept;
};
Late late;

struct User {
  explicit User(Region& used) : region(used) {}
  ~User() {
    // Made after the host, so destroyed before it, but after the stacks were closed at exit.
    if (region.get<std::string>("k").has_value()) fail("a closed stack answered");
    region.set("k", "again");
    if (region.get_or_create("k", [] { return std::string("created"); }) != "created") {
      fail("the creator was not run");
    }
    region.remove("k");
    std::puts("after the end");
    std::fflush(stdout);
  }
  Region& region;
};

}  // namespace

int main() {
  Region& region = host().region("r");
  static User user(region);
  region.set("k", "value");
  late.kept = *region.get<Bytes>("k");
  return region.get<std::string>("k") == "value" ? 0 : 1;
}
