// Whatever keeps a call from its answer, the error says which server it was, what it did, and what to do about it.

#include "bare_redis.hpp"
#include "catch.hpp"
#include "component_under_test.hpp"
#include "failure_of.hpp"
#include "load.hpp"
#include "private_server.hpp"
#include "scripted_redis.hpp"

#include <sys/stat.h>

#include <cstdio>

using namespace cairn;
using Catch::Contains;

namespace {

using Texts = ComponentUnderTest::OptionTexts;
using Answer = ScriptedRedis::Answer;
using Words = ScriptedRedis::Words;

const auto bulk = ScriptedRedis::bulk;

Failure failure_with(Texts options) {
  options.try_emplace("timeout", "10s");
  options.try_emplace("connect_timeout", "10s");
  ComponentUnderTest redis("redis", options);
  return failure_of([&](Call call) { redis->get("k", call); });
}

std::string local(int port) {
  return "127.0.0.1:" + std::to_string(port);
}

// Nobody listens there.
std::string nobody() {
  return local(free_port());
}

Texts sentinels(const std::string& addresses) {
  return {{"mode", "sentinel"}, {"sentinels", addresses}};
}

Texts nodes(const std::string& addresses) {
  return {{"mode", "cluster"}, {"nodes", addresses}};
}

// A node that knows no others. Its second port is else 10000 above the first, which there need not be.
std::vector<std::string> one_of_a_cluster() {
  return {"--cluster-enabled", "yes", "--cluster-port", std::to_string(free_port())};
}

Answer refuses_everything(const Words&) {
  return {"-NOAUTH Authentication required.\r\n"};
}

}  // namespace

TEST_CASE("of every sentinel that told nothing, the error says why", "[redis][sentinel][fault]") {
  const std::string refused = nobody();
  PrivateRedis server;
  ScriptedRedis locked(refuses_everything);
  ScriptedRedis other([](const Words& words) -> Answer {
    if (words[1] == "MASTERS") return {"*1\r\n*2\r\n" + bulk("name") + bulk("orders")};
    return {"*-1\r\n"};
  });
  CHECK_THAT(failure_with(sentinels(refused)).text,
             Contains(refused + ": cannot connect: Connection refused"));
  CHECK_THAT(failure_with(sentinels(local(server.port()))).text,
             Contains(local(server.port()) + ": is no sentinel (ERR unknown command"));
  CHECK_THAT(failure_with(sentinels(locked.address())).text,
             Contains(locked.address() + ": wants a login: give `sentinel_password`"));
  CHECK_THAT(failure_with(sentinels(other.address())).text,
             Contains("the master of mymaster is: " + other.address() + ": knows only orders"));
  CHECK_THAT(failure_with(sentinels("no.such.invalid")).text, Contains("no.such.invalid:26379: "));

  const Failure all = failure_with(sentinels(refused + ", " + local(server.port()) + ", " +
                                             locked.address() + ", " + other.address()));
  CHECK(all.code == Errc::unavailable);
  for (const std::string& address :
       {refused, local(server.port()), locked.address(), other.address()}) {
    CHECK_THAT(all.text, Contains(address + ": "));
  }
  CHECK(all.text.size() < sizeof cairn_call::error_text - sizeof "redis: " + 1);
}

TEST_CASE("those that fail alike are named together, and many are counted",
          "[redis][sentinel][fault]") {
  const std::string first = nobody(), second = nobody();
  CHECK_THAT(failure_with(sentinels(first + ", " + second)).text,
             Contains(first + ", " + second + ": cannot connect: Connection refused"));
  std::string many = first;
  for (int i = 0; i < 19; ++i) many += ", " + nobody();
  CHECK_THAT(failure_with(sentinels(many)).text,
             Contains(first + " and 19 more: cannot connect: Connection refused"));
}

TEST_CASE("sentinels that the time did not suffice for are named", "[redis][sentinel][fault]") {
  ScriptedRedis silent([](const Words&) -> Answer { return {""}; });
  const std::string later = nobody();
  auto options = sentinels(silent.address() + ", " + later);
  options["timeout"] = "100ms";
  const Failure failure = failure_with(options);
  CHECK(failure.code == Errc::timeout);
  CHECK_THAT(failure.text, Contains(silent.address() + ": no answer") &&
                               Contains(later + ": not asked any more"));
}

TEST_CASE("of every node that told no slots, the error says why", "[redis][cluster][fault]") {
  const std::string refused = nobody();
  PrivateRedis server;
  PrivateRedis alone(one_of_a_cluster());
  ScriptedRedis locked(refuses_everything);
  const Failure failure = failure_with(nodes(refused + ", " + local(server.port())));
  CHECK(failure.code == Errc::unavailable);
  CHECK_THAT(failure.text,
             Contains(refused + ": cannot connect: Connection refused") &&
                 Contains(local(server.port()) + ": is no node of a cluster (ERR This instance"));
  CHECK_THAT(failure_with(nodes(local(alone.port()))).text,
             Contains(local(alone.port()) + ": knows of no slots"));
  CHECK_THAT(failure_with(nodes(locked.address())).text,
             Contains(locked.address() + ": wants a login: give `password` or `password_file`"));
}

