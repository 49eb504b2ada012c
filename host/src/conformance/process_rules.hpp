// The rules that concern the process that a plugin lives in: its file, threads, forks, memory and
// exit.
#pragma once

#include "conformance/plugin_on_trial.hpp"

#include <span>
#include <string>
#include <vector>

namespace cairn::hosting {

/// What one case works with, in its child process.
struct ProcessTrial {
  PluginOnTrial& plugin;
  const cairn_component& component;
  testing::Trial& trial;  ///< of a fresh layer
};

struct ProcessRule {
  const char* name;
  int level;
  void (*check)(ProcessTrial&);
  const char* doing;
  const char* if_stuck = "it waits for itself, or for ever";
};

/// Rules for every component.
std::span<const ProcessRule> process_rules() noexcept;

/// What goes wrong when a process ends with an instance in use, as in a program with a global
/// cache; empty: nothing.
std::string exit_fault(PluginOnTrial& plugin, const cairn_component& component,
                       const std::filesystem::path& scratch);

/// What is wrong with the symbols that the file exports; empty: nothing.
std::vector<std::string> symbol_faults(const std::filesystem::path& file);

}  // namespace cairn::hosting
