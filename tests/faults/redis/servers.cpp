// What becomes of callers when the server dies, hangs, comes back or talks nonsense.

#include "bare_redis.hpp"
#include "catch.hpp"
#include "component_under_test.hpp"
#include "failure_of.hpp"
#include "load.hpp"
#include "private_server.hpp"

#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <thread>

using namespace cairn;
using namespace std::chrono_literals;

namespace {

using Clock = std::chrono::steady_clock;

std::size_t resident_kib() {
  std::ifstream file("/proc/self/status");
  for (std::string line; std::getline(file, line);) {
    if (line.rfind("VmRSS:", 0) == 0) return std::stoul(line.substr(6));
  }
  return 0;
}

std::size_t open_descriptors() {
  const std::filesystem::directory_iterator all("/proc/self/fd");
  return static_cast<std::size_t>(std::distance(begin(all), end(all)));
}

// A server that failed is left alone until the test is over, however slow the machine.
ComponentUnderTest::OptionTexts left_alone(const std::string& url) {
  auto options = quick_at(url);
  options["retry_after"] = options["retry_after_at_most"] = "10m";
  return options;
}

}  // namespace

TEST_CASE("a server that is not there costs little, and the reason is told", "[redis][fault]") {
  const int port = free_port();
  ComponentUnderTest redis("redis", left_alone("redis://127.0.0.1:" + std::to_string(port)));
  const Failure first = failure_of([&](Call call) { redis->get("k", call); });
  CHECK(first.code == Errc::unavailable);
  CHECK_THAT(first.text, Catch::Contains("127.0.0.1:" + std::to_string(port)) &&
                             Catch::Contains("Connection refused"));
  const Failure second = failure_of([&](Call call) { redis->get("k", call); });
  CHECK(second.code == Errc::unavailable);
  CHECK_THAT(second.text, Catch::Contains("left alone"));
  CHECK(statistic(redis, "connects") == 1);
  CHECK(statistic(redis, "refused") == 1);
}

TEST_CASE("an idle connection that the server closed is replaced without an error",
          "[redis][fault]") {
  PrivateRedis server;
  ComponentUnderTest redis("redis", quick_at(server.url()));
  redis->set("k", Entry::copy("v"), {}, Call());
  BareRedis bare(server.port());
  for (int i = 0; i < 3; ++i) {
    bare({"CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"});
    CHECK(redis->get("k", Call())->bytes() == "v");
    const auto token = redis->lock("k", 10s, Call());
    REQUIRE(token.has_value());
    CHECK(redis->unlock("k", *token, Call()));
  }
  CHECK(statistic(redis, "connects") == 1 + 3);
  CHECK(statistic(redis, "breaker_opened") == 0);
}

TEST_CASE("a killed server fails calls, and a restarted one is found again", "[redis][fault]") {
  PrivateRedis server;
  ComponentUnderTest redis("redis", quick_at(server.url()));
  Load load(redis);
  REQUIRE(load.recovery() < 15s);
  server.process().kill();
  CHECK(eventually([&] { return load.failed > 0; }));
  server.process().start();
  const auto recovery = load.recovery();
  load.end();
  WARN("back " << recovery.count() << " ms after the restart; longest call "
               << load.longest().count() << " ms; " << load.good << " good, " << load.failed
               << " failed");
  CHECK(recovery < 15s);  // of pauses of 0.1 s at most
  CHECK(load.wrong == 0);
  CHECK(statistic(redis, "breaker_opened") >= 1);
}

