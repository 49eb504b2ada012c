#include "catch.hpp"
#include "component_under_test.hpp"
#include "temporary_folder.hpp"

#include <cairn/extensions/scan.h>

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <thread>

using namespace cairn;
using namespace std::chrono_literals;

namespace {

std::string text_of(const OptionalEntry& entry) {
  return entry ? std::string(entry->bytes()) : "(miss)";
}

std::string value_of(const std::string& key) {
  return std::string("of ").append(key);
}

}  // namespace

TEST_CASE("lmdb gives back what was stored, byte for byte", "[lmdb]") {
  TemporaryFolder folder;
  ComponentUnderTest lmdb("lmdb", {{"path", folder.path()}});
  using namespace std::string_view_literals;

  CHECK(text_of(lmdb->get("k", Call())) == "(miss)");
  lmdb->set("k", Entry::borrow("{\"ct\": 1.5, \"v\": 2}|\x81\xa1\x00|"sv), {}, Call());
  CHECK(text_of(lmdb->get("k", Call())) == "{\"ct\": 1.5, \"v\": 2}|\x81\xa1\x00|"sv);
  lmdb->set("k", Entry::borrow("two"), {}, Call());
  CHECK(text_of(lmdb->get("k", Call())) == "two");
  lmdb->set("k", Entry::borrow(""), {}, Call());
  CHECK(text_of(lmdb->get("k", Call())).empty());
  CHECK(lmdb->remove("k", Call()));
  CHECK_FALSE(lmdb->remove("k", Call()));
  CHECK_FALSE(lmdb->get("k", Call()).has_value());
}

