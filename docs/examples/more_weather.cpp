// The further steps of docs/tutorial/first-cache.md.
#include <cairn/cairn.hpp>

#include <cstdio>
#include <exception>
#include <string>

struct Weather {
  std::string place;
  int degrees = 0;
};
CAIRN_FIELDS(Weather, place, degrees);

Weather ask_the_weather_service(const std::string& place) {
  std::printf("  (asking the service about %s)\n", place.c_str());
  return {place, 21};
}

int main() try {
  cairn::Host host(cairn::Config::from_file("first_cache.toml"));
  cairn::Region& weather = host.region("weather");

  const auto degrees_in = [&](const std::string& place) {
    return weather.get_or_create(place, [&] { return ask_the_weather_service(place); }).degrees;
  };
  degrees_in("Paris");
  degrees_in("Rome");

  // [look]
  if (const auto found = weather.get<Weather>("Paris")) {
    std::printf("there: %s\n", found->place.c_str());
  }
  if (!weather.get<Weather>("Oslo")) std::printf("not there: Oslo\n");
  // [/look]

  // [write]
  weather.set("Oslo", Weather{"Oslo", -4});
  std::printf("Oslo: %d degrees\n", degrees_in("Oslo"));
  weather.remove("Oslo");
  // [/write]

  // [many]
  const auto both = weather.get_multi<Weather>({"Paris", "Rome"});
  for (const auto& found : both) {
    if (found) std::printf("at once: %s\n", found->place.c_str());
  }
  // [/many]

  // [invalidate]
  weather.invalidate();
  std::printf("Paris: %d degrees\n", degrees_in("Paris"));
  // [/invalidate]

  // [statistics]
  const cairn::RegionStatistics statistics = weather.statistics();
  std::printf("made %d values\n", static_cast<int>(statistics.creations));
  // [/statistics]
  return 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
