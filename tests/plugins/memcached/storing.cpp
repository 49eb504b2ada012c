#include "catch.hpp"
#include "meanwhile.hpp"
#include "memcached_under_test.hpp"

#include <sys/wait.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <thread>

using namespace cairn;
using namespace std::chrono_literals;
using On = PrivateMemcached::On;

TEST_CASE("what is stored comes back, in both protocols, over TCP and unix sockets",
          "[memcached]") {
  const auto on = GENERATE(On::loopback, On::unix_socket);
  const auto protocol = GENERATE("ascii", "binary");
  const int count = GENERATE(1, 3);
  using namespace std::string_view_literals;
  Servers servers(count, on);
  ComponentUnderTest memcached("memcached", {{"servers", servers.list()}, {"protocol", protocol}});

  CHECK(text_of(memcached->get("k", Call())) == "(miss)");
  const auto envelope = "{\"ct\": 1.5, \"v\": 2}|\r\nEND\r\n\x00\xff|"sv;
  memcached->set("k", Entry::borrow(envelope), {}, Call());
  CHECK(text_of(memcached->get("k", Call())) == envelope);
  memcached->set("k", Entry::borrow(""), {}, Call());
  CHECK(text_of(memcached->get("k", Call())).empty());
  const std::string large(1'000'000, 'x');
  memcached->set("k", Entry::borrow(large), {}, Call());
  CHECK(text_of(memcached->get("k", Call())) == large);
  CHECK(memcached->remove("k", Call()));
  CHECK_FALSE(memcached->remove("k", Call()));
  CHECK(text_of(memcached->get("k", Call())) == "(miss)");

  // Batches, over all servers, with repeated keys and misses.
  std::vector<std::string> names;
  for (int i = 0; i < 2500; ++i) names.push_back("key:" + std::to_string(i));
  std::vector<Key> keys(names.begin(), names.end());
  std::vector<Entry> entries;
  for (const std::string& name : names)
    entries.push_back(Entry::copy(std::string("of ").append(name)));
  std::vector<cairn_status> statuses(keys.size(), CAIRN_OK);
  memcached->set_multi(keys, entries, {}, Statuses(statuses.data(), statuses.size()), Call());
  CHECK(std::count(statuses.begin(), statuses.end(), CAIRN_OK) == 2500);

  keys[100] = "nobody";
  keys[101] = keys[102] = "key:7";
  std::fill(statuses.begin(), statuses.end(), CAIRN_MISS);
  std::vector<Entry> found(keys.size());
  memcached->get_multi(keys, Results(found.data(), statuses.data(), found.size()), Call());
  CHECK(std::count(statuses.begin(), statuses.end(), CAIRN_OK) == 2499);
  CHECK(statuses[100] == CAIRN_MISS);
  bool right = true;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    right = right && (i == 100 || found[i].bytes() == std::string("of ").append(keys[i].view()));
  }
  CHECK(right);

  std::fill(statuses.begin(), statuses.end(), CAIRN_MISS);
  memcached->remove_multi(keys, Statuses(statuses.data(), statuses.size()), Call());
  CHECK(std::count(statuses.begin(), statuses.end(), CAIRN_OK) >= 2499);
  CHECK(text_of(memcached->get("key:7", Call())) == "(miss)");
  CHECK(text_of(memcached->get("key:2499", Call())) == "(miss)");
  CHECK(text_of(memcached->get("key:100", Call())) == "of key:100");
}

TEST_CASE("keys that memcached does not take are hashed, or refused", "[memcached]") {
  const auto protocol = GENERATE("ascii", "binary");
  Servers servers(1);
  Bystander bystander(servers[0]);
  ComponentUnderTest memcached("memcached", {{"servers", servers.list()}, {"protocol", protocol}});
  const std::string longest(245, 'k');
  const std::string too_long(246, 'k');
  for (const std::string& key : {std::string("a b"), std::string("c\r\nd"), std::string("\x7f"),
                                 std::string(), longest, too_long, std::string("cl\xc3\xa9")}) {
    memcached->set(key, Entry::borrow("v"), {}, Call());
    CHECK(text_of(memcached->get(key, Call())) == "v");
    const auto token = memcached->lock(key, 30s, Call());
    CHECK(token.has_value());
    CHECK(memcached->unlock(key, *token, Call()));
  }
  CHECK(bystander.get(longest).has_value());
  CHECK(bystander.get("cl\xc3\xa9").has_value());
  CHECK(memcached->stats(Call()).root()["mangled"].int_value() > 0);

  // As dogpile.cache's sha1_mangle_key names it.
  memcached->set("some key", Entry::borrow("v"), {}, Call());
  CHECK(bystander.get("ab0d8e0ce58e6fa9d1b230d25f2ea0b44a51ebd4").has_value());

  ComponentUnderTest strict(
      "memcached", {{"servers", servers.list()}, {"protocol", protocol}, {"mangle", "error"}});
  TextCall call;
  CHECK_THAT(error_of([&] { strict->get("a b", call); }),
             Catch::StartsWith("rejected: memcached: memcached does not take this key"));
  const Key keys[] = {"a b", "ab"};
  const Entry entries[] = {Entry::borrow("1"), Entry::borrow("2")};
  cairn_status statuses[2] = {};
  strict->set_multi(keys, entries, {}, Statuses(statuses, 2), Call());
  CHECK(statuses[0] == CAIRN_REJECTED);
  CHECK(statuses[1] == CAIRN_OK);
}

