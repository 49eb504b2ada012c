// `cairn` with the two commands for plugin authors only.
#include "../../host/cli/author_commands.hpp"

#include <CLI/CLI.hpp>

int main(int count, char** arguments) {
  CLI::App app("cairn");
  app.require_subcommand(1);
  int exit_code = 0;
  cairn::cli::add_validate(app, exit_code);
  cairn::cli::add_new(app, exit_code);
  try {
    app.parse(count, arguments);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  return exit_code;
}