TEST_CASE("any bytes are a key, however many", "[lmdb]") {
  TemporaryFolder folder;
  ComponentUnderTest lmdb("lmdb", {{"path", folder.path()}});
  const std::string alike(600, 'k');
  const std::vector<std::string> keys = {"",
                                         std::string(1, '\0'),
                                         "a b\r\n",
                                         "\1ages",
                                         "\1format",
                                         std::string(480, 'x'),
                                         std::string(481, 'x'),
                                         std::string(511, 'x'),
                                         alike + "1",
                                         alike + "2",
                                         std::string(100'000, 'y')};
  for (const std::string& key : keys) {
    lmdb->set(key, Entry::copy(value_of(key)), {}, Call());
  }
  for (const std::string& key : keys) {
    CHECK(text_of(lmdb->get(key, Call())) == value_of(key));
  }
  for (const std::string& key : keys) {
    CHECK(lmdb->remove(key, Call()));
    CHECK_FALSE(lmdb->get(key, Call()).has_value());
  }
}

TEST_CASE("an entry is gone when its time to live is over", "[lmdb]") {
  TemporaryFolder folder;
  ComponentUnderTest lmdb("lmdb", {{"path", folder.path()}, {"ttl", "1h"}});
  lmdb->set("hour", Entry::borrow("1"), {}, Call());
  lmdb->set("minute", Entry::borrow("2"), {.ttl = 1min}, Call());

  const auto expires = lmdb->get("minute", Call())->expires().time_since_epoch();
  CHECK(expires.count() == ComponentUnderTest::now + std::chrono::nanoseconds(1min).count());
  ComponentUnderTest::pass(59s);
  CHECK(lmdb->get("minute", Call()).has_value());
  ComponentUnderTest::pass(1s);
  CHECK_FALSE(lmdb->get("minute", Call()).has_value());
  CHECK_FALSE(lmdb->remove("minute", Call()));
  CHECK(lmdb->get("hour", Call()).has_value());
  ComponentUnderTest::pass(59min);
  CHECK_FALSE(lmdb->get("hour", Call()).has_value());
}

TEST_CASE("what has expired is cleared away by later writes", "[lmdb]") {
  TemporaryFolder folder;
  ComponentUnderTest lmdb("lmdb", {{"path", folder.path()}});
  for (int i = 0; i < 20; ++i) {
    lmdb->set("old " + std::to_string(i), Entry::borrow("x"), {.ttl = 1s}, Call());
  }
  ComponentUnderTest::pass(2s);
  for (int i = 0; i < 10; ++i) lmdb->set("new", Entry::borrow("x"), {}, Call());
  const Document stats = lmdb->stats(Call());
  CHECK(stats.root()["entries"].int_value() == 1);
  CHECK(stats.root()["expired"].int_value() == 20);
}

TEST_CASE("every set changes what cas says", "[lmdb]") {
  TemporaryFolder folder;
  ComponentUnderTest lmdb("lmdb", {{"path", folder.path()}});
  lmdb->set("k", Entry::borrow("same"), {}, Call());
  const auto first = lmdb->get("k", Call())->raw().cas;
  CHECK(lmdb->get("k", Call())->raw().cas == first);
  lmdb->remove("k", Call());
  lmdb->set("k", Entry::borrow("same"), {}, Call());
  CHECK(lmdb->get("k", Call())->raw().cas != first);
}

TEST_CASE("a batch is answered key by key, in order, repeated keys too", "[lmdb]") {
  TemporaryFolder folder;
  ComponentUnderTest lmdb("lmdb", {{"path", folder.path()}});
  const Key set[] = {"a", "b", "a"};
  const Entry entries[] = {Entry::borrow("1"), Entry::borrow("2"), Entry::borrow("3")};
  cairn_status statuses[4] = {};
  lmdb->set_multi(set, entries, {}, Statuses(statuses, 3), Call());
  CHECK(lmdb->stats(Call()).root()["commits"].int_value() == 1);

  const Key keys[] = {"b", "x", "a", "b"};
  Entry found[4];
  std::fill(statuses, statuses + 4, CAIRN_MISS);
  lmdb->get_multi(keys, Results(found, statuses, 4), Call());
  CHECK(found[0].bytes() == "2");
  CHECK(statuses[1] == CAIRN_MISS);
  CHECK(found[2].bytes() == "3");
  CHECK(found[3].bytes() == "2");

  std::fill(statuses, statuses + 4, CAIRN_MISS);
  lmdb->remove_multi(keys, Statuses(statuses, 4), Call());
  CHECK(statuses[0] == CAIRN_OK);
  CHECK(statuses[1] == CAIRN_MISS);
  CHECK(statuses[2] == CAIRN_OK);
  CHECK(statuses[3] == CAIRN_MISS);
  CHECK(lmdb->stats(Call()).root()["entries"].int_value() == 0);
}

TEST_CASE("entries survive the program", "[lmdb]") {
  TemporaryFolder folder;
  for (const char* sync : {"none", "meta", "full"}) {
    const std::string path = folder.path(sync);
    {
      ComponentUnderTest lmdb("lmdb", {{"path", path}, {"sync", sync}});
      lmdb->set("k", Entry::borrow("v"), {}, Call());
    }
    ComponentUnderTest lmdb("lmdb", {{"path", path}, {"sync", sync}});
    CHECK(text_of(lmdb->get("k", Call())) == "v");
  }
}

TEST_CASE("an entry outlives the component it came from", "[lmdb]") {
  TemporaryFolder folder;
  OptionalEntry entry;
  {
    ComponentUnderTest lmdb("lmdb", {{"path", folder.path()}});
    lmdb->set("k", Entry::borrow("still here"), {}, Call());
    entry = lmdb->get("k", Call());
  }
  CHECK(text_of(entry) == "still here");
}

TEST_CASE("threads that read one after another need one reader", "[lmdb]") {
  TemporaryFolder folder;
  ComponentUnderTest lmdb("lmdb", {{"path", folder.path()}, {"max_readers", "1"}});
  lmdb->set("k", Entry::borrow("v"), {}, Call());
  for (int i = 0; i < 5; ++i) {
    std::string found;
    std::thread([&] {
      try {
        found = lmdb->get("k", Call())->bytes();
      } catch (const Error& error) {
        found = error.what();
      }
    }).join();
    CHECK(found == "v");
  }
}

TEST_CASE("threads read whole values while others write", "[lmdb]") {
  TemporaryFolder folder;
  ComponentUnderTest lmdb("lmdb", {{"path", folder.path()}});
  std::atomic<int> torn{0}, reads{0}, writers{4};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 500; ++i) {
        const std::string value(static_cast<std::size_t>(1 + (i * 37) % 5000),
                                static_cast<char>('a' + (t + i) % 26));
        lmdb->set(std::string("k").append(std::to_string(i % 5)), Entry::borrow(value), {}, Call());
      }
      --writers;
    });
    threads.emplace_back([&] {
      do {
        for (int k = 0; k < 5; ++k) {
          if (const auto entry = lmdb->get(std::string("k").append(std::to_string(k)), Call())) {
            ++reads;
            const std::string_view bytes = entry->bytes();
            if (bytes.find_first_not_of(bytes[0]) != std::string_view::npos) ++torn;
          }
        }
      } while (writers > 0 || reads == 0);
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(torn == 0);
  CHECK(reads > 0);
  CHECK(lmdb->stats(Call()).root()["changes"].int_value() == 2000);
}

TEST_CASE("writes that come while one is being committed share the next commit", "[lmdb]") {
  TemporaryFolder folder;
  ComponentUnderTest lmdb("lmdb", {{"path", folder.path()}, {"sync", "full"}});  // slow commits
  const std::string value(1000, 'v');
  std::int64_t changes = 0, commits = 0;
  // Which thread runs when is the scheduler's affair: as often as it takes, within reason.
  for (int round = 0; round < 50 && changes == commits; ++round) {
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&, t] {
        for (int i = 0; i < 5; ++i) lmdb->set(std::to_string(t), Entry::borrow(value), {}, Call());
      });
    }
    for (auto& thread : threads) thread.join();
    const Document stats = lmdb->stats(Call());
    changes = stats.root()["changes"].int_value();
    commits = stats.root()["commits"].int_value();
  }
  CHECK(commits < changes);
}

