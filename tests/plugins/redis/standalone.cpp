// The redis plugin against one real server: what it stores, and how it is configured.

#include "bare_redis.hpp"
#include "batch.hpp"
#include "catch.hpp"
#include "component_under_test.hpp"
#include "failure_of.hpp"
#include "private_server.hpp"
#include "scanned.hpp"

#include <thread>

using namespace cairn;
using namespace std::chrono_literals;

namespace {

PrivateRedis& server() {
  static PrivateRedis one;
  return one;
}

std::string config_error(const ComponentUnderTest::OptionTexts& options) {
  try {
    ComponentUnderTest redis("redis", options);
    return "";
  } catch (const Error& error) {
    CHECK(error.code() == Errc::config);
    return error.what();
  }
}

}  // namespace

TEST_CASE("the store holds exactly the bytes that were set", "[redis]") {
  for (const std::string& url : {server().url(), server().unix_url()}) {
    ComponentUnderTest redis("redis", {{"url", url}});
    BareRedis bare(server().port());
    bare({"FLUSHALL"});
    const std::string bytes("{\"ct\": 1.5, \"v\": 2}|\x00\xff\r\n|", 25);
    const std::string key = "cl\xc3\xa9 unicode |x";

    CHECK_FALSE(redis->get(key, Call()).has_value());
    redis->set(key, Entry::copy(bytes), {}, Call());
    CHECK(bare({"GET", key}) == bytes);
    CHECK(bare({"TTL", key}) == "-1");
    CHECK(redis->get(key, Call())->bytes() == bytes);
    CHECK(redis->remove(key, Call()));
    CHECK_FALSE(redis->remove(key, Call()));
    CHECK(bare({"EXISTS", key}) == "0");
  }
}

TEST_CASE("empty values and megabytes come back as they were", "[redis]") {
  ComponentUnderTest redis("redis", {{"url", server().url()}});
  redis->set("empty", Entry::copy(""), {}, Call());
  CHECK(redis->get("empty", Call())->bytes() == "");
  std::string large(5'000'000, 'x');
  for (std::size_t i = 0; i < large.size(); i += 7) large[i] = static_cast<char>(i);
  redis->set("large", Entry::borrow(large), {}, Call());
  CHECK(redis->get("large", Call())->bytes() == large);
}

