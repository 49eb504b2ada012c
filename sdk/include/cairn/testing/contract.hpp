// The contract of a Backend, as something that can be run: header-only, and without a test
// framework.
//
//     for (const Violation& v : check_contract({.make = [] { return std::make_unique<Mine>(); }}))
//     {
//       std::cerr << v.rule << ": " << v.what << '\n';
//     }
//
// A proxy is tried in front of a store that writes down what reaches it:
//
//     Subject subject;
//     subject.make_over = [](Backend& below) { return std::make_unique<MyProxy>(below); };
//     subject.traits = Traits::of(...);     // or fill in what the proxy declares
//     check_contract(subject);
//
// Rules that cannot apply are skipped: a layer without locks has no lock rules to break. Pass a
// `heard` function to hear of each rule. `cairn validate` runs the same rules on a built plugin,
// each in a process of its own, so that one that hangs or crashes is told too. Threads: one.
// Outcomes: never throws for what the layer does.
#pragma once

#include <cairn/testing/call_rules.hpp>
#include <cairn/testing/entry_rules.hpp>
#include <cairn/testing/lock_rules.hpp>
#include <cairn/testing/proxy_rules.hpp>
#include <cairn/testing/thread_rules.hpp>
#include <cairn/testing/trial.hpp>

#include <span>

namespace cairn::testing {

/// What holds for every layer, backends and proxies alike.
inline std::span<const Rule> backend_rules() noexcept {
  constexpr const char* waits = "it waits for itself or for ever";
  static constexpr Rule all[] = {
      {"get/absent", 1, waits, &rules::absent_is_a_miss},
      {"set/get", 1, waits, &rules::set_then_get},
      {"remove/gone", 1, waits, &rules::removed_is_gone},
      {"batch/empty", 1, waits, &rules::empty_batches_do_nothing},
      {"batch/agrees", 1, waits, &rules::batches_agree_with_single_calls},
      {"payload/round-trip", 1, waits, &rules::payloads_come_back},
      {"payload/borrowed", 1, waits, &rules::borrowed_payloads_are_copied},
      {"payload/outlives", 1, waits, &rules::results_outlive_the_store},
      {"payload/references", 1, waits, &rules::references_balance},
      {"payload/metadata", 1, waits, &rules::metadata_comes_back},
      {"payload/objects", 1, waits, &rules::objects_stay_themselves},
      {"payload/release", 2,
       "it releases an entry while it holds a lock that its own operations take: the end of a "
       "payload may call the "
       "cache again",
       &rules::releasing_may_call_back},
      {"key/bytes", 2, waits, &rules::keys_are_any_bytes},
      {"key/length", 2, waits, &rules::keys_are_long_and_short},
      {"batch/repeated", 2, waits, &rules::batches_may_repeat_keys},
      {"batch/large", 2, waits, &rules::large_batches_stay_in_order},
      {"ttl/ends", 2, waits, &rules::time_to_live_ends},
      {"ttl/edges", 2, waits, &rules::time_to_live_has_no_edges},
      {"call/deadline", 2, "it ignores deadlines", &rules::deadlines_are_minded},
      {"call/flags", 2, waits, &rules::unknown_flags_are_refused},
      {"stats", 2, waits, &rules::statistics_are_a_map},
      {"extension", 2, waits, &rules::unknown_extensions_are_null},
      {"lock/excludes", 2, "lock waits instead of trying once", &rules::locks_exclude},
      {"lock/token", 2, "lock waits instead of trying once", &rules::tokens_protect_locks},
      {"lock/lease", 2, "lock waits instead of trying once", &rules::leases_end},
      {"lock/await", 2, "await_unlock does not mind how long it may wait", &rules::waiting_ends},
      {"lock/other-thread", 2, "unlock waits for the thread that locked",
       &rules::any_thread_may_unlock},
      {"threads/values", 3, "threads wait for each other", &rules::values_stay_whole},
      {"threads/locks", 3, "threads wait for each other", &rules::locks_exclude_threads},
  };
  return all;
}

/// What holds for proxies besides.
inline std::span<const Rule> proxy_rules() noexcept {
  constexpr const char* waits = "it waits for itself or for ever";
  static constexpr Rule all[] = {
      {"proxy/one-key", 1, waits, &rules::one_key_for_every_operation},
      {"proxy/injective", 1, waits, &rules::keys_stay_different},
      {"proxy/keeps-keys", 1, waits, &rules::undeclared_keys_are_left_alone},
      {"proxy/keeps-values", 1, waits, &rules::undeclared_values_are_left_alone},
      {"proxy/keeps-ttl", 1, waits, &rules::undeclared_ttls_are_left_alone},
      {"proxy/keeps-flow", 1, waits, &rules::undeclared_flow_is_left_alone},
      {"proxy/emits", 1, waits, &rules::emits_what_it_declares},
      {"proxy/call", 1, waits, &rules::the_call_is_handed_on},
      {"proxy/errors", 2, waits, &rules::errors_pass_upwards},
      {"proxy/corrupt", 2, waits, &rules::foreign_payloads_are_corrupt},
      {"proxy/corrupt-batch", 2, waits, &rules::one_corrupt_value_is_one_answer},
  };
  return all;
}

/// What became of one rule.
struct Verdict {
  std::string rule;
  std::vector<std::string> violations;
  std::string skipped;  ///< why it was not tried; empty: it was
};

/// Tries one rule.
inline Verdict try_rule(const Rule& rule, const Subject& subject) {
  Verdict verdict{rule.name, {}, {}};
  Trial trial(subject);
  try {
    rule.check(trial);
  } catch (const Skipped& skipped) {
    verdict.skipped = skipped.why;
  } catch (const Error& error) {
    trial.violation("an operation fails unexpectedly with " + std::string(to_string(error.code())) +
                    ": " + error.what());
  } catch (const std::exception& error) {
    trial.violation(std::string("an operation throws: ") + error.what());
  }
  verdict.violations = trial.violations();
  return verdict;
}

/// Every broken rule up to `level`; none: the layer keeps the contract.
inline std::vector<Violation> check_contract(
    const Subject& subject, int level = 3, const std::function<void(const Verdict&)>& heard = {}) {
  std::vector<Violation> violations;
  const auto try_all = [&](std::span<const Rule> all) {
    for (const Rule& rule : all) {
      if (rule.level > level) continue;
      const Verdict verdict = try_rule(rule, subject);
      for (const std::string& what : verdict.violations) violations.push_back({verdict.rule, what});
      if (heard) heard(verdict);
    }
  };
  try_all(backend_rules());
  if (subject.is_proxy()) try_all(proxy_rules());
  return violations;
}

}  // namespace cairn::testing