TEST_CASE("values above the limit are rejected and counted, in a batch alone", "[memcached]") {
  const auto protocol = GENERATE("ascii", "binary");
  Servers servers(1);
  ComponentUnderTest memcached(
      "memcached", {{"servers", servers.list()}, {"protocol", protocol}, {"max_value", "2MiB"}});
  TextCall call;
  const std::string ours(3'000'000, 'x');    // above max_value
  const std::string theirs(1'500'000, 'x');  // above the server's limit only
  CHECK_THAT(error_of([&] { memcached->set("k", Entry::borrow(ours), {}, call); }),
             Catch::StartsWith("rejected: ") && Catch::Contains("`zstd`"));
  TextCall other;
  CHECK_THAT(error_of([&] { memcached->set("k", Entry::borrow(theirs), {}, other); }),
             Catch::StartsWith("rejected: memcached: 127.0.0.1:"));
  const Key keys[] = {"large", "small", "larger", "last"};
  const Entry entries[] = {Entry::borrow(theirs), Entry::borrow("x"), Entry::borrow(ours),
                           Entry::borrow("y")};
  cairn_status statuses[4] = {};
  memcached->set_multi(keys, entries, {}, Statuses(statuses, 4), Call());
  CHECK(statuses[0] == CAIRN_REJECTED);
  CHECK(statuses[1] == CAIRN_OK);
  CHECK(statuses[2] == CAIRN_REJECTED);
  CHECK(statuses[3] == CAIRN_OK);
  CHECK(text_of(memcached->get("small", Call())) == "x");
  CHECK(text_of(memcached->get("last", Call())) == "y");
  CHECK(memcached->stats(Call()).root()["rejected"].int_value() == 4);
}

TEST_CASE("flags of Python's clients are understood, and those of objects are not", "[memcached]") {
  Servers servers(1);
  Bystander bystander(servers[0]);
  ComponentUnderTest memcached("memcached", {{"servers", servers.list()}});
  REQUIRE(bystander.set("text", "plain", 16));
  CHECK(text_of(memcached->get("text", Call())) == "plain");
  // zlib.compress(b"a" * 1000)
  const std::string deflated("x\x9cKL\x1c\x05\xa3`\x14\x0cw\x00\x00\xf9\xd8z\xf8", 17);
  REQUIRE(bystander.set("deflated", deflated, 8));
  REQUIRE(bystander.set("both", deflated, 24));
  CHECK(text_of(memcached->get("deflated", Call())) == std::string(1000, 'a'));
  CHECK(text_of(memcached->get("both", Call())) == std::string(1000, 'a'));
  REQUIRE(bystander.set("broken", "no zlib", 8));
  REQUIRE(bystander.set("pickle", "object", 1));
  CHECK_THAT(error_of([&] { memcached->get("broken", Call()); }), Catch::StartsWith("corrupt"));
  CHECK_THAT(error_of([&] { memcached->get("pickle", Call()); }), Catch::StartsWith("corrupt"));
  CHECK(text_of(memcached->get("text", Call())) == "plain");

  const Key keys[] = {"pickle", "text"};
  Entry found[2];
  cairn_status statuses[2] = {CAIRN_MISS, CAIRN_MISS};
  memcached->get_multi(keys, Results(found, statuses, 2), Call());
  CHECK(statuses[0] == CAIRN_CORRUPT);
  CHECK(found[1].bytes() == "plain");

  memcached->set("ours", Entry::borrow("v"), {}, Call());
  CHECK(bystander.get("ours")->flags == 0);
  ComponentUnderTest with("memcached",
                          {{"servers", servers.list()}, {"compatible_with", "bmemcached"}});
  with->set("theirs", Entry::borrow("v"), {}, Call());
  CHECK(bystander.get("theirs")->flags == 16);
}

