#include "conformance/validation.hpp"

#include "config/nearest_name.hpp"
#include "conformance/child_process.hpp"
#include "conformance/plugin_on_trial.hpp"
#include "conformance/plugin_rules.hpp"
#include "conformance/scratch_folder.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>

namespace cairn::hosting {

namespace {

namespace fs = std::filesystem;
using Outcome = CaseResult::Outcome;

// What a case has to say from its child process.
struct Answer {
  std::vector<std::string> violations;
  std::string skipped;
  std::string remark;

  Answer() = default;
  explicit Answer(const testing::Verdict& verdict)
      : violations(verdict.violations), skipped(verdict.skipped) {}

  std::string encode() const {
    return nlohmann::json{{"violations", violations}, {"skipped", skipped}, {"remark", remark}}
        .dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
  }
};

// One case before it is run: what the child does, and how to speak of it.
struct Case {
  std::string component, name;
  const char* doing;
  const char* if_stuck;
  std::function<Answer(const fs::path& scratch, Stage&)> run;
};

// Its last words: what it wrote, on one line.
std::string last_words(const std::string& written) {
  std::string words;
  for (const char c : written) words += c == '\n' || c == '\r' ? ' ' : c;
  const std::size_t end = words.find_last_not_of(' ');
  return end == std::string::npos ? "" : words.substr(0, end + 1);
}

// What became of a child that did not answer, as one sentence.
std::string ended(const ChildEnd& end, const ChildLimits& limits, const Case& one) {
  std::string text = fmt::format("{} while {}", describe(end, limits), one.doing);
  if (!end.stage.empty() && end.stage != one.doing) text += fmt::format(", {}", end.stage);
  if (end.how == ChildEnd::How::timed_out) text += fmt::format(": {}", one.if_stuck);
  return text;
}

CaseResult run(const Case& one, const ValidationRequest& request, const ScratchFolder& folder) {
  CaseResult result{one.component, one.name, Outcome::passed, {}, {}};
  const fs::path scratch = folder.emptied();
  const ChildLimits limits{request.case_limit};
  const auto begin = std::chrono::steady_clock::now();
  const ChildEnd end =
      run_in_child([&](Stage& stage) { return one.run(scratch, stage).encode(); }, limits);
  result.took = std::chrono::steady_clock::now() - begin;

  if (end.how == ChildEnd::How::answered) {
    const nlohmann::json answer = nlohmann::json::parse(end.answer);
    result.messages = answer.at("violations").get<std::vector<std::string>>();
    const std::string skipped = answer.at("skipped"), remark = answer.at("remark");
    if (!result.messages.empty()) {
      result.outcome = Outcome::failed;
    } else if (!skipped.empty()) {
      result.outcome = Outcome::skipped;
      result.messages.push_back(skipped);
    }
    if (!remark.empty()) result.messages.push_back(remark);
    return result;
  }
  result.outcome = Outcome::failed;
  result.messages.push_back(ended(end, limits, one));
  if (const std::string words = last_words(end.errors); !words.empty()) {
    result.messages.push_back("its last words: " + words);
  }
  return result;
}

Case contract_case(const OfferedComponent& offered, const testing::Rule& rule,
                   const ValidationRequest& request) {
  return {offered.name, rule.name, rule.doing, rule.if_stuck,
          [&request, offered, &rule](const fs::path& scratch, Stage& stage) {
            PluginOnTrial plugin(request, stage);
            return Answer(
                testing::try_rule(rule, plugin.subject(plugin.component(offered.name), scratch)));
          }};
}

Case plugin_case(const OfferedComponent& offered, const PluginRule& rule,
                 const ValidationRequest& request) {
  return {offered.name, rule.name, rule.doing, rule.if_stuck,
          [&request, offered, &rule](const fs::path& scratch, Stage& stage) {
            const ProcessSettings before = ProcessSettings::current();
            PluginOnTrial plugin(request, stage);
            const cairn_component& component = plugin.component(offered.name);
            std::string remark;
            Answer answer(testing::try_check(
                rule.name, plugin.subject(component, scratch), [&](testing::Trial& trial) {
                  PluginTrial on_trial{plugin, component, plugin.options(component, scratch), trial,
                                       before};
                  rule.check(on_trial);
                  remark = on_trial.remark;
                }));
            answer.remark = remark;
            return answer;
          }};
}

Case exits_case(const OfferedComponent& offered, const ValidationRequest& request) {
  return {offered.name, "process/exit", "ending the process with an instance in use",
          "the end is never reached", [&request, offered](const fs::path& scratch, Stage& stage) {
            PluginOnTrial plugin(request, stage);
            const std::string fault = exit_fault(plugin, plugin.component(offered.name), scratch);
            Answer answer;
            if (!fault.empty()) answer.violations.push_back(fault);
            return answer;
          }};
}

// What must hold before anything else of a proxy can be tried.
Case offers_case(const OfferedComponent& offered, const ValidationRequest& request) {
  return contract_case(offered, testing::proxy_rules().front(), request);
}

// All others.
std::vector<Case> cases_of(const OfferedComponent& offered, const ValidationRequest& request) {
  std::vector<Case> cases;
  const auto add_contract = [&](std::span<const testing::Rule> rules) {
    for (const testing::Rule& rule : rules) {
      if (rule.level <= request.level) cases.push_back(contract_case(offered, rule, request));
    }
  };
  const auto add_plugin = [&](std::span<const PluginRule> rules) {
    for (const PluginRule& rule : rules) {
      if (rule.level <= request.level) cases.push_back(plugin_case(offered, rule, request));
    }
  };
  add_contract(testing::backend_rules());
  if (offered.role == Role::proxy) add_contract(testing::proxy_rules().subspan(1));
  add_plugin(abi_rules(offered.role));
  add_plugin(process_rules());
  if (request.level >= 2) cases.push_back(exits_case(offered, request));
  add_plugin(cost_rules());
  return cases;
}

Case symbols_case(const ValidationRequest& request) {
  return {"", "file/symbols", "reading its symbols", "", [&request](const fs::path&, Stage&) {
            Answer answer;
            answer.violations = symbol_faults(request.file);
            return answer;
          }};
}

Case loads_case(const ValidationRequest& request) {
  return {"", "file/loads", "being loaded", "code that runs when it is loaded waits",
          [&request](const fs::path&, Stage& stage) {
            Answer answer;
            try {
              PluginOnTrial plugin(request, stage);
            } catch (const Error& error) {
              answer.violations.push_back(error.what());
            }
            return answer;
          }};
}

// A program starts as slowly as its slowest backend.
constexpr std::chrono::seconds longest_create{5};

Case creates_case(const OfferedComponent& offered, const ValidationRequest& request) {
  return {offered.name, "create", "being created and destroyed", "create or destroy waits",
          [&request, offered](const fs::path& scratch, Stage& stage) {
            Answer answer;
            try {
              PluginOnTrial plugin(request, stage);
              const cairn_component& component = plugin.component(offered.name);
              std::vector<std::string> made_up;
              plugin.options(component, scratch, &made_up);
              if (!made_up.empty()) {
                answer.remark = fmt::format("made up a value for {}: pass --option {}=...",
                                            fmt::join(made_up, ", "), made_up[0]);
              }
              const testing::Subject subject = plugin.subject(component, scratch);
              testing::Trial trial(subject);
              const auto begin = std::chrono::steady_clock::now();
              trial.backend();
              const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
              trial.destroy();
              if (took > longest_create) {
                answer.violations.push_back(
                    fmt::format("create takes {:.1f} s, and every program that uses it starts as "
                                "slowly: put off what takes long to the first call",
                                took.count()));
              }
            } catch (const Error& error) {
              answer.violations.push_back(fmt::format("create fails: {}", error.what()));
            }
            return answer;
          }};
}

// The names of what can be tried on `components` up to `level`.
std::vector<std::string> names_of_rules(const std::vector<OfferedComponent>& components,
                                        const ValidationRequest& request, int level) {
  std::vector<std::string> names{"file/symbols", "file/loads", "create"};
  ValidationRequest at_level = request;
  at_level.level = level;
  for (const OfferedComponent& offered : components) {
    if (offered.role == Role::proxy) names.push_back(offers_case(offered, request).name);
    for (const Case& one : cases_of(offered, at_level)) names.push_back(one.name);
  }
  return names;
}

// What to write instead of `only`.
std::string names_like(const std::string& only, const std::vector<std::string>& names) {
  if (const std::string near = nearest_name(only, names); !near.empty()) {
    return fmt::format("did you mean `{}`?", near);
  }
  std::vector<std::string> groups;
  for (const std::string& name : names) {
    std::string group = name.substr(0, name.find('/') + 1);
    if (group.empty()) group = name;
    if (std::find(groups.begin(), groups.end(), group) == groups.end()) groups.push_back(group);
  }
  return fmt::format("there are {}", fmt::join(groups, ", "));
}

// A run that tried nothing of what was asked for must not look as if all was well.
std::vector<OfferedComponent> chosen_components(const PluginNote& note,
                                                const ValidationRequest& request) {
  std::vector<OfferedComponent> chosen;
  for (const OfferedComponent& offered : note.components) {
    if (request.component.empty() || offered.name == request.component) chosen.push_back(offered);
  }
  if (chosen.empty() && !request.component.empty()) {
    throw Error(Errc::config, fmt::format("{} offers no component `{}`", request.file.string(),
                                          request.component));
  }
  const auto any = [&](const std::vector<std::string>& names) {
    return std::any_of(names.begin(), names.end(),
                       [&](const std::string& name) { return name.starts_with(request.only); });
  };
  if (any(names_of_rules(chosen, request, request.level))) return chosen;
  const std::vector<std::string> all = names_of_rules(chosen, request, 3);
  throw NoSuchRule(
      fmt::format("no rule of level {} begins with `{}`: {}", request.level, request.only,
                  any(all) ? "it takes a higher --level" : names_like(request.only, all)));
}

}  // namespace

std::string_view to_string(Outcome outcome) noexcept {
  switch (outcome) {
    case Outcome::passed: return "passed";
    case Outcome::skipped: return "skipped";
    case Outcome::failed: return "failed";
  }
  return "failed";
}

std::size_t ValidationReport::count(Outcome outcome) const noexcept {
  return static_cast<std::size_t>(std::count_if(
      cases.begin(), cases.end(), [&](const CaseResult& one) { return one.outcome == outcome; }));
}

ValidationReport validate(const ValidationRequest& request,
                          const std::function<void(const CaseResult&)>& heard) {
  ValidationReport report{request.file, inspect_plugin(request.file), {}};
  const std::vector<OfferedComponent> chosen = chosen_components(report.note, request);
  const ScratchFolder folder;
  const auto try_case = [&](const Case& one) { return run(one, request, folder); };
  const auto add = [&](CaseResult result) {
    if (heard) heard(result);
    report.cases.push_back(std::move(result));
    return report.cases.back().outcome != Outcome::failed;
  };

  add(try_case(symbols_case(request)));
  if (!add(try_case(loads_case(request)))) return report;

  for (const OfferedComponent& offered : chosen) {
    if (!add(try_case(creates_case(offered, request)))) continue;
    if (offered.role == Role::proxy) {
      CaseResult offers = try_case(offers_case(offered, request));
      const bool failed = offers.outcome == Outcome::failed;
      if (failed || offers.name.starts_with(request.only)) add(std::move(offers));
      if (failed) continue;  // all others would say the same
    }
    for (const Case& one : cases_of(offered, request)) {
      if (one.name.starts_with(request.only)) add(try_case(one));
    }
  }
  return report;
}

}  // namespace cairn::hosting
