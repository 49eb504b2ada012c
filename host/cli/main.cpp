// The `cairn` command: registers the subcommands, and turns what they throw into a message and an
// exit code.

#include "commands.hpp"
#include "config/nearest_name.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <clocale>
#include <csignal>
#include <cstdio>
#include <exception>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

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

// Where a stream was closed by whoever started us, the next file that is opened would be taken for it: a
// store's, into which we then print. So something stands there that fails as the closed one does.
void occupy_closed_streams() {
  for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (fcntl(stream, F_GETFD) == -1 && errno == EBADF) {
      static_cast<void>(open("/dev/null", stream == STDIN_FILENO ? O_WRONLY : O_RDONLY));
    }
  }
}

// CLI11 says only that there must be a command.
std::string explain_missing_command(const CLI::App& app, const CLI::ParseError& error) {
  const std::vector<std::string> rest = app.remaining();
  if (error.get_name() != "RequiredError" || !app.get_subcommands().empty() || rest.empty()) {
    return {};
  }
  std::vector<std::string> commands;
  for (const CLI::App* command : app.get_subcommands({})) commands.push_back(command->get_name());
  const std::string near = hosting::nearest_name(rest.front(), commands);
  return fmt::format("there is no command `{}`; {}", rest.front(),
                     near.empty() ? "`cairn --help` lists them" : "did you mean `" + near + "`?");
}

// CLI11 says only that --config is required; whoever left it out gave the file as something else, mostly.
std::string explain_missing_file(const CLI::App& app, const CLI::ParseError& error,
                                 const std::vector<std::string>& words) {
  const std::string_view problem = error.what();
  if (error.get_name() != "RequiredError" || !problem.starts_with("--config") ||
      app.get_subcommands().empty()) {
    return {};
  }
  const std::string command = "cairn " + app.get_subcommands().front()->get_name();
  const auto file = std::find_if(words.begin(), words.end(),
                                 [](const std::string& word) { return word.ends_with(".toml"); });
  return fmt::format("which file? {} -c {}{}", command, file == words.end() ? "FILE" : *file,
                     file == words.end() ? ", or CAIRN_CONFIG in the environment" : "");
}

// Asking for help is no mistake, but it can be in vain.
Exit explain(const CLI::App& app, const CLI::ParseError& error,
             const std::vector<std::string>& words) {
  for (const std::string& text :
       {explain_missing_command(app, error), explain_missing_file(app, error, words)}) {
    if (text.empty()) continue;
    complain(text);
    return Exit::usage;
  }
  std::ostringstream help;
  if (app.exit(error, help) != 0) return Exit::usage;
  try {
    print(help.str());
    finish_output();
  } catch (const OutputClosed& closed) {
    if (*closed.what() != '\0') complain(closed.what());
    return Exit::environment;
  }
  return Exit::done;
}

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
    return static_cast<int>(explain(app, error, {argv + 1, argv + argc}));
  } catch (const UsageError& error) {
    complain(error.what());
    return static_cast<int>(Exit::usage);
  } catch (const OutputClosed& error) {
    if (*error.what() != '\0') complain(error.what());
  } catch (const ConfigError& error) {
    std::fputs(error.what(), stderr);
  } catch (const std::exception& error) {
    complain(error.what());
  }
  return static_cast<int>(Exit::environment);
}

}  // namespace

int main(int argc, char** argv) {
  occupy_closed_streams();
  std::setlocale(LC_CTYPE, "");
  std::signal(SIGPIPE, SIG_IGN);  // a reader or a server that went away is an error, not the end
  try {
    return run(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "cairn: %s\n", error.what());
    return static_cast<int>(Exit::environment);
  }
}
