// How a program that caches is tested: with its own file, without its server, and without waiting.
//
//     test_a_program FILE.toml
#include <cairn/cairn.hpp>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

using namespace std::chrono_literals;

namespace {

// [program]
// What is tested. It is given its region, and does not know what that is made of.
class Forecast {
 public:
  Forecast(cairn::Region& region, std::function<int(const std::string&)> service)
      : region_(region), service_(std::move(service)) {}

  int degrees(const std::string& place) {
    return region_.get_or_create(place, [&] { return service_(place); });
  }

 private:
  cairn::Region& region_;
  std::function<int(const std::string&)> service_;
};
// [/program]

void expect(bool holds, const char* what) {
  std::printf("%s: %s\n", holds ? "ok" : "FAILED", what);
  if (!holds) std::exit(1);
}

}  // namespace

int main(int argc, char** argv) {
  const char* file = argc > 1 ? argv[1] : "test_a_program.toml";
  // [host]
  cairn::Config config = cairn::Config::from_file(file);
  for (cairn::RegionConfig& region : config.regions) region.backend = "memory";

  const auto clock = std::make_shared<cairn::ManualClock>();
  cairn::HostOptions options;
  options.clock = clock;
  options.log = [](cairn::LogLevel, std::string_view, std::string_view text) {
    std::printf("the cache complains: %s\n", std::string(text).c_str());
  };
  cairn::Host host(config, options);
  // [/host]

  // [test]
  int asked = 0;
  bool works = true;
  Forecast forecast(host.region("weather"), [&](const std::string&) {
    ++asked;
    if (!works) throw std::runtime_error("the service is down");
    return 20 + asked;
  });

  forecast.degrees("Paris");
  clock->advance(9min);
  expect(forecast.degrees("Paris") == 21 && asked == 1, "within ten minutes nobody is asked again");

  clock->advance(2min);
  expect(forecast.degrees("Paris") == 22, "after them the service is");

  works = false;
  clock->advance(11min);
  expect(forecast.degrees("Paris") == 22, "a service that is down leaves the old value");
  // [/test]
}
