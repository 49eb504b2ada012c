// Passwords are for the server alone: no error shows one, however the option or the server's answer is spoilt.

#include "catch.hpp"
#include "component_under_test.hpp"
#include "failure_of.hpp"
#include "load.hpp"
#include "private_server.hpp"
#include "scripted_redis.hpp"

using namespace cairn;

namespace {

// What is said of a url before anything is reached, and by the first call.
std::string all_that_is_said_of(const std::string& url) {
  std::string said = ComponentUnderTest::objection_of("redis", {{"url", url}});
  try {
    auto options = quick_at(url);
    ComponentUnderTest redis("redis", options);
    said += failure_of([&](Call call) { redis->get("k", call); }).text;
  } catch (const Error& error) {
    said += error.what();
  }
  return said;
}

}  // namespace

TEST_CASE("whatever is wrong with a url, its password is not shown", "[redis][secret]") {
  const std::string before = GENERATE(
      "redis://:", "redis://user:", "rediss://user:", "unix://user:", "user:", "redis:/user:",
      "redis://",
      "redis://127.0.0.1:", "redis://127.0.0.1:1/0?password=", "redis://h/0?passwd=x&password=");
  const std::string password =
      GENERATE("HIDDEN", "HIDDEN/HIDDEN", "12/HIDDEN", "HIDDEN?HIDDEN", "HIDDEN?HIDDEN=HIDDEN",
               "HIDDEN#HIDDEN", "HIDDEN@HIDDEN", "HIDDEN%zz", "HIDDEN%", "HIDDEN&HIDDEN=1",
               "[HIDDEN", "HIDDEN:HIDDEN", "/HIDDEN", "?HIDDEN", "%00HIDDEN");
  const std::string after =
      GENERATE("", "@127.0.0.1:1", "@127.0.0.1:1/x", "@127.0.0.1:99999", "@/no/such.sock", "@");
  // Then it is the host, or part of it.
  if (after.empty() && (before == "redis://" || password == "HIDDEN@HIDDEN")) return;
  const std::string url = before + password + after;
  INFO(url);
  CHECK_THAT(all_that_is_said_of(url), !Catch::Contains("HIDDEN"));
}

TEST_CASE("a server that does not know AUTH does not get the password into the log",
          "[redis][secret]") {
  PrivateRedis server({"--rename-command", "AUTH", ""});
  auto options = quick_at(server.url());
  options["password"] = "HIDDEN";
  ComponentUnderTest redis("redis", options);
  const Failure failure = failure_of([&](Call call) { redis->get("k", call); });
  CHECK(failure.code == Errc::rejected);
  CHECK_THAT(failure.text, Catch::Contains("unknown command") && !Catch::Contains("HIDDEN"));
  // While it is left alone the reason is told again.
  CHECK_THAT(failure_of([&](Call call) { redis->get("k", call); }).text,
             Catch::Contains("unknown command") && !Catch::Contains("HIDDEN"));
}

TEST_CASE("a server that says a password back is quoted without it", "[redis][secret]") {
  ScriptedRedis server([](const ScriptedRedis::Words& words) -> ScriptedRedis::Answer {
    return {"-ERR what is " + words.back() + "? I know no " + words.back() + "\r\n"};
  });
  auto options = quick_at(server.url());
  options["password"] = "HIDDEN";
  ComponentUnderTest redis("redis", options);
  const Failure failure = failure_of([&](Call call) { redis->get("k", call); });
  CHECK_THAT(failure.text, Catch::Contains("ERR what is") && !Catch::Contains("HIDDEN"));
}
