// What must not compile: check_misuse.py builds one MISUSE after the other, and MISUSE 0, which
// must.
#include <cairn/cairn.hpp>

struct NoKey {};

void use(cairn::Region& region) {
  auto user = region.cached("user", [](int id) { return id; });
  auto users = region.cached_multi("user", [](std::span<const int>) { return std::vector<int>(); });
#if MISUSE == 0
  user(42);
  users({42});
#elif MISUSE == 1
  user("42");
#elif MISUSE == 2
  user(1, 2);
#elif MISUSE == 3
  user.set("text", 42);
#elif MISUSE == 4
  users({"42"});
#elif MISUSE == 5
  region.cached("generic", [](auto value) { return value; });
#elif MISUSE == 6
  region.cached("number", 42);
#elif MISUSE == 7
  cairn::function_key("f", NoKey());
#elif MISUSE == 8
  region.get<NoKey>("key");
#endif
}
