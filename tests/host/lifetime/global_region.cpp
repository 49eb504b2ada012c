// Hosts and regions that outlive main.
//
// A static host ends in the ordinary way. A host that is never destroyed is closed at exit, before its
// plugins' own statics end; whoever uses a region of it even later gets misses, and creators run.

#include <cairn/cairn.hpp>

#include <cstdio>
#include <cstdlib>

using namespace cairn;

namespace {

const char* const config = R"(
[region.r]
backend = "memory"
wrap = ["msgpack", "zstd"]
)";

[[noreturn]] void fail(const char* what) {
  std::fprintf(stderr, "%s\n", what);
  std::_Exit(1);
}

void check_closed(Region& region) {
  if (region.get<std::string>("k").has_value()) fail("a closed stack answered");
  region.set("k", "again");
  if (region.get_or_create("k", [] { return std::string("created"); }) != "created") {
    fail("the creator was not run");
  }
  if (region.get_multi<std::string>({"k"})[0].has_value()) fail("a closed stack answered a batch");
  region.remove("k");
  region.invalidate();
}

// Made before everything else, hence destroyed after everything else.
struct Last {
  ~Last() {
    check_closed(*region);
    if (kept.view() != "value") fail("shared bytes did not outlive their stack");
    std::puts("after the end");
    std::fflush(stdout);
  }
  Region* region = nullptr;
  Bytes kept;
};
Last last;

Host& static_host() {
  static Host instance(Config::from_text(config));
  return instance;
}

// Made after the static host, hence destroyed before it: it finds everything in order.
struct User {
  ~User() {
    if (static_host().region("r").get<std::string>("k") != "value") fail("closed too early");
  }
};

}  // namespace

int main() {
  static auto* never_destroyed = new Host(Config::from_text(config));
  last.region = &never_destroyed->region("r");
  last.region->set("k", "value");
  last.kept = *last.region->get<Bytes>("k");

  static_host().region("r").set("k", "value");
  static User user;
  return last.region->get<std::string>("k") == "value" ? 0 : 1;
}
