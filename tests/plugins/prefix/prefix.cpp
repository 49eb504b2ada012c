#include "catch.hpp"
#include "component_under_test.hpp"

#include <unordered_map>

using namespace cairn;

namespace {

struct Map final : Backend {
  std::unordered_map<std::string, Entry> entries;
  OptionalEntry get(Key key, Call) override {
    const auto it = entries.find(std::string(key.view()));
    return it == entries.end() ? std::nullopt : std::optional(it->second);
  }
  void set(Key key, const Entry& entry, const SetOptions&, Call) override {
    entries[std::string(key.view())] = entry.to_owned();
  }
  bool remove(Key key, Call) override { return entries.erase(std::string(key.view())) > 0; }
};

}  // namespace

TEST_CASE("the store sees every key with the prefix in front", "[prefix]") {
  Map map;
  ComponentUnderTest prefix("prefix", {{"prefix", "users:"}}, &map);

  prefix->set("42", Entry::copy("Ada"), {}, Call());
  CHECK(map.entries.count("users:42") == 1);
  CHECK(prefix->get("42", Call())->bytes() == "Ada");
  CHECK(prefix->remove("42", Call()));
  CHECK(map.entries.empty());
  CHECK_FALSE(prefix->get("42", Call()).has_value());
}

TEST_CASE("a batch through prefix stays one batch, in order", "[prefix]") {
  Map map;
  ComponentUnderTest prefix("prefix", {{"prefix", "p:"}}, &map);
  prefix->set("a", Entry::copy("1"), {}, Call());
  prefix->set("c", Entry::copy("3"), {}, Call());

  const Key keys[] = {"a", "b", "c", "a"};
  Entry entries[4];
  cairn_status statuses[4] = {CAIRN_MISS, CAIRN_MISS, CAIRN_MISS, CAIRN_MISS};
  prefix->get_multi(keys, Results(entries, statuses, 4), Call());

  CHECK(statuses[0] == CAIRN_OK);
  CHECK(statuses[1] == CAIRN_MISS);
  CHECK(entries[2].bytes() == "3");
  CHECK(entries[3].bytes() == "1");
}
