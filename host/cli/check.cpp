// `cairn check FILE`: everything that is wrong with a configuration, and, with --connect, whether
// its stores can be reached.

#include "commands.hpp"
#include "survey.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <memory>

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

void run(Globals& globals, const Options& options) {
  Findings findings = check_file(globals.config_file);
  const auto is_error = [](const Finding& f) { return f.severity == Finding::Severity::error; };
  const auto errors =
      static_cast<std::size_t>(std::count_if(findings.begin(), findings.end(), is_error));

  std::vector<SurveyedStore> stores;
  std::size_t regions = 0;
  if (errors == 0) {
    const Config config = Config::from_file(globals.config_file);
    regions = config.regions.size();
    if (options.connect) {
      Survey seen = survey(config);
      stores = std::move(seen.stores);
      findings.insert(findings.end(), seen.warnings.begin(), seen.warnings.end());
    }
  }
  const std::size_t warnings = findings.size() - errors;
  const bool unreachable = std::any_of(stores.begin(), stores.end(),
                                       [](const auto& store) { return !store.problem.empty(); });
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
      for (const SurveyedStore& store : stores) json["stores"].push_back(to_json(store));
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
  for (const SurveyedStore& store : stores) print(describe(store));
}

}  // namespace

void add_check(CLI::App& app, Globals& globals) {
  CLI::App* command = app.add_subcommand("check", "Say everything that is wrong with a file");
  auto options = std::make_shared<Options>();
  command->add_option("FILE,-c,--config", globals.config_file, "The configuration file")
      ->envname("CAIRN_CONFIG")
      ->required()
      ->type_name("");
  command->add_flag("--connect", options->connect,
                    "Also ask each store for a key, and for what it is");
  command->add_flag("-D,--deny-warnings", options->deny_warnings, "Warnings too are findings");
  add_json_option(*command, globals);
  command->callback([&globals, options] { run(globals, *options); });
}

}  // namespace cairn::cli