TEST_CASE("a deflated value may be sixteen times as long as the longest, and no longer",
          "[memcached]") {
  Servers servers(1);
  Bystander bystander(servers[0]);
  ComponentUnderTest memcached("memcached", {{"servers", servers.list()}, {"max_value", "1KiB"}});
  const auto deflated = [](std::size_t size) {
    const std::string plain(size, 'a');
    std::string result(compressBound(size), '\0');
    uLongf length = result.size();
    REQUIRE(compress(reinterpret_cast<Bytef*>(result.data()), &length,
                     reinterpret_cast<const Bytef*>(plain.data()), size) == Z_OK);
    return result.substr(0, length);
  };
  REQUIRE(bystander.set("longest", deflated(16384), 8));
  REQUIRE(bystander.set("longer", deflated(16385), 8));
  CHECK(memcached->get("longest", Call())->size() == 16384);
  CHECK_THAT(error_of([&] { memcached->get("longer", Call()); }), Catch::StartsWith("corrupt"));
}

TEST_CASE("an item that cannot be read does not cost the connection", "[memcached]") {
  const auto protocol = GENERATE("ascii", "binary");
  Servers servers(1);
  Bystander bystander(servers[0]);
  REQUIRE(bystander.set("pickle", "object", 1));
  ComponentUnderTest memcached("memcached", {{"servers", servers.list()}, {"protocol", protocol}});
  memcached->get("absent", Call());
  CHECK(eventually([&] { return bystander.connections_of_others() == 1; }));
  for (int i = 0; i < 5; ++i) {
    CHECK_THAT(error_of([&] { memcached->get("pickle", Call()); }), Catch::StartsWith("corrupt"));
  }
  CHECK(bystander.connections_of_others() == 1);
  CHECK(memcached->stats(Call()).root()["failures"].int_value() == 5);
}

TEST_CASE("a time to live ends, and one of more than thirty days does not end at once",
          "[memcached]") {
  Servers servers(1);
  ComponentUnderTest memcached("memcached", {{"servers", servers.list()}, {"ttl", "1s"}});
  memcached->set("month", Entry::borrow("v"), {.ttl = std::chrono::hours(24 * 31)}, Call());
  memcached->set("second", Entry::borrow("v"), {}, Call());
  memcached->set("minute", Entry::borrow("v"), {.ttl = 60s}, Call());
  CHECK(text_of(memcached->get("month", Call())) == "v");
  CHECK(text_of(memcached->get("minute", Call())) == "v");
  CHECK(eventually([&] {
    std::this_thread::sleep_for(20ms);
    return !memcached->get("second", Call()).has_value();
  }));
  CHECK(text_of(memcached->get("month", Call())) == "v");
}

TEST_CASE("threads share a bounded number of connections", "[memcached]") {
  Servers servers(1);
  ComponentUnderTest memcached("memcached",
                               {{"servers", servers.list()}, {"max_connections", "3"}});
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 200; ++i) {
        const std::string key = std::to_string(t).append(":").append(std::to_string(i % 7));
        memcached->set(key, Entry::copy(key), {}, Call());
        if (text_of(memcached->get(key, Call())) != key) ++wrong;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(wrong == 0);
  const auto connections = memcached->stats(Call()).root()["connections"].int_value();
  CHECK(connections >= 1);
  CHECK(connections <= 3);
}

TEST_CASE("a forked child talks on connections of its own", "[memcached]") {
  Servers servers(1);
  ComponentUnderTest memcached("memcached", {{"servers", servers.list()}});
  memcached->set("k", Entry::borrow("parent"), {}, Call());
  const pid_t child = fork();
  if (child == 0) {
    memcached.after_fork();
    bool good = text_of(memcached->get("k", Call())) == "parent";
    for (int i = 0; i < 200; ++i) {
      memcached->set("child", Entry::copy(std::to_string(i)), {}, Call());
      good = good && text_of(memcached->get("child", Call())) == std::to_string(i);
    }
    _exit(good ? 0 : 1);
  }
  for (int i = 0; i < 200; ++i) {
    memcached->set("parent", Entry::copy(std::to_string(i)), {}, Call());
    if (text_of(memcached->get("parent", Call())) != std::to_string(i)) FAIL("mixed up");
  }
  int status = -1;
  waitpid(child, &status, 0);
  CHECK(status == 0);
  CHECK(text_of(memcached->get("child", Call())) == "199");
}
