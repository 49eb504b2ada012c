// The rules that need the built plugin, and not only its class: about its file, the process that it
// lives in, hosts of another age, and what it costs.
#pragma once

#include "conformance/plugin_on_trial.hpp"
#include "conformance/process_settings.hpp"

#include <span>
#include <string>
#include <vector>

namespace cairn::hosting {

/// What one case works with, in its child process.
struct PluginTrial {
  PluginOnTrial& plugin;
  const cairn_component& component;
  const Document options;
  testing::Trial& trial;         ///< of a fresh layer
  const ProcessSettings before;  ///< from before the plugin was loaded
  std::string remark = {};       ///< worth knowing, though nothing is broken
};

struct PluginRule {
  const char* name;
  int level;
  void (*check)(PluginTrial&);
  const char* doing;
  const char* if_stuck = "it waits for itself, or for ever";
};

/// What a component does to its process: threads, files, memory, signals, output, forks.
std::span<const PluginRule> process_rules() noexcept;
/// That it works in a later host, and a proxy with operations that it has never heard of.
std::span<const PluginRule> abi_rules(Role role) noexcept;
/// What its calls cost, and for proxies whether that is within the budget.
std::span<const PluginRule> cost_rules() noexcept;

/// What goes wrong when a process ends with an instance in use, as in a program with a global
/// cache; empty: nothing.
std::string exit_fault(PluginOnTrial& plugin, const cairn_component& component,
                       const std::filesystem::path& scratch);

/// What is wrong with the symbols that the file exports; empty: nothing.
std::vector<std::string> symbol_faults(const std::filesystem::path& file);

}  // namespace cairn::hosting
