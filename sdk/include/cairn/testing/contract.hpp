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
  constexpr const char* unlike_trying = "lock waits instead of trying once";
  static constexpr Rule all[] = {
      {"get/absent", 1, &rules::absent_is_a_miss, "getting a key that was never set"},
      {"set/get", 1, &rules::set_then_get, "setting and getting a key"},
      {"remove/gone", 1, &rules::removed_is_gone,
       "removing keys that are there and keys that are not"},
      {"batch/empty", 1, &rules::empty_batches_do_nothing, "doing batches of no keys"},
      {"batch/agrees", 1, &rules::batches_agree_with_single_calls,
       "doing in batches what was done singly"},
      {"payload/round-trip", 1, &rules::payloads_come_back, "setting payloads of every sort"},
      {"payload/borrowed", 1, &rules::borrowed_payloads_are_copied,
       "setting payloads that nobody owns"},
      {"payload/outlives", 1, &rules::results_outlive_the_store,
       "holding an entry longer than its key"},
      {"payload/references", 1, &rules::references_balance, "counting the references to payloads"},
      {"payload/metadata", 1, &rules::metadata_comes_back, "setting an entry with metadata"},
      {"payload/objects", 1, &rules::objects_stay_themselves,
       "setting an object of the program's own"},
      {"payload/release", 2, &rules::releasing_may_call_back,
       "releasing a payload whose end calls the cache again",
       "it releases an entry while it holds a lock that its own operations take"},
      {"key/bytes", 2, &rules::keys_are_any_bytes, "using keys with unusual bytes"},
      {"key/length", 2, &rules::keys_are_long_and_short, "using the longest key and the empty one"},
      {"batch/repeated", 2, &rules::batches_may_repeat_keys,
       "doing batches with a key in them twice"},
      {"batch/large", 2, &rules::large_batches_stay_in_order, "doing batches of 1000 keys"},
      {"ttl/ends", 2, &rules::time_to_live_ends, "waiting for a time to live to end"},
      {"ttl/edges", 2, &rules::time_to_live_has_no_edges,
       "setting the longest and the shortest time to live"},
      {"call/deadline", 2, &rules::deadlines_are_minded, "calling with a deadline",
       "it ignores deadlines"},
      {"call/null", 2, &rules::calls_may_be_null, "calling without a call context, as is legal"},
      {"call/flags", 2, &rules::unknown_flags_are_refused,
       "setting with a flag that does not exist yet"},
      {"stats", 2, &rules::statistics_are_a_map, "asking for statistics"},
      {"extension", 2, &rules::unknown_extensions_are_null,
       "asking for an extension that nobody knows"},
      {"lock/excludes", 2, &rules::locks_exclude, "locking a key twice", unlike_trying},
      {"lock/token", 2, &rules::tokens_protect_locks, "unlocking with another's token",
       unlike_trying},
      {"lock/lease", 2, &rules::leases_end, "waiting for a lease to end", unlike_trying},
      {"lock/edges", 2, &rules::leases_have_no_edges, "locking for as long as can be said",
       unlike_trying},
      {"lock/await", 2, &rules::waiting_ends, "waiting for a lock",
       "await_unlock does not mind how long it may wait"},
      {"lock/other-thread", 2, &rules::any_thread_may_unlock, "unlocking on another thread",
       "unlock waits for the thread that locked"},
      {"threads/same", 2, &rules::threads_see_the_same, "setting on one thread, getting on another",
       "it waits for the thread that was there before"},
      {"threads/values", 3, &rules::values_stay_whole,
       "four threads called it at once, which it declares it can bear (`threads`)",
       "the threads wait for each other"},
      {"threads/locks", 3, &rules::locks_exclude_threads, "four threads wanted one lock",
       "the threads wait for each other"},
  };
  return all;
}

/// What holds for proxies besides. The first comes before everything: without get, set and remove
/// nothing else can be tried.
inline std::span<const Rule> proxy_rules() noexcept {
  static constexpr Rule all[] = {
      {"proxy/offers", 1, &rules::what_cannot_be_passed_by_is_offered,
       "looking for operations that a host would refuse"},
      {"proxy/one-key", 1, &rules::one_key_for_every_operation,
       "comparing the keys that operations ask for below"},
      {"proxy/injective", 1, &rules::keys_stay_different,
       "setting many keys that are nearly alike"},
      {"proxy/keeps-keys", 1, &rules::undeclared_keys_are_left_alone,
       "looking for keys that change"},
      {"proxy/keeps-values", 1, &rules::undeclared_values_are_left_alone,
       "looking for payloads that change"},
      {"proxy/keeps-ttl", 1, &rules::undeclared_ttls_are_left_alone,
       "looking for times to live that change"},
      {"proxy/keeps-flow", 1, &rules::undeclared_flow_is_left_alone,
       "counting the calls that arrive below"},
      {"proxy/emits", 1, &rules::emits_what_it_declares,
       "looking at the kinds of payload that arrive below"},
      {"proxy/call", 1, &rules::the_call_is_handed_on,
       "looking for the deadline that arrives below"},
      {"proxy/errors", 2, &rules::errors_pass_upwards, "letting the layer below fail"},
      {"proxy/corrupt", 2, &rules::foreign_payloads_are_corrupt,
       "getting stored payloads that are damaged"},
      {"proxy/corrupt-batch", 2, &rules::one_corrupt_value_is_one_answer,
       "getting a batch with a damaged payload"},
  };
  return all;
}

/// What became of one rule.
struct Verdict {
  std::string rule;
  std::vector<std::string> violations;
  std::string skipped;  ///< why it was not tried; empty: it was
};

/// What `check(Trial&)` finds, whatever it throws.
template <class Check>
Verdict try_check(const char* name, const Subject& subject, Check check) {
  Verdict verdict{name, {}, {}};
  Trial trial(subject);
  try {
    check(trial);
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

/// Tries one rule.
inline Verdict try_rule(const Rule& rule, const Subject& subject) {
  return try_check(rule.name, subject, rule.check);
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
  if (subject.is_proxy()) {
    try_all(proxy_rules().first(1));
    if (!violations.empty()) return violations;
  }
  try_all(backend_rules());
  if (subject.is_proxy()) try_all(proxy_rules().subspan(1));
  return violations;
}

}  // namespace cairn::testing
