// How well a cache does, as the program sees it and as Prometheus does.
#include <cairn/cairn.hpp>

#include <cstdio>
#include <exception>
#include <string>

namespace {

// Stands for the program's own HTTP endpoint.
void answer_with(const std::string& text) {
  std::fputs(text.substr(0, text.find("# HELP cairn_misses_total")).c_str(), stdout);
}

}  // namespace

int main() try {
  cairn::Host host(cairn::Config::from_file("first_cache.toml"));
  cairn::Region& weather = host.region("weather");
  for (const char* place : {"Paris", "Rome", "Paris", "Paris"}) {
    weather.get_or_create(place, [] { return 21; });
  }

  // [use]
  const cairn::RegionStatistics seen = weather.statistics();
  const double looks = static_cast<double>(seen.hits + seen.misses());
  std::printf("served fresh: %.0f %%\n", 100 * static_cast<double>(seen.hits) / looks);

  for (const cairn::LayerStatistics& layer : host.layer_statistics("weather")) {
    if (const cairn::Node entries = layer.values.root().find("entries")) {
      std::printf("%s keeps %d entries\n", layer.layer.c_str(),
                  static_cast<int>(entries.int_value()));
    }
  }

  answer_with(host.prometheus());
  // [/use]
  return 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
