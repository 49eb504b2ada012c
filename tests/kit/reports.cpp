// What validation reports look like, and how child processes end.
#include "catch.hpp"
#include "conformance/child_process.hpp"
#include "conformance/report_formats.hpp"

#include <cairn/error.hpp>

#include <nlohmann/json.hpp>
#include <signal.h>
#include <unistd.h>

#include <thread>

using namespace cairn::hosting;
using Outcome = CaseResult::Outcome;

namespace {

ValidationReport sample() {
  ValidationReport report;
  report.file = "/lib/mine.so";
  report.note.abi_major = 1;
  report.note.id = "org.example.mine";
  report.note.version = "1.2.3";
  report.cases = {
      {"", "file/loads", Outcome::passed, {}, {}},
      {"mine", "lock/token", Outcome::skipped, {"it offers no locks"}, {}},
      {"mine", "set/get", Outcome::failed, {"set \"<a>\",\nbut get answers a miss"}, {}},
  };
  return report;
}

}  // namespace

TEST_CASE("a report as text has a line for each case and its messages below it", "[kit]") {
  std::string text;
  for (const CaseResult& one : sample().cases) text += as_text(one);
  CHECK(text + summary(sample()) ==
        "ok       file/loads\n"
        "skipped  mine lock/token: it offers no locks\n"
        "FAILED   mine set/get\n"
        "         set \"<a>\",\nbut get answers a miss\n"
        "org.example.mine 1.2.3: 1 passed, 1 skipped, 1 failed: mine set/get\n");
}

TEST_CASE("a report as JSON can be read back", "[kit]") {
  const nlohmann::json json = nlohmann::json::parse(as_json(sample()));
  CHECK(json["id"] == "org.example.mine");
  CHECK(json["abi"] == "1.0");
  CHECK(json["failed"] == 1);
  CHECK(json["cases"][1]["outcome"] == "skipped");
  CHECK(json["cases"][2]["messages"][0] == "set \"<a>\",\nbut get answers a miss");
}

TEST_CASE("a report as TAP numbers its cases and keeps to one line each", "[kit]") {
  CHECK(as_tap(sample()) ==
        "TAP version 13\n1..3\n"
        "ok 1 - file/loads\n"
        "ok 2 - mine lock/token # SKIP it offers no locks\n"
        "not ok 3 - mine set/get\n"
        "# set \"<a>\", but get answers a miss\n");
}

TEST_CASE("a report as JUnit escapes what XML cannot say", "[kit]") {
  const std::string xml = as_junit(sample());
  CHECK_THAT(xml, Catch::Contains("tests=\"3\" failures=\"1\" skipped=\"1\""));
  CHECK_THAT(xml,
             Catch::Contains(
                 "<failure message=\"set &quot;&lt;a&gt;&quot;,&#10;but get answers a miss\"/>"));
  CHECK_THAT(xml, Catch::Contains("<skipped message=\"it offers no locks\"/>"));
}

TEST_CASE("a report is clean whatever bytes a plugin printed", "[kit]") {
  ValidationReport report = sample();
  report.cases = {
      {"mine", "set/get", Outcome::failed, {"a\x1b[31m\xff\xe2\x82 \xef\xbf\xbf\x7f"}, {}}};
  const std::string clean = "a [31m\xef\xbf\xbd\xef\xbf\xbd \xef\xbf\xbd ";
  CHECK(as_text(report.cases[0]) == "FAILED   mine set/get\n         " + clean + "\n");
  CHECK_THAT(as_tap(report), Catch::EndsWith("# " + clean + "\n"));
  CHECK_THAT(as_junit(report), Catch::Contains("<failure message=\"" + clean + "\"/>"));
  CHECK_NOTHROW(nlohmann::json::parse(as_json(report)));
}

TEST_CASE("a child answers, or its end is told", "[kit]") {
  ChildLimits limits;
  limits.time = std::chrono::seconds(10);
  using How = ChildEnd::How;
  CHECK(run_in_child([](Stage&) { return std::string(300'000, 'x'); }, limits).answer ==
        std::string(300'000, 'x'));
  CHECK(run_in_child([](Stage&) { return std::string(); }, limits).how == How::answered);

  const ChildEnd crashed = run_in_child(
      [](Stage&) -> std::string {
        raise(SIGKILL);
        return "";
      },
      limits);
  CHECK(crashed.how == How::killed);
  CHECK(describe(crashed, limits) == "crashed with SIGKILL (Killed)");

  const ChildEnd left = run_in_child([](Stage&) -> std::string { _exit(3); }, limits);
  CHECK(describe(left, limits) == "ended the process with exit code 3");
  CHECK(run_in_child([](Stage&) -> std::string { _exit(0); }, limits).how == How::exited);

  const ChildEnd threw =
      run_in_child([](Stage&) -> std::string { throw std::runtime_error("lost"); }, limits);
  CHECK(threw.how == How::exited);
  CHECK_THAT(threw.errors, Catch::Contains("lost"));
}

TEST_CASE("a child that hangs is ended at its limit, with all that it started", "[kit]") {
  ChildLimits limits;
  limits.time = std::chrono::milliseconds(200);
  const ChildEnd end = run_in_child(
      [](Stage&) -> std::string {
        if (fork() == 0) {
          for (;;) pause();
        }
        for (;;) pause();
      },
      limits);
  CHECK(end.how == ChildEnd::How::timed_out);
  CHECK(describe(end, limits) == "did not come back within 0.2 s");
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)  // these want terabytes
TEST_CASE("a child cannot use all the memory", "[kit]") {
  ChildLimits limits;
  limits.memory_bytes = std::size_t{64} << 20;
  const ChildEnd end = run_in_child(
      [](Stage&) -> std::string {
        try {
          const std::string large(std::size_t{256} << 20, 'x');
          return "got " + std::to_string(large.size());
        } catch (const std::bad_alloc&) {
          return "refused";
        }
      },
      limits);
  CHECK(end.answer == "refused");
}
#endif
