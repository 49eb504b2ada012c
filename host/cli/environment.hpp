// What all subcommands share: their common options, where their output goes, and how they end.
//
// A subcommand is one function `add_NAME(CLI::App&, Globals&)` that declares it and says what it
// does. It ends by returning, after setting Globals::exit, or by throwing: UsageError (2),
// OutputClosed (3), ConfigError, Error or any std::exception (3), whose text main() shows.
#pragma once

#include <cairn/host/host.hpp>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <nlohmann/json.hpp>

#include <stdexcept>
#include <string>
#include <string_view>

namespace cairn::cli {

/// What the command tells the shell.
enum class Exit : int {
  done = 0,
  negative = 1,     ///< a miss, findings
  usage = 2,        ///< the command line is wrong
  environment = 3,  ///< a file, a store, a plugin failed
};

struct Globals {
  std::string config_file;
  std::string region;
  bool json = false;
  Exit exit = Exit::done;
};

struct UsageError : std::runtime_error {
  using std::runtime_error::runtime_error;
};
/// Nobody reads standard output any more, or it cannot be written.
struct OutputClosed : std::runtime_error {
  using std::runtime_error::runtime_error;
};

using Json = nlohmann::ordered_json;

// ---- options ----

void add_config_option(CLI::App& command, Globals& globals);
void add_region_option(CLI::App& command, Globals& globals);
/// `--json`, where it means: the answer as JSON.
void add_json_option(CLI::App& command, Globals& globals);

// ---- what is worked on ----

/// Errors: ConfigError with everything that is wrong with the file, also what only the plugins know.
Config read_config(const Globals& globals);
/// The region that -r names, or the only one that there is. Errors: UsageError.
std::string chosen_region(const Config& config, const Globals& globals);
/// `config` with nothing but that region, so that no other store is touched, and with every failure
/// of its store raised instead of counted.
Config only_region(Config config, std::string_view region);
/// Log lines of plugins go to standard error, after "cairn: ".
HostOptions host_options();

// ---- output ----

/// Writes to standard output.
void print(std::string_view text);
/// One JSON value, indented.
void print_json(const Json& json);
/// Nothing is left unwritten.
void finish_output();
/// A line for people on standard error, after "cairn: ".
void complain(std::string_view text);

/// Whether standard output is a terminal that shows UTF-8.
bool draws_unicode();
/// A line on standard error, overwritten by the next, if that is a terminal; "" removes it.
void show_progress(std::string_view text);

}  // namespace cairn::cli
