// cairn validate FILE.so: the conformance kit, told as text, JSON, TAP or JUnit.
#include "commands.hpp"
#include "config/units.hpp"
#include "conformance/report_formats.hpp"

#include <cairn/error.hpp>

#include <CLI/CLI.hpp>

#include <cstdio>
#include <memory>

namespace cairn::cli {

namespace {

using hosting::CaseResult;
using hosting::ValidationReport;
using hosting::ValidationRequest;

struct Choices {
  ValidationRequest request;
  std::vector<std::string> options;
  std::string format = "text", budget;
  bool json = false, quiet = false;
  double limit_seconds = 20;
};

void print(const std::string& text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
}

int run(Choices& choices) {
  for (const std::string& option : choices.options) {
    const std::size_t equals = option.find('=');
    if (equals == std::string::npos || equals == 0) {
      std::fprintf(stderr, "cairn validate: --option %s: expected NAME=VALUE\n", option.c_str());
      return 2;
    }
    choices.request.options.set(option.substr(0, equals),
                                ConfigValue(option.substr(equals + 1)).mark_interpolated());
  }
  choices.request.case_limit =
      std::chrono::milliseconds(static_cast<std::int64_t>(choices.limit_seconds * 1000));
  if (!choices.budget.empty()) {
    const auto budget = hosting::parse_duration(choices.budget);
    if (!budget || budget->count() <= 0) {
      std::fprintf(stderr, "cairn validate: --budget %s: expected a time, such as 500ns or 20us\n",
                   choices.budget.c_str());
      return 2;
    }
    choices.request.budget = *budget;
  }
  if (choices.json) choices.format = "json";
  const bool text = choices.format == "text";
  try {
    const ValidationReport report = hosting::validate(choices.request, [&](const CaseResult& one) {
      if (text && (!choices.quiet || one.outcome == CaseResult::Outcome::failed))
        print(hosting::as_text(one));
    });
    if (text) print(hosting::summary(report));
    if (choices.format == "json") print(hosting::as_json(report));
    if (choices.format == "tap") print(hosting::as_tap(report));
    if (choices.format == "junit") print(hosting::as_junit(report));
    return report.passed() ? 0 : 1;
  } catch (const hosting::NoSuchRule& error) {
    std::fprintf(stderr, "cairn validate: %s\n", error.what());
    return 2;
  } catch (const Error& error) {
    std::fprintf(stderr, "cairn validate: %s\n", error.what());
    return 3;
  }
}

}  // namespace

void add_validate(CLI::App& app, Globals& globals) {
  const auto choices = std::make_shared<Choices>();
  CLI::App* const command = app.add_subcommand(
      "validate", "Try a plugin against the whole contract, each rule in a process of its own");
  command->add_option("file", choices->request.file, "The built plugin, a shared library")
      ->required();
  command->add_option("--component", choices->request.component,
                      "Only this component of the plugin");
  command
      ->add_option("--option", choices->options,
                   "NAME=VALUE: an option of the component; may be repeated")
      ->allow_extra_args(false);
  command
      ->add_option("--level", choices->request.level,
                   "1: the heart of the contract; 2: everything deterministic; 3: threads, forks "
                   "and memory too")
      ->check(CLI::Range(1, 3))
      ->capture_default_str();
  command->add_option("--only", choices->request.only,
                      "Only rules whose name begins with this, such as payload/");
  command->add_option("--limit", choices->limit_seconds, "Seconds that one rule may take")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  command->add_option("--budget", choices->budget,
                      "What a call of the layer may cost of its own, such as 500ns (default: 20us "
                      "for proxies, no limit for backends)");
  command->add_option("--format", choices->format, "How to tell the result")
      ->check(CLI::IsMember({"text", "json", "tap", "junit"}))
      ->capture_default_str();
  command->add_flag("--json", choices->json, "The same as --format json");
  command->add_flag("-q,--quiet", choices->quiet, "Of the text, only failures and the summary");
  command->footer(
      "Exit code: 0 nothing is broken, 1 something is, 2 wrong usage, 3 the file cannot be used.\n"
      "Example:   cairn validate build/cairn-mine.so --option url=redis://127.0.0.1:6379/0");
  command->callback([choices, &globals] { globals.exit = static_cast<Exit>(run(*choices)); });
}

}  // namespace cairn::cli
