// The `cairn` command: registers the subcommands, and turns what they throw into a message and an
// exit code.

#include "commands.hpp"

#include <fmt/format.h>

#include <clocale>
#include <csignal>
#include <cstdio>
#include <exception>

namespace {

using namespace cairn;
using namespace cairn::cli;

constexpr const char* footer = R"(
Examples:
  cairn check shop.toml
  cairn set -c shop.toml -r users 42 Ada
  cairn get -c shop.toml -r users 42
  cairn explain -c shop.toml users
  cairn bench -c shop.toml -r users --stampede 200

Exit code: 0 done, 1 a negative answer (a miss, findings), 2 wrong usage, 3 the environment failed.)";

int run(int argc, char** argv) {
  CLI::App app("cairn: look at, use and measure a cache of plugins.", "cairn");
  Globals globals;
  app.set_version_flag("--version", "cairn " CAIRN_VERSION);
  app.require_subcommand(1);
  app.footer(footer);
  add_plugins(app, globals);
  add_inspect(app, globals);
  add_check(app, globals);
  add_explain(app, globals);
  add_get(app, globals);
  add_set(app, globals);
  add_del(app, globals);
  add_keys(app, globals);
  add_bench(app, globals);
  add_train_dictionary(app, globals);
  add_validate(app, globals);
  add_new(app, globals);

  try {
    app.parse(argc, argv);
    finish_output();
    return static_cast<int>(globals.exit);
  } catch (const CLI::ParseError& error) {
    // Asking for help is no mistake.
    return app.exit(error) == 0 ? static_cast<int>(Exit::done) : static_cast<int>(Exit::usage);
  } catch (const UsageError& error) {
    complain(error.what());
    return static_cast<int>(Exit::usage);
  } catch (const OutputClosed& error) {
    if (*error.what() != '\0') complain(error.what());
  } catch (const ConfigError& error) {
    fmt::print(stderr, "{}", error.what());
  } catch (const std::exception& error) {
    complain(error.what());
  }
  return static_cast<int>(Exit::environment);
}

}  // namespace

int main(int argc, char** argv) {
  std::setlocale(LC_CTYPE, "");
  std::signal(SIGPIPE, SIG_IGN);  // a reader or a server that went away is an error, not the end
  try {
    return run(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "cairn: %s\n", error.what());
    return static_cast<int>(Exit::environment);
  }
}
