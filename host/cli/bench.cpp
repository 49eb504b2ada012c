// `cairn bench`: how fast a region is, on the very stack that the file describes.

#include "commands.hpp"
#include "config/units.hpp"
#include "load.hpp"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <memory>
#include <utility>

namespace cairn::cli {

namespace {

struct Options {
  Load load;
  double seconds = 5;
  std::string value_size = "100B";
  int stampede = 0;
  std::string creator = "50ms";
};

std::string microseconds(std::chrono::nanoseconds duration) {
  return fmt::format("{:.1f}us", static_cast<double>(duration.count()) / 1000);
}

constexpr std::array<std::pair<const char*, double>, 4> percentiles{
    {{"p50", 0.5}, {"p90", 0.9}, {"p99", 0.99}, {"p99.9", 0.999}}};

std::string line_of(std::string_view name, const Histogram& times) {
  if (times.count() == 0) return {};
  std::string line = fmt::format("{:<10}", name);
  for (const auto& [label, part] : percentiles) {
    line += fmt::format(" {} {:<9}", label, microseconds(times.percentile(part)));
  }
  return line + fmt::format(" max {}\n", microseconds(times.max()));
}

Json json_of(const Histogram& times) {
  Json json;
  json["count"] = times.count();
  for (const auto& [label, part] : percentiles) {
    json[fmt::format("{}_ns", label)] = times.percentile(part).count();
  }
  json["max_ns"] = times.max().count();
  return json;
}

void show(const Globals& globals, const LoadResult& result) {
  const auto seconds = std::chrono::duration<double>(result.took).count();
  const std::uint64_t operations = result.reads.count() + result.writes.count();
  const double rate = static_cast<double>(operations) / seconds;
  const auto& statistics = result.statistics;
  const auto lookups = static_cast<double>(statistics.hits + statistics.misses());
  const double hit_ratio = lookups == 0 ? 0 : static_cast<double>(statistics.hits) / lookups;
  if (globals.json) {
    Json json;
    json["seconds"] = seconds;
    json["operations"] = operations;
    json["operations_per_second"] = rate;
    json["hit_ratio"] = hit_ratio;
    json["store_errors"] = statistics.store_errors;
    json["reads"] = json_of(result.reads);
    json["writes"] = json_of(result.writes);
    print_json(json);
    return;
  }
  print(
      fmt::format("throughput {:.0f} operations/s ({} in {:.2f} s)\n", rate, operations, seconds));
  print(line_of("reads", result.reads));
  print(line_of("writes", result.writes));
  print(fmt::format("hit ratio  {:.2f}%\n", hit_ratio * 100));
  if (statistics.store_errors > 0) {
    print(fmt::format("errors     {} of the store\n", statistics.store_errors));
  }
}

void show(const Globals& globals, int callers, const StampedeResult& result) {
  if (globals.json) {
    Json json;
    json["callers"] = callers;
    json["creator_calls"] = result.creator_calls;
    json["first_ns"] = result.first.count();
    json["median_ns"] = result.median.count();
    json["last_ns"] = result.last.count();
    print_json(json);
    return;
  }
  print(fmt::format(
      "{} callers of one cold key: the creator was called {}\n", callers,
      result.creator_calls == 1 ? "once" : fmt::format("{} times", result.creator_calls)));
  print(fmt::format("from value ready to a caller: first {}, median {}, last {}\n",
                    microseconds(result.first), microseconds(result.median),
                    microseconds(result.last)));
}

std::uint64_t size_of(const std::string& text) {
  const auto size = hosting::parse_size(text);
  if (!size || *size > (std::uint64_t{1} << 30)) {
    throw UsageError(
        fmt::format("--value-size {}: expected a size such as 4KiB, at most 1GiB", text));
  }
  return *size;
}

// A range lets what is no number pass.
void refuse_no_number(const char* option, double value) {
  if (std::isnan(value)) throw UsageError(fmt::format("{}: expected a number, got nan", option));
}

void run(const Globals& globals, Options options) {
  refuse_no_number("--seconds", options.seconds);
  refuse_no_number("--zipf", options.load.zipf);
  refuse_no_number("--reads", options.load.reads);
  options.load.value_size = size_of(options.value_size);
  options.load.duration =
      std::chrono::nanoseconds(static_cast<std::int64_t>(options.seconds * 1e9));
  const auto creator = hosting::parse_duration(options.creator);
  if (!creator) {
    throw UsageError(
        fmt::format("--creator {}: expected a duration such as 50ms", options.creator));
  }
  const Config all = read_config(globals);
  const std::string name = chosen_region(all, globals);
  Host host(only_region(all, name), host_options());
  Region& region = host.region(name);
  if (options.stampede > 0) {
    show(globals, options.stampede,
         run_stampede(region, {options.stampede, *creator, options.load.value_size}));
  } else {
    show(globals, run_load(region, options.load));
  }
}

}  // namespace

void add_bench(CLI::App& app, Globals& globals) {
  CLI::App* command = app.add_subcommand(
      "bench", "Measure a region; writes keys \"cairn-bench:...\" into its store");
  auto options = std::make_shared<Options>();
  add_config_option(*command, globals);
  add_region_option(*command, globals);
  command->add_option("--seconds", options->seconds, "For how long")
      ->check(CLI::Range(0.01, 86400.0))
      ->capture_default_str();
  command->add_option("--threads", options->load.threads, "How many at once")
      ->check(CLI::Range(1, 4096))
      ->capture_default_str();
  command->add_option("--keys", options->load.keys, "How many different keys")
      ->check(CLI::Range(1, 100'000'000))
      ->capture_default_str();
  command->add_option("--value-size", options->value_size, "Bytes per value")
      ->capture_default_str();
  command->add_option("--zipf", options->load.zipf, "How uneven: 0 is even, 0.99 is usual")
      ->check(CLI::Range(0.0, 5.0))
      ->capture_default_str();
  command->add_option("--reads", options->load.reads, "Share of reads, 0 to 1")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
  command->add_option("--stampede", options->stampede, "Instead: so many callers on one cold key")
      ->check(CLI::Range(1, 10000));
  command->add_option("--creator", options->creator, "With --stampede: how long the creator takes")
      ->capture_default_str();
  add_json_option(*command, globals);
  command->callback([&globals, options] { run(globals, *options); });
}

}  // namespace cairn::cli
