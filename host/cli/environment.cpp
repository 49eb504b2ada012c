#include "environment.hpp"

#include "json.hpp"

#include <fmt/format.h>
#include <langinfo.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <clocale>
#include <cstdio>
#include <cstring>

namespace cairn::cli {

namespace {

[[noreturn]] void output_failed() {
  // A reader that went away is how `| head` works, and no news.
  throw OutputClosed(errno == EPIPE ? "" : fmt::format("cannot write: {}", std::strerror(errno)));
}

}  // namespace

void add_config_option(CLI::App& command, Globals& globals) {
  command.add_option("-c,--config", globals.config_file, "The configuration file")
      ->envname("CAIRN_CONFIG")
      ->required()
      ->type_name("FILE");
}
void add_region_option(CLI::App& command, Globals& globals) {
  command
      .add_option("-r,--region", globals.region,
                  "The region; may be left out if the file has only one")
      ->type_name("NAME");
}
void add_json_option(CLI::App& command, Globals& globals) {
  command.add_flag("--json", globals.json, "Answer in JSON");
}

Config read_config(const Globals& globals) {
  try {
    return Config::from_file(globals.config_file);
  } catch (const ConfigError&) {
    Findings all = check_file(globals.config_file);
    if (!has_errors(all)) throw;  // the file has been mended meanwhile
    throw ConfigError(std::move(all));
  }
}

std::string chosen_region(const Config& config, const Globals& globals) {
  std::string names;
  for (const RegionConfig& region : config.regions) {
    names += (names.empty() ? "" : ", ") + region.name;
  }
  if (names.empty()) throw UsageError(globals.config_file + " has no regions");
  if (globals.region.empty()) {
    if (config.regions.size() == 1) return config.regions.front().name;
    throw UsageError("which region? Add -r NAME: " + names);
  }
  if (config.find_region(globals.region) == nullptr) {
    throw UsageError(
        fmt::format("{} has no region `{}`, but: {}", globals.config_file, globals.region, names));
  }
  return globals.region;
}

Config only_region(Config config, std::string_view region) {
  std::erase_if(config.regions, [&](const RegionConfig& other) { return other.name != region; });
  for (RegionConfig& left : config.regions) {
    left.policy.on_error = OnError::raise;
    left.policy.strict = true;
  }
  return config;
}

HostOptions host_options() {
  HostOptions options;
  options.log = [](LogLevel, std::string_view who, std::string_view text) {
    complain(fmt::format("{}: {}", who, text));
  };
  return options;
}

void print(std::string_view text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size()) output_failed();
}
void print_json(const Json& json) {
  print(hosting::to_text(json, 2) + "\n");
}
void finish_output() {
  if (std::fflush(stdout) != 0) output_failed();
}
void complain(std::string_view text) {
  show_progress("");
  while (text.ends_with('\n')) text.remove_suffix(1);
  // Nobody is told that nobody can be told: the exit code is.
  std::fputs(fmt::format("cairn: {}\n", text).c_str(), stderr);
}

bool draws_unicode() {
  return isatty(STDOUT_FILENO) == 1 && std::strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
}

void show_progress(std::string_view text) {
  static const bool terminal = isatty(STDERR_FILENO) == 1;
  static bool shown = false;
  if (!terminal || (text.empty() && !shown)) return;
  fmt::print(stderr, "\r\x1b[K{}", text);
  std::fflush(stderr);
  shown = !text.empty();
}

}  // namespace cairn::cli
