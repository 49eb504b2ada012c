// `cairn check FILE`: everything that is wrong with a configuration, and, with --connect, whether
// its stores can be reached.

#include "commands.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <set>

namespace cairn::cli {

namespace {

struct Options {
  bool connect = false;
  bool deny_warnings = false;
};

Json to_json(const Finding& finding) {
  Json json;
  json["severity"] = finding.severity == Finding::Severity::error ? "error" : "warning";
  json["line"] = finding.origin.line;
  json["column"] = finding.origin.column;
  json["message"] = finding.message;
  json["remedy"] = finding.remedy;
  return json;
}

std::string counted(std::size_t count, std::string_view what) {
  return fmt::format("{} {}{}", count, what, count == 1 ? "" : "s");
}

struct Reached {
  std::string store;    // a [backend.*] name, or that of the region it belongs to
  std::string problem;  // empty: reached
};

// One get per store, of a key that nobody uses.
std::vector<Reached> reach(const Config& config) {
  std::vector<Reached> stores;
  std::set<std::string> seen;
  for (const RegionConfig& region : config.regions) {
    const auto* name = std::get_if<std::string>(&region.backend);
    const bool shared = name != nullptr && config.find_backend(*name) != nullptr;
    const std::string store =
        shared ? "[backend." + *name + "]" : "the store of [region." + region.name + "]";
    if (!seen.insert(store).second) continue;
    Reached reached{store, {}};
    try {
      Config alone = only_region(config, region.name);
      alone.regions.front().policy.invalidation = InvalidationPlace::local;
      HostOptions quiet;
      quiet.log = nullptr;
      Host host(alone, quiet);
      host.region(region.name).get_entry("cairn-check", {.ignore_expiration = true});
    } catch (const Error& error) {
      if (error.code() != Errc::corrupt) reached.problem = error.what();
    }
    stores.push_back(std::move(reached));
  }
  return stores;
}

void run(Globals& globals, const Options& options) {
  const Findings findings = check_file(globals.config_file);
  const auto is_error = [](const Finding& f) { return f.severity == Finding::Severity::error; };
  const auto errors =
      static_cast<std::size_t>(std::count_if(findings.begin(), findings.end(), is_error));
  const std::size_t warnings = findings.size() - errors;

  std::vector<Reached> stores;
  std::size_t regions = 0;
  if (errors == 0) {
    const Config config = Config::from_file(globals.config_file);
    regions = config.regions.size();
    if (options.connect) stores = reach(config);
  }
  const bool unreachable = std::any_of(stores.begin(), stores.end(),
                                       [](const Reached& store) { return !store.problem.empty(); });
  if (unreachable || errors > 0 || (options.deny_warnings && warnings > 0)) {
    globals.exit = Exit::negative;
  }

  if (globals.json) {
    Json json;
    json["file"] = globals.config_file;
    json["errors"] = errors;
    json["warnings"] = warnings;
    json["findings"] = Json::array();
    for (const Finding& finding : findings) json["findings"].push_back(to_json(finding));
    if (options.connect) {
      json["stores"] = Json::array();
      for (const Reached& store : stores) {
        Json entry;
        entry["store"] = store.store;
        entry["reached"] = store.problem.empty();
        if (!store.problem.empty()) entry["problem"] = store.problem;
        json["stores"].push_back(std::move(entry));
      }
    }
    print_json(json);
    return;
  }
  print(render(findings));
  if (errors > 0) {
    print(fmt::format("{}: {}, {}\n", globals.config_file, counted(errors, "error"),
                      counted(warnings, "warning")));
    return;
  }
  print(fmt::format("{}: good, {}, {}\n", globals.config_file, counted(regions, "region"),
                    counted(warnings, "warning")));
  for (const Reached& store : stores) {
    print(store.problem.empty() ? store.store + ": reached\n"
                                : store.store + ": " + store.problem + "\n");
  }
}

}  // namespace

void add_check(CLI::App& app, Globals& globals) {
  CLI::App* command = app.add_subcommand("check", "Say everything that is wrong with a file");
  auto options = std::make_shared<Options>();
  command->add_option("FILE,-c,--config", globals.config_file, "The configuration file")
      ->envname("CAIRN_CONFIG")
      ->required()
      ->type_name("");
  command->add_flag("--connect", options->connect, "Also ask each store for a key");
  command->add_flag("-D,--deny-warnings", options->deny_warnings, "Warnings too are findings");
  add_json_option(*command, globals);
  command->callback([&globals, options] { run(globals, *options); });
}

}  // namespace cairn::cli
