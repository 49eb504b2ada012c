#include "../../plugins/memcached/memcached_under_test.hpp"
#include "catch.hpp"
#include "meanwhile.hpp"

#include <thread>

using namespace cairn;
using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

namespace {

std::chrono::milliseconds time_of(const std::function<void()>& body) {
  const auto before = Clock::now();
  try {
    body();
  } catch (const Error&) {
  }
  return std::chrono::ceil<std::chrono::milliseconds>(Clock::now() - before);
}

// Whether `body` comes true before long, whatever it throws until then.
bool becomes(const std::function<bool()>& body) {
  return eventually([&] {
    try {
      if (body()) return true;
    } catch (const Error&) {
    }
    std::this_thread::sleep_for(10ms);
    return false;
  });
}

}  // namespace

TEST_CASE("a server that is gone is unavailable at once, and used again when it is back",
          "[faults]") {
  const auto protocol = GENERATE("ascii", "binary");
  Servers servers(1);
  ComponentUnderTest memcached(
      "memcached", {{"servers", servers.list()}, {"protocol", protocol}, {"retry_after", "2s"}});
  memcached->set("k", Entry::borrow("v"), {}, Call());
  servers[0].process().kill();
  TextCall call;
  CHECK_THAT(error_of([&] { memcached->get("k", call); }),
             Catch::StartsWith("unavailable: memcached: 127.0.0.1:"));
  for (int i = 0; i < 5; ++i) {
    CHECK(error_of([&] { memcached->set("k", Entry::borrow("v"), {}, Call()); }) ==
          "unavailable: unavailable");
    CHECK(error_of([&] { memcached->remove("k", Call()); }) == "unavailable: unavailable");
    CHECK(error_of([&] { memcached->lock("k", 1s, Call()); }) == "unavailable: unavailable");
    CHECK(error_of([&] { memcached->await_unlock("k", 1min, Call()); }) ==
          "unavailable: unavailable");
  }
  CHECK(memcached->stats(Call()).root()["servers_down"].int_value() == 1);
  TextCall given_up;
  CHECK_THAT(error_of([&] { memcached->get("k", given_up); }), Catch::Contains("given up for now"));

  servers[0].process().start();
  CHECK(becomes([&] {
    memcached->set("k", Entry::borrow("again"), {}, Call());
    return true;
  }));
  CHECK(text_of(memcached->get("k", Call())) == "again");
  CHECK(memcached->stats(Call()).root()["servers_down"].int_value() == 0);
}

TEST_CASE("a server that was restarted empty costs a miss, not an error", "[faults]") {
  const auto protocol = GENERATE("ascii", "binary");
  Servers servers(1);
  ComponentUnderTest memcached("memcached", {{"servers", servers.list()}, {"protocol", protocol}});
  memcached->set("k", Entry::borrow("v"), {}, Call());
  servers[0].process().restart();
  TextCall call;
  CHECK(error_of([&] { CHECK(text_of(memcached->get("k", call)) == "(miss)"); }) == "(none)");
  servers[0].process().restart();
  memcached->set("k", Entry::borrow("v"), {}, Call());
  CHECK(text_of(memcached->get("k", Call())) == "v");
  servers[0].process().restart();
  const Key keys[] = {"k", "l"};
  Entry found[2];
  cairn_status statuses[2] = {CAIRN_MISS, CAIRN_MISS};
  memcached->get_multi(keys, Results(found, statuses, 2), Call());
  CHECK(statuses[0] == CAIRN_MISS);
  CHECK(statuses[1] == CAIRN_MISS);
  CHECK(memcached->stats(Call()).root()["failures"].int_value() == 0);
}

TEST_CASE("a server that is frozen costs the timeout, then nothing", "[faults]") {
  const auto protocol = GENERATE("ascii", "binary");
  Servers servers(1);
  ComponentUnderTest memcached("memcached", {{"servers", servers.list()},
                                             {"protocol", protocol},
                                             {"timeout", "1s"},
                                             {"retry_after", "3s"}});
  memcached->set("k", Entry::borrow("v"), {}, Call());
  servers[0].process().freeze();
  TextCall call;
  const auto once = time_of([&] { memcached->get("k", call); });
  CHECK(once >= 1s);
  CHECK(once < 1s + 5s);
  CHECK(call.raw.error == CAIRN_OK);  // the text went into the Error
  CHECK_THAT(error_of([&] { memcached->get("k", Call()); }), Catch::StartsWith("timeout"));
  const Key keys[] = {"k", "l"};
  Entry found[2];
  cairn_status statuses[2] = {CAIRN_MISS, CAIRN_MISS};
  CHECK(time_of([&] { memcached->get_multi(keys, Results(found, statuses, 2), Call()); }) < 6s);
  CHECK(statuses[0] == CAIRN_TIMEOUT);
  CHECK(statuses[1] == CAIRN_TIMEOUT);
  CHECK(time_of([&] { memcached->get("k", Call()); }) < 900ms);  // given up

  TextCall short_call;
  servers[0].process().resume();
  CHECK(becomes([&] { return text_of(memcached->get("k", Call())) == "v"; }));
  servers[0].process().freeze();
  short_call.raw.deadline_ns = (Clock::now() + 20ms).time_since_epoch() / 1ns;
  CHECK(time_of([&] { memcached->get("k", short_call); }) < 900ms);
  servers[0].process().resume();
}

