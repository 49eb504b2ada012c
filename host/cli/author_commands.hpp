// The commands for authors of plugins: `cairn validate` and `cairn new`.
//
// Each add_ function registers one subcommand. When it is chosen it runs, prints, and sets
// `exit_code`: 0 done, 1 a finding, 2 wrong usage, 3 the environment failed. Both references must
// outlive the parsing.
#pragma once

namespace CLI {
class App;
}

namespace cairn::cli {

void add_validate(CLI::App& app, int& exit_code);
void add_new(CLI::App& app, int& exit_code);

}  // namespace cairn::cli
