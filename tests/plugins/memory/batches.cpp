// Several keys at once, of the memory backend.

#include "catch.hpp"
#include "looking_at.hpp"

#include <algorithm>
#include <string>
#include <vector>

using namespace cairn;

TEST_CASE("a batch answers every key in its place, duplicates too", "[memory]") {
  ComponentUnderTest memory("memory", {{"shards", "8"}});
  std::vector<std::string> names;
  std::vector<Key> keys;
  std::vector<Entry> entries;
  for (int i = 0; i < 100; ++i) names.push_back("key " + std::to_string(i % 90));
  for (const std::string& name : names) keys.emplace_back(name);
  for (int i = 0; i < 100; ++i) entries.push_back(Entry::copy(std::to_string(i)));
  std::vector<cairn_status> statuses(100, CAIRN_OK);
  memory->set_multi(keys, entries, {}, Statuses(statuses.data(), 100), Call());
  CHECK(std::count(statuses.begin(), statuses.end(), CAIRN_OK) == 100);
  CHECK(stat(memory, "entries") == 90);

  keys.emplace_back("nobody");
  std::vector<Entry> found(101);
  statuses.assign(101, CAIRN_MISS);
  memory->get_multi(keys, Results(found.data(), statuses.data(), 101), Call());
  for (int i = 0; i < 100; ++i) {  // the last of two equal keys has won
    CHECK(statuses[i] == CAIRN_OK);
    CHECK(found[i].bytes() == std::to_string(i < 10 ? i + 90 : i));
  }
  CHECK(statuses[100] == CAIRN_MISS);

  statuses.assign(101, CAIRN_MISS);
  memory->remove_multi(keys, Statuses(statuses.data(), 101), Call());
  CHECK(std::count(statuses.begin(), statuses.end(), CAIRN_OK) == 90);
  CHECK(stat(memory, "entries") == 0);
}

TEST_CASE("in a batch, one entry that cannot be kept does not stop the others", "[memory]") {
  ComponentUnderTest memory("memory", {{"max_bytes", "64KiB"}});
  const Key keys[] = {"a", "b", "c"};
  const Entry entries[] = {Entry::copy("1"), Entry::copy(std::string(70000, 'x')),
                           Entry::copy("3")};
  cairn_status statuses[3] = {};
  memory->set_multi(keys, entries, {}, Statuses(statuses, 3), Call());
  CHECK(statuses[0] == CAIRN_OK);
  CHECK(statuses[1] == CAIRN_REJECTED);
  CHECK(statuses[2] == CAIRN_OK);
  CHECK(text_of(memory->get("c", Call())) == "3");
}

TEST_CASE("in a batch, a value that is refused takes with it what the batch has set before",
          "[memory]") {
  ComponentUnderTest memory("memory", {{"max_bytes", "64KiB"}});
  memory->set("b", Entry::copy("old"), {}, Call());
  const Entry large = Entry::copy(std::string(70000, 'x'));
  const Key keys[] = {"a", "a", "b", "b"};
  const Entry entries[] = {Entry::copy("1"), large, large, Entry::copy("4")};
  cairn_status statuses[4] = {};
  memory->set_multi(keys, entries, {}, Statuses(statuses, 4), Call());
  CHECK(statuses[1] == CAIRN_REJECTED);
  CHECK(statuses[2] == CAIRN_REJECTED);
  CHECK(text_of(memory->get("a", Call())) == "(miss)");
  CHECK(text_of(memory->get("b", Call())) == "4");
}