TEST_CASE("a call's time to live goes before the option's, rounded down", "[redis]") {
  ComponentUnderTest redis("redis", {{"url", server().url()}, {"ttl", "1h"}});
  BareRedis bare(server().port());
  redis->set("k", Entry::copy("v"), {}, Call());
  CHECK(std::stoll(bare({"PTTL", "k"})) > 3'590'000);
  CHECK(std::stoll(bare({"PTTL", "k"})) <= 3'600'000);
  redis->set("k", Entry::copy("v"), {2500us}, Call());
  CHECK(std::stoll(bare({"PTTL", "k"})) <= 2);

  Batch batch({"m1", "m2"});
  const std::vector<Entry> values{Entry::copy("1"), Entry::copy("2")};
  redis->set_multi(batch.keys, values, {60s}, batch.answers(), Call());
  CHECK(std::stoll(bare({"PTTL", "m2"})) > 59'000);
  CHECK(std::stoll(bare({"PTTL", "m2"})) <= 60'000);
}

TEST_CASE("a batch is one round trip, answered in order, repeated keys too", "[redis]") {
  ComponentUnderTest redis("redis", {{"url", server().url()}});
  BareRedis bare(server().port());
  bare({"FLUSHALL"});
  Batch set({"a", "c"});
  set.statuses.assign(2, CAIRN_OK);
  const std::vector<Entry> values{Entry::copy("1"), Entry::copy("3")};
  redis->set_multi(set.keys, values, {}, set.answers(), Call());
  CHECK(set.statuses == std::vector<cairn_status>{CAIRN_OK, CAIRN_OK});
  CHECK(bare({"GET", "c"}) == "3");

  const long long writes = statistic(redis, "writes");
  Batch get({"a", "b", "c", "a"});
  redis->get_multi(get.keys, get.results(), Call());
  CHECK(get.statuses == std::vector<cairn_status>{CAIRN_OK, CAIRN_MISS, CAIRN_OK, CAIRN_OK});
  CHECK(get.entries[2].bytes() == "3");
  CHECK(get.entries[3].bytes() == "1");

  Batch remove({"a", "b", "c", "a"});
  redis->remove_multi(remove.keys, remove.answers(), Call());
  CHECK(remove.statuses == std::vector<cairn_status>{CAIRN_OK, CAIRN_MISS, CAIRN_OK, CAIRN_MISS});
  CHECK(bare({"DBSIZE"}) == "0");
  CHECK(statistic(redis, "writes") - writes == 2);

  Batch none({});
  redis->get_multi(none.keys, none.results(), Call());
  redis->set_multi(none.keys, {}, {}, none.answers(), Call());
  redis->remove_multi(none.keys, none.answers(), Call());
  CHECK(statistic(redis, "writes") - writes == 2);
}

TEST_CASE("a batch of thousands is split, and complete", "[redis]") {
  ComponentUnderTest redis("redis", {{"url", server().url()}});
  std::vector<std::string> names;
  std::vector<Entry> values;
  for (int i = 0; i < 2500; ++i) {
    names.push_back("n" + std::to_string(i));
    values.push_back(Entry::copy("value " + std::to_string(i)));
  }
  Batch batch(names);
  redis->set_multi(batch.keys, values, {}, batch.answers(), Call());
  batch.statuses.assign(names.size(), CAIRN_MISS);
  redis->get_multi(batch.keys, batch.results(), Call());
  int right = 0;
  for (std::size_t i = 0; i < names.size(); ++i) {
    right += batch.statuses[i] == CAIRN_OK && batch.entries[i].bytes() == values[i].bytes();
  }
  CHECK(right == 2500);
}

TEST_CASE("many threads over few connections each get their own answers", "[redis]") {
  ComponentUnderTest redis("redis", {{"url", server().url()}, {"max_connections", "2"}});
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 16; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 300; ++i) {
        const std::string key = "t" + std::to_string(t) + ":" + std::to_string(i % 10);
        const std::string value = key + "=" + std::to_string(i);
        redis->set(key, Entry::borrow(value), {}, Call());
        const auto found = redis->get(key, Call());
        if (!found || found->bytes() != value) ++wrong;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(wrong == 0);
  CHECK(statistic(redis, "connects") <= 2);
  CHECK(statistic(redis, "commands") == 16 * 300 * 2);
}

TEST_CASE("a key of another type is an unreadable entry, not a broken server", "[redis]") {
  ComponentUnderTest redis("redis", {{"url", server().url()}});
  BareRedis bare(server().port());
  bare({"DEL", "list"});
  bare({"LPUSH", "list", "x"});
  const Failure failure = failure_of([&](Call call) { redis->get("list", call); });
  CHECK(failure.code == Errc::corrupt);
  CHECK_THAT(failure.text, Catch::StartsWith("redis: ") && Catch::Contains("WRONGTYPE"));
  redis->set("list", Entry::copy("now a value"), {}, Call());
  CHECK(redis->get("list", Call())->bytes() == "now a value");
}

TEST_CASE("a scan shows every entry, and neither locks nor what is no entry", "[redis]") {
  ComponentUnderTest redis("redis", {{"url", server().url()}});
  BareRedis bare(server().port());
  bare({"FLUSHALL"});
  std::map<std::string, std::string> all{{"_locksmith", "an entry with an unlucky name"}};
  for (int i = 0; i < 2500; ++i) all["k" + std::to_string(i)] = "value " + std::to_string(i);
  for (const auto& [key, value] : all) redis->set(key, Entry::borrow(value), {}, Call());
  REQUIRE(redis->lock("k1", 30s, Call()).has_value());
  bare({"SET", "_lockpython", "10fda5d8e72011f18f4f02fc00000001"});
  bare({"LPUSH", "list", "x"});
  CHECK(scanned(redis) == all);
  CHECK(scanned(redis, 1'000'000) == all);
  bare({"FLUSHALL"});
  CHECK(scanned(redis).empty());
}

TEST_CASE("the database, the user and the password of a url are used", "[redis]") {
  BareRedis bare(server().port());
  bare({"ACL", "SETUSER", "ada", "on", ">p@ss/word", "~*", "&*", "+@all"});
  const std::string at = "@127.0.0.1:" + std::to_string(server().port());
  ComponentUnderTest redis("redis", {{"url", "redis://ada:p%40ss%2Fword" + at + "/3"}});
  redis->set("where", Entry::copy("three"), {}, Call());
  bare({"SELECT", "3"});
  CHECK(bare({"GET", "where"}) == "three");
  CHECK_THAT(bare({"CLIENT", "LIST"}), Catch::Contains("user=ada"));

  ComponentUnderTest wrong("redis", {{"url", "redis://ada:guess" + at}});
  const Failure failure = failure_of([&](Call call) { wrong->get("k", call); });
  CHECK(failure.code == Errc::rejected);
  CHECK_THAT(failure.text, Catch::Contains("WRONGPASS") && !Catch::Contains("guess"));
}

TEST_CASE("a password can come from a file", "[redis]") {
  BareRedis bare(server().port());
  bare({"ACL", "SETUSER", "bob", "on", ">secret of bob", "~*", "&*", "+@all"});
  PrivateFolder folder;
  {
    std::FILE* file = std::fopen((folder / "password").c_str(), "w");
    std::fputs("secret of bob\nsecond line\n", file);
    std::fclose(file);
  }
  ComponentUnderTest redis("redis", {{"host", "127.0.0.1"},
                                     {"port", std::to_string(server().port())},
                                     {"username", "bob"},
                                     {"password_file", folder / "password"}});
  redis->set("k", Entry::copy("v"), {}, Call());
  CHECK(redis->get("k", Call())->bytes() == "v");
}

TEST_CASE("what is wrong with the options is said when the backend is made", "[redis]") {
  using Catch::Contains;
  CHECK_THAT(config_error({{"url", "http://x"}}), Contains("redis://, rediss://"));
  CHECK_THAT(config_error({{"url", "redis://h:70000"}}), Contains("1 to 65535"));
  CHECK_THAT(config_error({{"url", "redis://h/x"}}), Contains("whole number"));
  CHECK_THAT(config_error({{"url", "redis://h?color=red"}}),
             Contains("db=, username= and password="));
  CHECK_THAT(config_error({{"url", "redis://:a%zz@h"}}), Contains("%25"));
  CHECK_THAT(config_error({{"url", "redis://::1:6379"}}), Contains("[::1]:6379"));
  CHECK_THAT(config_error({{"url", "unix://h/x.sock"}}), Contains("three slashes"));
  CHECK_THAT(config_error({{"url", "redis://h"}, {"port", "1"}}), Contains("not both"));
  CHECK_THAT(config_error({{"url", "redis://:a@h"}, {"password", "b"}}), Contains("say it once"));
  CHECK_THAT(config_error({{"host", "h"}, {"username", "u"}}), Contains("without a password"));
  CHECK_THAT(config_error({{"lock_prefix", "x"}}), Contains("lock_prefix"));
  CHECK_THAT(config_error({{"sentinels", "h"}}), Contains("has no effect without mode"));
  CHECK_THAT(config_error({{"nodes", "h"}}), Contains("has no effect without mode"));
  CHECK_THAT(config_error({{"read_from", "replica"}}), Contains("no effect"));
  CHECK_THAT(config_error({{"ca_file", "/x"}}), Contains("has no effect without TLS"));
  CHECK_THAT(config_error({{"mode", "sentinel"}}), Contains("needs `sentinels"));
  CHECK_THAT(config_error({{"mode", "cluster"}}), Contains("needs `nodes"));
  CHECK_THAT(config_error({{"mode", "cluster"}, {"nodes", "h"}, {"db", "1"}}),
             Contains("database 0"));
  CHECK_THAT(config_error({{"url", "rediss://h"}, {"ca_file", "/no/such"}}), Contains("/no/such"));
  CHECK_THAT(config_error({{"url", "localhost:6379"}}), Contains("write redis://localhost:6379"));
  CHECK_THAT(config_error({{"url", "/run/redis.sock"}}), Contains("write unix:///run/redis.sock"));
  CHECK_THAT(config_error({{"url", "redis://:12/34@h"}}), Contains("%2F"));
  CHECK_THAT(config_error({{"url", "unix:///" + std::string(107, 'x')}}), Contains("107 bytes"));
  CHECK_THAT(config_error({{"url", "redis://h/0"}, {"db", "1"}}), Contains("say it once"));
  CHECK_THAT(config_error({{"url", "redis://h:0"}}), Contains("1 to 65535"));
  PrivateFolder folder;
  std::fclose(std::fopen((folder / "empty").c_str(), "w"));
  CHECK_THAT(config_error({{"password_file", folder / "empty"}}),
             Contains("/empty, which is empty"));
  {
    std::FILE* file = std::fopen((folder / "empty line").c_str(), "w");
    std::fputs("\n", file);
    std::fclose(file);
  }
  CHECK_THAT(config_error({{"password_file", folder / "empty line"}}), Contains("is empty"));
  CHECK_THAT(config_error({{"password_file", folder / "none"}}),
             Contains("cannot read " + (folder / "none") + ": No such file or directory"));
  CHECK_THAT(config_error({{"password_file", folder / "."}}), Contains("Is a directory"));
  CHECK_THAT(config_error({{"password_file", "/dev/zero"}}), Contains("no line that ends"));
}
