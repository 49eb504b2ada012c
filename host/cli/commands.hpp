// All subcommands: each declares itself on `app` and says what it does. See environment.hpp.
#pragma once

#include "environment.hpp"

namespace cairn::cli {

// looking
void add_plugins(CLI::App& app, Globals& globals);
void add_inspect(CLI::App& app, Globals& globals);
void add_check(CLI::App& app, Globals& globals);
void add_explain(CLI::App& app, Globals& globals);

// entries
void add_get(CLI::App& app, Globals& globals);
void add_set(CLI::App& app, Globals& globals);
void add_del(CLI::App& app, Globals& globals);
void add_keys(CLI::App& app, Globals& globals);

// measuring and preparing
void add_bench(CLI::App& app, Globals& globals);
void add_train_dictionary(CLI::App& app, Globals& globals);

// for authors of plugins
void add_validate(CLI::App& app, Globals& globals);
void add_new(CLI::App& app, Globals& globals);

}  // namespace cairn::cli
