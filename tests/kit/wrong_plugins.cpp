// The conformance kit, tried on plugins with one fault each: it must find that fault and name it.
#include "catch.hpp"
#include "conformance/plugin_rules.hpp"
#include "conformance/validation.hpp"

#include <cairn/host/host.hpp>

#include <sys/wait.h>

#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>

using namespace cairn::hosting;
using Outcome = CaseResult::Outcome;

namespace {

std::filesystem::path in_folder(const char* variable, const std::string& file) {
  const char* folder = std::getenv(variable);
  REQUIRE(folder != nullptr);
  return std::filesystem::path(folder) / file;
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool memory_is_limited = false;  // their own needs are too large for that
#else
constexpr bool memory_is_limited = true;
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool children_allocate = false;  // not in gcc 12, where there were threads
#else
constexpr bool children_allocate = true;
#endif

// Whether the kit can find a fault in this build.
bool can_be_found(const char* component, std::string_view rule) {
  const bool needs_limit = component == std::string_view("takes-all-memory") ||
                           component == std::string_view("unbounded-memory");
  const bool forks = rule == "process/fork" || component == std::string_view("forks-in-calls");
  return (memory_is_limited || !needs_limit) && (children_allocate || !forks);
}

struct Fault {
  const char* file;
  const char* component;
  const char* rule;      // the one that must find it
  const char* sentence;  // part of what it must say
  bool hangs = false;    // and has to be ended
};
const Fault faults[] = {
    {"backends", "leaks-reference", "payload/references", "it leaks references: "},
    {"backends", "releases-twice", "payload/references",
     "it released payloads that it did not own"},
    {"backends", "returns-borrowed", "payload/outlives", "get handed out a borrowed pointer"},
    {"backends", "keeps-borrowed", "payload/borrowed",
     "set kept a pointer into the caller's buffer"},
    {"backends", "mixes-up-batches", "batch/agrees", "get_multi and get do not agree: at place 0"},
    {"backends", "cuts-keys", "key/bytes", "keys are mixed up"},
    {"backends", "cuts-values", "payload/round-trip", "a mebibyte comes back as something else"},
    {"backends", "forgets-metadata", "payload/metadata",
     "the time when the value was made is lost"},
    {"backends", "ignores-ttl", "ttl/ends", "get answers an entry after its time to live of 1 s"},
    {"backends", "overflows-ttl", "ttl/edges",
     "the longest time to live (2^63 - 1 ns) ends at once"},
    {"backends", "ignores-deadlines", "call/deadline", "get ignores its deadline"},
    {"backends", "gives-locks-away", "lock/excludes", "lock gives the same lock away twice"},
    {"backends", "ignores-tokens", "lock/token",
     "unlock answers OK to a token that it never handed out"},
    {"backends", "overflows-leases", "lock/edges",
     "the longest lease (2^63 - 1 ns) ends at once: it overflows"},
    {"backends", "overflows-renewals", "lock/edges",
     "renew for the longest lease (2^63 - 1 ns) loses the lock"},
    {"backends", "waits-for-locks", "lock/excludes", "lock waits instead of trying once", true},
    {"backends", "deadlocks-on-reentry", "payload/release",
     "it releases an entry while it holds a lock that its own operations take", true},
    {"backends", "races", "threads/values", "four threads"},
    {"backends", "keeps-locks-in-children", "process/fork", "after_fork must forget locks"},
    {"backends", "throws-when-destroyed", "create", "crashed with SIGABRT"},
    {"backends", "leaves-threads", "process/instances", "destroy leaves threads behind: 10 more"},
    {"backends", "grows-for-ever", "process/memory", "its memory grows"},
    {"backends", "grows-slowly", "process/memory", "its memory grows"},
    {"backends", "stats-are-no-map", "stats", "stats answers text, expected a map"},
    {"backends", "offers-every-extension", "extension",
     "extension answers an id that nobody has defined"},
    {"backends", "cannot-be-created", "create",
     "create fails: cannot-be-created: no server at 127.0.0.1:1"},
    {"flags", "accepts-any-flag", "call/flags",
     "set with a flag that does not exist yet answers 0"},
    {"proxies", "forgets-batches", "proxy/one-key", "was an operation or a batch forgotten?"},
    {"proxies", "not-injective", "proxy/injective", "keys are not kept apart"},
    {"proxies", "undeclared-key", "proxy/keeps-keys", "but `transforms` does not declare key"},
    {"proxies", "undeclared-value", "proxy/keeps-values",
     "but `transforms` does not declare value"},
    {"proxies", "undeclared-ttl", "proxy/keeps-ttl", "but `transforms` does not declare ttl"},
    {"proxies", "undeclared-flow", "proxy/keeps-flow", "but `transforms` does not declare flow"},
    {"proxies", "swallows-errors", "proxy/errors",
     "get gives an answer as if nothing had happened"},
    {"proxies", "loses-the-call", "proxy/call", "get does not hand the call on"},
    {"proxies", "unbounded-memory", "proxy/corrupt", "out of memory"},
    {"proxies", "crashes-on-garbage", "proxy/corrupt", "crashed with SIGABRT"},
    {"proxies", "fails-whole-batches", "proxy/corrupt-batch", "fails the whole batch"},
    {"proxies", "emits-documents", "proxy/emits",
     "a kind of payload that `emits` does not declare"},
    {"attackers", "forks-in-calls", "process/instances", "it starts processes and leaves them"},
    {"attackers", "leaves-daemons", "process/instances", "it starts processes and leaves them"},
    {"attackers", "prints", "process/output", "standard output and error belong to the program"},
    {"attackers", "floods-errors", "process/output", "bytes, \"!!!"},
    {"attackers", "exits", "remove/gone", "ended the process with exit code 0 while removing keys"},
    {"attackers", "exits-when-made", "create",
     "ended the process with exit code 0 while being created and destroyed, making an instance"},
    {"attackers", "handles-signals", "process/settings", "it changes the handler of SIGPIPE"},
    {"attackers", "blocks-signals", "process/settings", "it changes whether SIGINT is blocked"},
    {"attackers", "moves-the-program", "process/settings", "it changes the working directory"},
    {"attackers", "slow-to-make", "create", "create takes "},
    {"attackers", "answers-by-thread", "threads/same", "it answers by thread: one set"},
    {"attackers", "crashes-when-destroyed", "set/get",
     "crashed with SIGABRT (Aborted) while setting and getting a key, destroying an instance"},
    {"attackers", "closes-files", "process/instances", "it closes files that it did not open"},
    {"attackers", "closes-everything", "create", "closing files that are not its own"},
    {"attackers", "takes-all-memory", "set/get", "out of memory"},
    {"attackers", "hides-crashes", "stats", "did not come back within 8 s while asking for", true},
    {"attackers", "hides-crashes", "process/settings", "it changes the handler of SIGSEGV"},
    {"growth", "copies-too-much", "abi/young-host", "whose structs are longer"},
    {"proxies", "asks-twice", "proxy/keeps-flow",
     "get of what is not there does not arrive below exactly once"},
    {"proxies", "asks-twice", "abi/unknown-operation", "`transforms` must declare flow"},
    {"proxies", "offers-only-get", "proxy/offers",
     "`offers-only-get` declares `flow` and has no `set` and no `remove`"},
    {"proxies", "offers-only-get", "proxy/offers",
     "override `set`, `set_multi`, `remove` and `remove_multi`, if only to call `next()`"},
    {"proxies", "undeclared-key", "abi/unknown-operation", "`transforms` must declare key"},
    {"proxies", "undeclared-value", "abi/unknown-operation", "`transforms` must declare value"},
    {"proxies", "too-slow", "cost/call", "more than the layer below alone: the budget is 20.0 us"},
    {"statics", "crashes-at-exit", "process/exit",
     "a process cannot end while an instance is in use"},
};

}  // namespace

TEST_CASE("each wrong plugin fails with the sentence that names its fault", "[kit]") {
  for (const Fault& fault : faults) {
    INFO(fault.component << " " << fault.rule);
    if (!can_be_found(fault.component, fault.rule)) continue;
    ValidationRequest request;
    request.file = in_folder("CAIRN_WRONG_PLUGINS", std::string("wrong-") + fault.file + ".so");
    request.component = fault.component;
    request.only = fault.rule;
    request.case_limit = std::chrono::seconds(fault.hangs ? 8 : 60);
    const ValidationReport report = validate(request);
    CHECK_FALSE(report.passed());
    std::string said;
    for (const CaseResult& one : report.cases) {
      if (one.component != fault.component || one.name != fault.rule) continue;
      CHECK(one.outcome == Outcome::failed);
      for (const std::string& message : one.messages) said += message + "\n";
    }
    CHECK_THAT(said, Catch::Contains(fault.sentence));
  }
}

TEST_CASE("whatever a plugin does to its process, each rule has its verdict", "[kit]") {
  for (const char* component : {"forks-in-calls", "leaves-daemons", "floods-errors", "exits",
                                "handles-signals", "blocks-signals", "closes-files"}) {
    INFO(component);
    ValidationRequest request;
    request.file = in_folder("CAIRN_WRONG_PLUGINS", "wrong-attackers.so");
    request.component = component;
    request.level = 2;
    request.case_limit = std::chrono::seconds(60);
    const ValidationReport report = validate(request);
    CHECK_FALSE(report.passed());
    CHECK(report.cases.size() > 30);
    for (const CaseResult& one : report.cases) {
      if (one.outcome == Outcome::passed) continue;
      INFO(one.name);
      REQUIRE_FALSE(one.messages.empty());
      CHECK(one.messages[0].find('\n') == std::string::npos);
    }
  }
  // Nothing is left of the daemons either.
  CHECK(waitpid(-1, nullptr, WNOHANG) == -1);
  CHECK(errno == ECHILD);
}

TEST_CASE("a file that exports more than its entry is told", "[kit]") {
  ValidationRequest request;
  request.file = in_folder("CAIRN_WRONG_PLUGINS", "wrong-statics.so");
  request.only = "file/";
  const ValidationReport report = validate(request);
  REQUIRE(report.cases.at(0).name == "file/symbols");
  CHECK(report.cases[0].outcome == Outcome::failed);
  CHECK_THAT(report.cases[0].messages.at(0), Catch::Contains("besides cairn_plugin_v1"));
}

TEST_CASE("a proxy that has one single operation, and no batches, breaks no other rule", "[kit]") {
  ValidationRequest request;
  request.file = in_folder("CAIRN_WRONG_PLUGINS", "wrong-growth.so");
  request.level = 2;
  for (const CaseResult& one : validate(request).cases) {
    INFO(one.name);
    CHECK((one.outcome == Outcome::failed) == (one.name == "abi/young-host"));
  }
}

TEST_CASE("every rule has its row on the page of the kit, with its level", "[kit]") {
  const char* page = std::getenv("CAIRN_KIT_PAGE");
  REQUIRE(page != nullptr);
  std::ifstream in(page);
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  const auto check = [&](const auto& rules) {
    for (const auto& rule : rules) {
      CHECK_THAT(text, Catch::Contains("| `" + std::string(rule.name) + "` | " +
                                       std::to_string(rule.level) + " |"));
    }
  };
  check(cairn::testing::backend_rules());
  check(cairn::testing::proxy_rules());
  check(abi_rules(Role::proxy));
  check(process_rules());
  check(cost_rules());
}

TEST_CASE("operations that a host would refuse are told once, whichever rules are asked for",
          "[kit]") {
  ValidationRequest request;
  request.file = in_folder("CAIRN_WRONG_PLUGINS", "wrong-proxies.so");
  request.component = "offers-only-get";
  for (const char* only : {"", "payload/"}) {
    request.only = only;
    const ValidationReport report = validate(request);
    CHECK(report.count(Outcome::failed) == 1);
    CHECK(report.cases.back().name == "proxy/offers");
  }
}

TEST_CASE("a host refuses a proxy through which nothing could be set, and says where", "[kit]") {
  const auto findings = [](const std::string& proxy, const char* more = "") {
    return cairn::check(cairn::Config::from_text(
        "[plugins]\npath = [\"${CAIRN_WRONG_PLUGINS}\"]\n[region.r]\nbackend = \"races\"\nwrap = "
        "[\"" +
        proxy + "\"]\n" + more));
  };
  const cairn::Findings found = findings("offers-only-get");
  REQUIRE(found.size() == 1);
  CHECK(found[0].severity == cairn::Finding::Severity::error);
  CHECK(found[0].origin.line == 5);
  CHECK(found[0].origin.column == 9);
  CHECK(found[0].message ==
        "`offers-only-get` declares `flow` and has no `set` and no `remove`: the host refuses "
        "such calls, since passing it by could be wrong");
  CHECK(found[0].remedy ==
        "override `set`, `set_multi`, `remove` and `remove_multi`, if only to call `next()`; or "
        "leave out of `transforms` what `offers-only-get` does not change");
  CHECK(findings("asks-twice").empty());
}

TEST_CASE("asking for a rule that does not exist is an error, not a pass", "[kit]") {
  ValidationRequest request;
  request.file = in_folder("CAIRN_WRONG_PLUGINS", "wrong-flags.so");
  request.only = "nope";
  CHECK_THROWS_AS(validate(request), NoSuchRule);
  request.only = "proxy/";  // it offers a backend
  CHECK_THROWS_AS(validate(request), NoSuchRule);
}

TEST_CASE("a component that the plugin does not offer is an error, not a pass", "[kit]") {
  ValidationRequest request;
  request.file = in_folder("CAIRN_WRONG_PLUGINS", "wrong-flags.so");
  request.component = "no-such";
  CHECK_THROWS_WITH(validate(request), Catch::Contains("offers no component `no-such`"));
}

TEST_CASE("a file that is no plugin is refused with the reason", "[kit]") {
  ValidationRequest request;
  request.file = "/bin/sh";
  CHECK_THROWS_AS(validate(request), cairn::Error);
}