TEST_CASE("a frozen server costs each caller at most the timeout, then nothing", "[redis][fault]") {
  PrivateRedis server;
  auto options = quick_at(server.url());
  options["timeout"] = "1s";
  options["retry_after"] = options["retry_after_at_most"] = "3s";
  ComponentUnderTest redis("redis", options);
  redis->set("k", Entry::copy("v"), {}, Call());
  server.process().freeze();

  std::vector<std::thread> threads;
  std::atomic<long long> longest_ms{0};
  std::atomic<int> failed{0};
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&] {
      const auto begin = Clock::now();
      const Failure failure = failure_of([&](Call call) { redis->get("k", call); });
      if (failure.code == Errc::timeout || failure.code == Errc::unavailable) ++failed;
      const long long took = (Clock::now() - begin) / 1ms;
      for (auto seen = longest_ms.load(); took > seen;) {
        if (longest_ms.compare_exchange_weak(seen, took)) break;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(failed == 8);
  CHECK(longest_ms < 4'000);  // one after the other, the last would wait for 8 s

  const auto begin = Clock::now();
  CHECK(failure_of([&](Call call) { redis->get("k", call); }).code == Errc::unavailable);
  CHECK(Clock::now() - begin < 900ms);

  server.process().resume();
  CHECK(comes_to_answer(redis, "k", "v"));
}

TEST_CASE("only one caller probes a server that was left alone", "[redis][fault]") {
  PrivateRedis server;
  auto texts = quick_at(server.url());
  texts["timeout"] = "2s";  // long enough for all callers to come while one probes
  ComponentUnderTest redis("redis", texts);
  redis->set("k", Entry::copy("v"), {}, Call());
  server.process().freeze();
  CHECK(failure_of([&](Call call) { redis->get("k", call); }).code == Errc::timeout);
  std::this_thread::sleep_for(30ms);  // the pause is over: 20 ms, a fifth more at most

  std::vector<std::thread> threads;
  std::atomic<int> timed_out{0}, refused{0};
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&] {
      const Failure failure = failure_of([&](Call call) { redis->get("k", call); });
      timed_out += failure.code == Errc::timeout;
      refused += failure.code == Errc::unavailable;
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(timed_out == 1);
  CHECK(refused == 7);
  server.process().resume();
}

TEST_CASE("a caller leaves at its own deadline, and the others are not disturbed",
          "[redis][fault]") {
  PrivateRedis server;
  ComponentUnderTest redis("redis", {{"url", server.url()}, {"max_connections", "1"}});
  redis->set("k", Entry::copy("v"), {}, Call());
  BareRedis bare(server.port());
  bare({"CLIENT", "PAUSE", "3000", "ALL"});
  std::string waited_for;
  std::thread patient([&] { waited_for = redis->get("k", Call())->bytes(); });
  const auto begin = Clock::now();
  CHECK(failure_of([&](Call call) { redis->get("k", call); }, 20ms).code == Errc::timeout);
  CHECK(Clock::now() - begin < 2500ms);
  patient.join();
  CHECK(waited_for == "v");
  redis->set("other", Entry::copy("mine"), {}, Call());
  CHECK(redis->get("other", Call())->bytes() == "mine");  // the late answer went to nobody else
  CHECK(statistic(redis, "connects") == 1);
  CHECK(statistic(redis, "breaker_opened") == 0);
}

// Who has time asks a frozen server that is resumed meanwhile: he is answered, and nothing was held against it.
static void check_that_a_patient_caller_is_answered(PrivateRedis& server,
                                                    ComponentUnderTest& redis) {
  std::thread mender([&] {
    std::this_thread::sleep_for(50ms);
    server.process().resume();
  });
  CHECK(failure_of([&](Call call) { redis->get("k", call); }).text.empty());
  mender.join();
  CHECK(statistic(redis, "breaker_opened") == 0);
}

TEST_CASE("callers in a hurry do not have everybody leave the server alone", "[redis][fault]") {
  PrivateRedis server;
  const auto with_timeout = [&](const char* timeout) {
    return ComponentUnderTest::OptionTexts{{"url", server.url()},
                                           {"max_connections", "1"},
                                           {"timeout", timeout},
                                           {"retry_after", "30s"},
                                           {"retry_after_at_most", "30s"}};
  };
  const auto hurried = [](ComponentUnderTest& redis) {
    return failure_of([&](Call call) { redis->get("k", call); }, 5ms).code;
  };
  ComponentUnderTest redis("redis", with_timeout("20s"));
  redis->set("k", Entry::copy("v"), {}, Call());
  server.process().freeze();
  for (int i = 0; i < 6; ++i) CHECK(hurried(redis) == Errc::timeout);
  server.process().resume();
  CHECK(redis->get("k", Call())->bytes() == "v");
  CHECK(statistic(redis, "breaker_opened") == 0);

  // Who comes later waits for its own time, however long nobody was there to hear an answer.
  ComponentUnderTest later("redis", with_timeout("2s"));
  CHECK(later->get("k", Call())->bytes() == "v");
  server.process().freeze();
  CHECK(hurried(later).has_value());
  std::this_thread::sleep_for(2100ms);  // longer than `timeout`
  check_that_a_patient_caller_is_answered(server, later);
}

TEST_CASE("a connection that a caller in a hurry left half open is not held against the server",
          "[redis][fault]") {
  PrivateRedis server;
  ComponentUnderTest redis("redis", {{"url", server.url() + "/1"},  // a greeting, to be answered
                                     {"max_connections", "1"},
                                     {"connect_timeout", "2s"},
                                     {"retry_after", "30s"},
                                     {"retry_after_at_most", "30s"}});
  server.process().freeze();
  CHECK(failure_of([&](Call call) { redis->get("k", call); }, 30ms).code == Errc::timeout);
  std::this_thread::sleep_for(2100ms);  // longer than `connect_timeout`
  check_that_a_patient_caller_is_answered(server, redis);
}

TEST_CASE("on the server's own core callers get their own values, and some leave in a hurry",
          "[redis][fault]") {
  PrivateRedis server;
  ComponentUnderTest redis("redis", {{"url", server.url()}, {"timeout", "10s"}});
  constexpr int callers = 16;
  const auto text_of = [](int i) { return "k" + std::to_string(i); };
  for (int i = 0; i < callers; ++i) redis->set(text_of(i), Entry::copy(text_of(i)), {}, Call());

  cpu_set_t one_core;
  CPU_ZERO(&one_core);
  CPU_SET(sched_getcpu(), &one_core);
  REQUIRE(sched_setaffinity(server.process().pid(), sizeof one_core, &one_core) == 0);
  const long long commands = statistic(redis, "commands");
  const long long writes = statistic(redis, "writes");
  std::atomic<int> right{0}, wrong{0}, left{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < callers; ++t) {
    threads.emplace_back([&, t] {
      sched_setaffinity(0, sizeof one_core, &one_core);
      for (int i = 0; i < 1000; ++i) {
        const std::string key = text_of((t + i) % callers);
        const bool hurried = i % 50 == t;
        const Failure failure = failure_of(
            [&](Call call) { ++(redis->get(key, call)->bytes() == key ? right : wrong); },
            hurried ? 30us : 0us);
        if (failure.code) ++(failure.code == Errc::timeout && hurried ? left : wrong);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  WARN(right << " right, " << left << " left; " << statistic(redis, "commands") - commands
             << " commands in " << statistic(redis, "writes") - writes << " writes");
  CHECK(wrong == 0);
  CHECK(right + left == callers * 1000);
  CHECK(statistic(redis, "writes") - writes < statistic(redis, "commands") - commands);
  CHECK(statistic(redis, "connections_lost") == 0);
  CHECK(statistic(redis, "breaker_opened") == 0);
}

TEST_CASE("a full server refuses what is new, and is not left alone for it", "[redis][fault]") {
  PrivateRedis server({"--maxmemory", "1mb", "--maxmemory-policy", "noeviction"});
  ComponentUnderTest redis("redis", quick_at(server.url()));
  const std::string value(200'000, 'x');
  const Failure failure = failure_of([&](Call call) {
    for (int i = 0; i < 100; ++i)
      redis->set("k" + std::to_string(i), Entry::borrow(value), {}, call);
  });
  CHECK(failure.code == Errc::unavailable);
  CHECK_THAT(failure.text, Catch::Contains("OOM"));
  CHECK_FALSE(redis->get("missing", Call()).has_value());
  CHECK(statistic(redis, "breaker_opened") == 0);
}

TEST_CASE("a server that speaks something else is refused, not believed", "[redis][fault]") {
  // Answers everything with a line that is no RESP.
  PrivateFolder folder;
  const int port = free_port();
  PrivateServer liar(
      {"python3", "-c",
       "import socket,sys,threading\n"
       "s=socket.create_server(('127.0.0.1'," +
           std::to_string(port) +
           "))\n"
           "def serve(c):\n"
           "  while c.recv(4096): c.sendall(b'HTTP/1.1 400 Bad Request\\r\\n\\r\\n')\n"
           "while True:\n"
           "  c,_=s.accept(); threading.Thread(target=serve,args=(c,),daemon=True).start()\n"},
      {"", port}, folder / "liar.log");
  ComponentUnderTest redis("redis", quick_at("redis://127.0.0.1:" + std::to_string(port)));
  const Failure failure = failure_of([&](Call call) { redis->get("k", call); });
  CHECK(failure.code == Errc::unavailable);
  CHECK_THAT(failure.text, Catch::Contains("not an answer of Redis"));
}

TEST_CASE("a thousand reconnects leave no descriptor and no memory behind", "[redis][fault]") {
  PrivateRedis server;
  ComponentUnderTest redis("redis", quick_at(server.url()));
  BareRedis bare(server.port());
  redis->set("k", Entry::copy("v"), {}, Call());
  const std::size_t before = open_descriptors();
  std::size_t memory = 0;
  for (int i = 0; i < 1100; ++i) {
    if (i == 100) memory = resident_kib();
    bare({"CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"});
    if (redis->get("k", Call())->bytes() != "v") FAIL("another value");
  }
  CHECK(open_descriptors() < before + 10);  // a doorbell is made when somebody sleeps
  CHECK(resident_kib() < memory + 4096);    // sanitizers keep what is freed a while
  CHECK(statistic(redis, "connects") >= 1100);
}

TEST_CASE("a child after fork opens its own connections", "[redis][fault]") {
  PrivateRedis server;
  ComponentUnderTest redis("redis", quick_at(server.url()));
  redis->set("k", Entry::copy("of the parent"), {}, Call());
  const auto token = redis->lock("k", 10s, Call());
  REQUIRE(token.has_value());
  const pid_t child = fork();
  if (child == 0) {
    redis.after_fork();
    bool good = redis->get("k", Call())->bytes() == "of the parent";
    redis->set("from", Entry::copy("the child"), {}, Call());
    good = good && !redis->unlock("k", *token, Call());  // the lock is the parent's
    _exit(good ? 0 : 1);
  }
  for (int i = 0; i < 50; ++i) CHECK(redis->get("k", Call())->bytes() == "of the parent");
  int status = -1;
  waitpid(child, &status, 0);
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 0);
  CHECK(redis->get("from", Call())->bytes() == "the child");
  CHECK(redis->unlock("k", *token, Call()));
  CHECK(statistic(redis, "connects") == 1);
}

TEST_CASE("a request to a server far away is sent while others wait for answers",
          "[redis][fault]") {
  PrivateRedis server;
  PrivateFolder folder;
  const int port = free_port();
  // Every byte takes 20 ms, both ways; 2 s once there is a file `slower`, so that the second request has
  // time enough to be sent before the first is answered.
  const std::string delay =
      "import asyncio, os\n"
      "async def pump(r, w):\n"
      "  while data := await r.read(65536):\n"
      "    late = 2 if os.path.exists('SLOWER') else .02\n"
      "    asyncio.get_running_loop().call_later(late, w.write, data)\n"
      "  w.close()\n"
      "async def serve(r, w):\n"
      "  r2, w2 = await asyncio.open_connection('127.0.0.1', TO)\n"
      "  await asyncio.gather(pump(r, w2), pump(r2, w))\n"
      "async def main():\n"
      "  async with await asyncio.start_server(serve, '127.0.0.1', AT) as s: await "
      "s.serve_forever()\n"
      "asyncio.run(main())\n";
  std::string script = delay;
  script.replace(script.find("TO"), 2, std::to_string(server.port()));
  script.replace(script.find("AT"), 2, std::to_string(port));
  script.replace(script.find("SLOWER"), 6, folder / "slower");
  PrivateServer far({"python3", "-c", script}, {"", port}, folder / "far.log");
  ComponentUnderTest redis("redis", {{"url", "redis://127.0.0.1:" + std::to_string(port)},
                                     {"timeout", "10s"},
                                     {"connect_timeout", "10s"},
                                     {"max_connections", "1"}});
  for (int i = 0; i < 20; ++i) redis->get("k", Call());  // learns the distance
  std::ofstream(folder / "slower").close();

  const long long writes = statistic(redis, "writes");
  const auto sent = [&](long long more) {
    return eventually([&] { return statistic(redis, "writes") >= writes + more; });
  };
  std::atomic<bool> first_answered{false};
  std::thread first([&] {
    redis->get("k", Call());
    first_answered = true;
  });
  CHECK(sent(1));
  std::thread second([&] { redis->get("k", Call()); });
  CHECK(sent(2));
  CHECK_FALSE(first_answered);
  first.join();
  second.join();
  CHECK(statistic(redis, "connects") == 1);
}
