// Weather that is asked for once in ten minutes, however often it is wanted.
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
  std::printf("Paris: %d degrees\n", degrees_in("Paris"));
  std::printf("Paris: %d degrees\n", degrees_in("Paris"));
  std::printf("Rome: %d degrees\n", degrees_in("Rome"));
  return 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
