// `cairn validate`: the contract, tried on a built plugin, each rule in a process of its own.
//
// The calling process never loads the plugin: whatever it does, the report comes.
// Errors: Error(config) if the file cannot be looked at. Threads: call it while there is only one.
#pragma once

#include "loading/plugin_note.hpp"

#include <cairn/host/config.hpp>

#include <chrono>
#include <filesystem>
#include <functional>
#include <stdexcept>
#include <string>
#include <vector>

namespace cairn::hosting {

struct ValidationRequest {
  std::filesystem::path file;
  /// Only this component; empty: all of the plugin's.
  std::string component;
  /// Only rules whose name begins with this.
  std::string only;
  /// As in a configuration file. Options that are required and not given are made up from their
  /// types.
  ConfigTable options;
  /// 1: the heart of the contract; 2: everything deterministic; 3: threads, forks and growth too.
  int level = 3;
  std::chrono::milliseconds case_limit{20'000};
  /// What a call of the layer may cost of its own; 0: 20 us for a proxy, as much as it likes for a
  /// backend.
  std::chrono::nanoseconds budget{0};
};

/// What became of one rule on one component; `component` is empty for rules about the file.
struct CaseResult {
  enum class Outcome { passed, skipped, failed };

  std::string component;
  std::string name;
  Outcome outcome = Outcome::passed;
  std::vector<std::string>
      messages;  ///< what is broken, why it was skipped, or what is worth knowing
  std::chrono::duration<double> took{};
};

std::string_view to_string(CaseResult::Outcome outcome) noexcept;

struct ValidationReport {
  std::filesystem::path file;
  PluginNote note;
  std::vector<CaseResult> cases;

  std::size_t count(CaseResult::Outcome outcome) const noexcept;
  bool passed() const noexcept { return count(CaseResult::Outcome::failed) == 0; }
};

/// `only` and `level` leave no rule to be tried; what() says which there are.
struct NoSuchRule : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// `heard` is called with each result as it comes. Errors: Error(config), too, if there is no such
/// component; NoSuchRule.
ValidationReport validate(const ValidationRequest& request,
                          const std::function<void(const CaseResult&)>& heard = {});

}  // namespace cairn::hosting