TEST_CASE("a scan visits every entry once, also while others come and go", "[lmdb]") {
  TemporaryFolder folder;
  ComponentUnderTest lmdb("lmdb", {{"path", folder.path()}});
  const std::string long_key(600, 'k');
  lmdb->set(long_key, Entry::borrow("long"), {}, Call());
  lmdb->set("over", Entry::borrow("x"), {.ttl = 1s}, Call());
  ComponentUnderTest::pass(2s);
  for (int i = 0; i < 250; ++i) lmdb->set(std::to_string(i), Entry::borrow("v"), {}, Call());

  const auto* table =
      static_cast<const cairn_scan*>(lmdb.component().ops->extension(lmdb.self(), CAIRN_SCAN_ID));
  REQUIRE(table != nullptr);
  std::map<std::string, int> visits;
  std::uint64_t cursor = 0;
  int calls = 0;
  do {
    const auto visit = [](void* user, cairn_bytes key, const cairn_entry*) noexcept {
      ++(*static_cast<std::map<std::string, int>*>(user))[std::string(key.data, key.size)];
    };
    REQUIRE(table->scan(lmdb.self(), nullptr, &cursor, 100, visit, &visits) == CAIRN_OK);
    lmdb->set("1", Entry::borrow("again"), {}, Call());
    lmdb->remove("99", Call());
    ++calls;
  } while (cursor != 0 && calls < 100);
  CHECK(calls == 3);
  CHECK(visits[long_key] == 1);
  CHECK(visits.count("over") == 0);
  CHECK(visits["1"] == 1);
  CHECK(visits.size() >= 250);
  CHECK(
      std::all_of(visits.begin(), visits.end(), [](const auto& pair) { return pair.second == 1; }));
  cursor = 12345;
  CHECK(table->scan(lmdb.self(), nullptr, &cursor, 100, nullptr, nullptr) == CAIRN_REJECTED);
}

TEST_CASE("a forked child reads, writes and locks on its own, and leaves the parent's alone",
          "[lmdb]") {
  TemporaryFolder folder;
  ComponentUnderTest lmdb("lmdb", {{"path", folder.path()}});
  lmdb->set("k", Entry::borrow("parent"), {}, Call());
  const auto held = lmdb->lock("held", 0ns, Call());
  REQUIRE(held.has_value());

  const pid_t child = fork();
  if (child == 0) {
    lmdb.after_fork();
    const bool good = text_of(lmdb->get("k", Call())) == "parent" &&
                      !lmdb->lock("held", 0ns, Call()).has_value() &&
                      lmdb->lock("other", 0ns, Call()).has_value();
    lmdb->set("child", Entry::borrow("was here"), {}, Call());
    _exit(good ? 0 : 1);
  }
  int status = -1;
  waitpid(child, &status, 0);
  CHECK(status == 0);
  CHECK(text_of(lmdb->get("child", Call())) == "was here");
  CHECK(lmdb->lock("other", 0ns, Call()).has_value());  // freed by the child's end
  CHECK(lmdb->unlock("held", *held, Call()));
}