TEST_CASE("a caller in a hurry does not make everybody give the server up", "[faults]") {
  Servers servers(1);
  ComponentUnderTest memcached("memcached", {{"servers", servers.list()},
                                             {"timeout", "10s"},
                                             {"dead_after", "3"},
                                             {"retry_after", "30s"}});
  memcached->set("k", Entry::borrow("v"), {}, Call());
  servers[0].process().freeze();
  for (int i = 0; i < 6; ++i) {
    TextCall hurried;
    hurried.raw.deadline_ns = (Clock::now() + 5ms).time_since_epoch() / 1ns;
    CHECK_THAT(error_of([&] { memcached->get("k", hurried); }), Catch::StartsWith("timeout"));
  }
  servers[0].process().resume();
  CHECK(text_of(memcached->get("k", Call())) == "v");
  CHECK(memcached->stats(Call()).root()["servers_down"].int_value() == 0);
}

TEST_CASE("an answer that comes too late is never taken for another", "[faults]") {
  Servers servers(1);
  ComponentUnderTest memcached("memcached", {{"servers", servers.list()},
                                             {"timeout", "200ms"},
                                             {"dead_after", "1000"},
                                             {"max_connections", "1"}});
  for (int i = 0; i < 10; ++i)
    memcached->set(std::to_string(i), Entry::copy(std::to_string(i)), {}, Call());
  for (int i = 0; i < 5; ++i) {
    servers[0].process().freeze();
    CHECK_THAT(error_of([&] { memcached->get(std::to_string(i), Call()); }),
               Catch::StartsWith("timeout"));
    servers[0].process().resume();
    CHECK(becomes([&] {
      return text_of(memcached->get(std::to_string(i + 1), Call())) == std::to_string(i + 1);
    }));
  }
}

TEST_CASE("one of three servers gone: its keys fail, the others answer", "[faults]") {
  Servers servers(3);
  ComponentUnderTest memcached("memcached", {{"servers", servers.list()}});
  std::vector<std::string> names;
  for (int i = 0; i < 60; ++i) names.push_back("key " + std::to_string(i));
  const std::vector<Key> keys(names.begin(), names.end());
  const std::vector<Entry> entries(keys.size(), Entry::borrow("v"));
  std::vector<cairn_status> statuses(keys.size(), CAIRN_OK);
  memcached->set_multi(keys, entries, {}, Statuses(statuses.data(), 60), Call());
  servers[1].process().kill();

  std::vector<Entry> found(keys.size());
  std::fill(statuses.begin(), statuses.end(), CAIRN_MISS);
  memcached->get_multi(keys, Results(found.data(), statuses.data(), 60), Call());
  const auto up = std::count(statuses.begin(), statuses.end(), CAIRN_OK);
  CHECK(up >= 25);
  CHECK(up < 60);
  CHECK(std::count(statuses.begin(), statuses.end(), CAIRN_UNAVAILABLE) == 60 - up);
  std::fill(statuses.begin(), statuses.end(), CAIRN_OK);
  memcached->set_multi(keys, entries, {}, Statuses(statuses.data(), 60), Call());
  CHECK(std::count(statuses.begin(), statuses.end(), CAIRN_OK) == up);
}

TEST_CASE("several frozen servers cost a batch one timeout, not one each", "[faults]") {
  const auto protocol = GENERATE("ascii", "binary");
  Servers servers(4);
  ComponentUnderTest memcached(
      "memcached", {{"servers", servers.list()}, {"protocol", protocol}, {"timeout", "2s"}});
  std::vector<std::string> names;
  for (int i = 0; i < 100; ++i) names.push_back("key " + std::to_string(i));
  const std::vector<Key> keys(names.begin(), names.end());
  const std::vector<Entry> entries(keys.size(), Entry::borrow("v"));
  std::vector<cairn_status> statuses(keys.size(), CAIRN_OK);
  memcached->set_multi(keys, entries, {}, Statuses(statuses.data(), 100), Call());
  for (std::size_t i = 0; i < 3; ++i) servers[i].process().freeze();

  std::vector<Entry> found(keys.size());
  std::fill(statuses.begin(), statuses.end(), CAIRN_MISS);
  CHECK(time_of([&] {
          memcached->get_multi(keys, Results(found.data(), statuses.data(), 100), Call());
        }) < 5s);  // one after the other: 6 s
  const auto up = std::count(statuses.begin(), statuses.end(), CAIRN_OK);  // of the last server
  CHECK(up >= 5);
  CHECK(std::count(statuses.begin(), statuses.end(), CAIRN_TIMEOUT) == 100 - up);
  for (std::size_t i = 0; i < 3; ++i) servers[i].process().resume();
}

TEST_CASE("with failover, the keys of a server that is gone move to the others", "[faults]") {
  Servers servers(3);
  ComponentUnderTest memcached("memcached", {{"servers", servers.list()},
                                             {"failover", "rehash"},
                                             {"dead_after", "1"},
                                             {"retry_after", "30s"}});
  servers[1].process().kill();
  int failed = 0;
  for (int i = 0; i < 60; ++i) {
    const std::string key = std::to_string(i);
    try {
      memcached->set(key, Entry::borrow("v"), {}, Call());
      CHECK(text_of(memcached->get(key, Call())) == "v");
    } catch (const Error&) {
      ++failed;
    }
  }
  CHECK(failed == 1);
}

TEST_CASE("a server that never was is an error in good time", "[faults]") {
  ComponentUnderTest memcached("memcached",
                               {{"servers", "127.0.0.1:" + std::to_string(free_port())}});
  CHECK(time_of([&] {
          CHECK_THAT(error_of([&] { memcached->get("k", Call()); }),
                     Catch::StartsWith("unavailable"));
        }) < 10s);
  ComponentUnderTest socket("memcached", {{"servers", "unix:/nonexistent/memcached.sock"}});
  TextCall call;
  CHECK_THAT(error_of([&] { socket->get("k", call); }),
             Catch::StartsWith("unavailable: memcached: /nonexistent/memcached.sock: "));
}
