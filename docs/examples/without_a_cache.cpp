// What a program does when its cache keeps nothing.
#include <cairn/cairn.hpp>

#include <cstdio>
#include <exception>

int main() try {
  cairn::Host host(cairn::Config::from_file("without_a_cache.toml"));
  // [use]
  cairn::Region& prices = host.region("prices");
  int made = 0;
  for (int i = 0; i < 3; ++i) prices.get_or_create("tea", [&] { return ++made; });
  std::printf("asked 3 times, made %d times\n", made);

  prices.set("tea", 5);
  std::printf("set, and then: %s\n", prices.get<int>("tea") ? "there" : "not there");
  // [/use]
  return 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