TEST_CASE("a server that only others named is said to be one", "[redis][fault]") {
  const int port = free_port();
  ScriptedRedis sentinel([&](const Words&) -> Answer {
    return {"*2\r\n" + bulk("127.0.0.1") + bulk(std::to_string(port))};
  });
  CHECK_THAT(failure_with(sentinels(sentinel.address())).text,
             Contains(local(port) + ": cannot connect: Connection refused") &&
                 Contains("(the master, say the sentinels)"));
  ScriptedRedis node([&](const Words&) -> Answer {
    return {"*1\r\n*3\r\n:0\r\n:16383\r\n*2\r\n" + bulk("127.0.0.1") + ":" + std::to_string(port) +
            "\r\n"};
  });
  CHECK_THAT(failure_with(nodes(node.address())).text,
             Contains(local(port) + ": cannot connect: Connection refused (as the cluster tells)"));
}

TEST_CASE("an error of the server is shown with its address", "[redis][fault]") {
  ScriptedRedis server([](const Words&) -> Answer { return {"-NOPERM not you\r\n"}; });
  CHECK_THAT(failure_with({{"url", server.url()}}).text,
             Contains("the server answers: NOPERM not you (" + server.address() + ")"));
  ScriptedRedis node([&](const Words& words) -> Answer {
    return {words[0] == "CLUSTER" ? node.all_slots() : "-NOPERM not you\r\n"};
  });
  CHECK_THAT(failure_with(nodes(node.address())).text,
             Contains("NOPERM not you (" + node.address() + ")"));
}

TEST_CASE("a database that the server does not have is no wrong login", "[redis][fault]") {
  PrivateRedis server({"--requirepass", "HIDDEN"});
  const std::string host = local(server.port());
  const Failure failure = failure_with({{"url", "redis://:HIDDEN@" + host + "/99"}});
  CHECK(failure.code == Errc::rejected);
  CHECK_THAT(failure.text,
             Contains(host + ": the server refuses database 99: ERR DB index is out of range"));
  CHECK_THAT(failure_with({{"url", "redis://:wrong@" + host + "/99"}}).text,
             Contains("the server refuses our password: WRONGPASS"));
  CHECK_THAT(failure_with({{"url", "redis://who:wrong@" + host}}).text,
             Contains("the server refuses our login: WRONGPASS"));
  CHECK_THAT(failure_with({{"url", "redis://" + host + "/1"}}).text,
             Contains("the server wants a login: give `password` or `password_file`"));
  CHECK_THAT(failure_with({{"url", "redis://" + host}}).text,
             Contains("NOAUTH") && Contains("give `password` or `password_file`"));
}

TEST_CASE("a sentinel or a node of a cluster that is used as a server is recognized",
          "[redis][fault]") {
  ScriptedRedis sentinel([](const Words& words) -> Answer {
    return {"-ERR unknown command '" + words[0] + "', with args beginning with: 'k' \r\n"};
  });
  CHECK_THAT(failure_with({{"url", sentinel.url()}}).text,
             Contains("unknown command 'GET'") && Contains("is it a sentinel"));
  PrivateRedis node(one_of_a_cluster());
  ScriptedRedis moved([](const Words&) -> Answer { return {"-MOVED 1 10.0.0.1:6379\r\n"}; });
  CHECK_THAT(failure_with({{"url", moved.url()}}).text, Contains("mode = \"cluster\""));
  CHECK_THAT(failure_with({{"url", node.url() + "/1"}}).text,
             Contains("refuses database 1: ERR SELECT is not allowed in cluster mode"));
}

TEST_CASE("a silent server is told apart by when it fell silent", "[redis][fault]") {
  ScriptedRedis silent([](const Words&) -> Answer { return {""}; });
  const Texts options{{"url", silent.url()}, {"connect_timeout", "100ms"}, {"db", "1"}};
  CHECK_THAT(failure_with(options).text,
             Contains("no answer to our login or choice of a database within 100 ms"));
}

TEST_CASE("a server that hangs up before it says anything is asked whether it wants TLS",
          "[redis][fault]") {
  ScriptedRedis curt([](const Words&) -> Answer { return {"", /*hang_up=*/true}; });
  CHECK_THAT(failure_with({{"url", curt.url()}}).text, Contains("does it want TLS (rediss://"));
  std::atomic<int> asked{0};
  ScriptedRedis tired([&](const Words&) -> Answer {
    return {asked++ == 0 ? bulk("v") : "", /*hang_up=*/asked > 1};
  });
  ComponentUnderTest redis("redis", quick_at(tired.url()));
  redis->get("k", Call());
  const auto token = failure_of([&](Call call) { redis->unlock("k", 1, call); });
  CHECK_THAT(token.text, Contains("closed the connection") && !Contains("TLS"));
}

TEST_CASE("a path that is no socket is said to be none", "[redis][fault]") {
  PrivateFolder folder;
  std::fclose(std::fopen((folder / "file").c_str(), "w"));
  CHECK_THAT(failure_with({{"url", "unix://" + (folder / "file")}}).text,
             Contains("/file: this is no socket"));
  CHECK_THAT(failure_with({{"url", "unix://" + (folder / "none")}}).text,
             Contains("/none: cannot connect: No such file or directory"));
}
