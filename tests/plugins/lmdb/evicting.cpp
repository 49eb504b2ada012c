#include "catch.hpp"
#include "component_under_test.hpp"
#include "temporary_folder.hpp"

#include <random>

using namespace cairn;
using namespace std::chrono_literals;

namespace {

std::string key_of(int i) {
  // Scattered over the tree, as hashed or named keys are.
  return std::to_string((static_cast<std::uint64_t>(i) * 0x9e3779b97f4a7c15u) >> 20) + ":" +
         std::to_string(i);
}

}  // namespace

TEST_CASE("ten times more than fits is written, and every write succeeds", "[lmdb]") {
  const int largest = GENERATE(100, 3000, 60'000);
  TemporaryFolder folder;
  ComponentUnderTest lmdb("lmdb", {{"path", folder.path()}, {"max_bytes", "4MiB"}});
  std::mt19937 random(7);
  std::size_t written = 0;
  int count = 0;
  for (; written < 40'000'000 && count < 60'000; ++count) {
    const std::string value(1 + random() % static_cast<unsigned>(largest), 'v');
    lmdb->set(key_of(count), Entry::borrow(value), {}, Call());
    written += value.size() + 60;
    REQUIRE(lmdb->get(key_of(count), Call()).has_value());
  }
  const Document stats = lmdb->stats(Call());
  CHECK(stats.root()["used_bytes"].int_value() <= 4 << 20);
  CHECK(stats.root()["evicted"].int_value() > 0);
  CHECK(std::filesystem::file_size(folder.path() + "/data.mdb") <= 4 << 20);

  // What is left are the youngest, without a gap: the oldest went first.
  int oldest_left = count;
  while (oldest_left > 0 && lmdb->get(key_of(oldest_left - 1), Call())) --oldest_left;
  CHECK(stats.root()["entries"].int_value() == count - oldest_left);
  INFO("largest " << largest << ": " << count - oldest_left << " of " << count << " are left, "
                  << stats.root()["used_bytes"].int_value() << " bytes used");
  // And room is not wasted: at least a third of the file is payload.
  std::size_t kept = 0;
  for (int i = oldest_left; i < count; ++i) kept += lmdb->get(key_of(i), Call())->size() + 60;
  CHECK(kept > (4u << 20) / 3);
}

TEST_CASE("what has expired goes before what is old", "[lmdb]") {
  TemporaryFolder folder;
  ComponentUnderTest lmdb("lmdb", {{"path", folder.path()}, {"max_bytes", "2MiB"}});
  const std::string value(1000, 'v');
  for (int i = 0; i < 100; ++i) {
    lmdb->set("old " + std::to_string(i), Entry::borrow(value), {}, Call());
  }
  for (int i = 0; i < 400; ++i) {
    lmdb->set("short " + std::to_string(i), Entry::borrow(value), {.ttl = 1s}, Call());
  }
  ComponentUnderTest::pass(2s);
  for (int i = 0; i < 400; ++i) {
    lmdb->set("new " + std::to_string(i), Entry::borrow(value), {}, Call());
  }
  CHECK(lmdb->get("old 0", Call()).has_value());
  CHECK(lmdb->get("new 0", Call()).has_value());
  CHECK(lmdb->stats(Call()).root()["expired"].int_value() == 400);
  CHECK(lmdb->stats(Call()).root()["evicted"].int_value() == 0);
}

TEST_CASE("overwriting the same keys for ever takes no more room", "[lmdb]") {
  TemporaryFolder folder;
  ComponentUnderTest lmdb("lmdb", {{"path", folder.path()}, {"max_bytes", "1MiB"}});
  for (int i = 0; i < 5000; ++i) {
    const std::string value(static_cast<std::size_t>(100 + i % 2000), 'v');
    lmdb->set(std::to_string(i % 50), Entry::borrow(value), {}, Call());
  }
  CHECK(lmdb->stats(Call()).root()["entries"].int_value() == 50);
  CHECK(lmdb->stats(Call()).root()["evicted"].int_value() == 0);
}

TEST_CASE("a batch larger than the file leaves its end", "[lmdb]") {
  TemporaryFolder folder;
  ComponentUnderTest lmdb("lmdb", {{"path", folder.path()}, {"max_bytes", "1MiB"}});
  const std::string value(1000, 'v');
  std::vector<std::string> names;
  for (int i = 0; i < 3000; ++i) names.push_back(key_of(i));
  const std::vector<Key> keys(names.begin(), names.end());
  const std::vector<Entry> entries(names.size(), Entry::borrow(value));
  std::vector<cairn_status> statuses(names.size(), CAIRN_OK);
  lmdb->set_multi(keys, entries, {}, Statuses(statuses.data(), statuses.size()), Call());
  CHECK(std::count(statuses.begin(), statuses.end(), CAIRN_OK) == 3000);
  CHECK(lmdb->get(names.back(), Call()).has_value());
  CHECK_FALSE(lmdb->get(names.front(), Call()).has_value());
}

TEST_CASE("a value that would crowd out everything is rejected, in a batch alone", "[lmdb]") {
  TemporaryFolder folder;
  ComponentUnderTest lmdb("lmdb", {{"path", folder.path()}, {"max_bytes", "1MiB"}});
  const std::string large(200'000, 'v');
  cairn_call call{};
  call.size = sizeof call;
  CHECK_THROWS_WITH(lmdb->set("k", Entry::borrow(large), {}, Call(&call)),
                    Catch::Contains("200000 bytes is too large") && Catch::Contains("max_bytes"));
  const Key keys[] = {"large", "small"};
  const Entry entries[] = {Entry::borrow(large), Entry::borrow("x")};
  cairn_status statuses[2] = {};
  lmdb->set_multi(keys, entries, {}, Statuses(statuses, 2), Call());
  CHECK(statuses[0] == CAIRN_REJECTED);
  CHECK(statuses[1] == CAIRN_OK);
  CHECK(lmdb->get("small", Call()).has_value());
}
