// What the host's own layers make of a batch in which some keys fail.
#include "catch.hpp"
#include "services.hpp"
#include "stack/stack.hpp"

#include <cairn/host/clock.hpp>
#include <cairn/plugin.hpp>

#include <array>
#include <map>

using namespace cairn;

namespace {

// Keeps bytes, one at a time: it knows no batches. Has nothing to do with keys that begin with "bad".
struct OneByOne final : Backend {
  static constexpr auto name = "one-by-one";
  static constexpr auto help = "A store without batches.";
  static constexpr auto accepts = Kinds::bytes;

  OptionalEntry get(Key key, Call) override {
    refuse_bad(key);
    const auto it = entries.find(std::string(key));
    return it == entries.end() ? std::nullopt : std::optional(it->second);
  }
  void set(Key key, const Entry& entry, const SetOptions&, Call) override {
    refuse_bad(key);
    entries[std::string(key)] = entry.to_owned();
  }
  bool remove(Key key, Call) override {
    refuse_bad(key);
    return entries.erase(std::string(key)) > 0;
  }

  static void refuse_bad(Key key) {
    if (key.view().substr(0, 3) == "bad") {
      throw Error(Errc::unavailable, "no way to " + std::string(key));
    }
  }
  std::map<std::string, Entry> entries;
};

class Scene {
 public:
  Scene() { call.size = sizeof call; }

  template <std::size_t n>
  std::array<cairn_status, n> set(const std::array<Key, n>& keys,
                                  const std::array<Entry, n>& entries) {
    std::array<cairn_status, n> statuses{};
    REQUIRE(top.set_multi.fn(top.set_multi.self, &call,
                             reinterpret_cast<const cairn_bytes*>(keys.data()),
                             reinterpret_cast<const cairn_entry*>(entries.data()), n, nullptr,
                             statuses.data()) == CAIRN_OK);
    return statuses;
  }
  template <std::size_t n>
  std::array<cairn_status, n> get(const std::array<Key, n>& keys, std::array<Entry, n>& found) {
    std::array<cairn_status, n> statuses;
    statuses.fill(CAIRN_MISS);
    REQUIRE(top.get_multi.fn(
                top.get_multi.self, &call, reinterpret_cast<const cairn_bytes*>(keys.data()), n,
                reinterpret_cast<cairn_entry*>(found.data()), statuses.data()) == CAIRN_OK);
    return statuses;
  }
  template <std::size_t n>
  std::array<cairn_status, n> remove(const std::array<Key, n>& keys) {
    std::array<cairn_status, n> statuses;
    statuses.fill(CAIRN_MISS);
    REQUIRE(top.remove_multi.fn(top.remove_multi.self, &call,
                                reinterpret_cast<const cairn_bytes*>(keys.data()), n,
                                statuses.data()) == CAIRN_OK);
    return statuses;
  }

  cairn_call call{};

 private:
  hosting::HostServices& services_ = hosting::HostServices::make(
      std::make_shared<SystemClock>(), [](auto...) {}, LogLevel::error);
  const hosting::Store store_{BackendConfig(), detail::ComponentOf<OneByOne>::value,
                              Document::build([](Writer out) { out.map(0); }), services_.table()};
  const cairn_next& top = store_.table();
};

Entry made_now(std::string_view bytes) {
  Entry entry = Entry::copy(bytes);
  entry.set_created(Time(std::chrono::seconds(1'700'000'000)));
  entry.set_value_version(2);
  return entry;
}

}  // namespace

TEST_CASE("a batch that is answered leaves no error in its call, whatever became of its keys",
          "[stack][multi]") {
  Scene scene;
  const std::array<Key, 3> keys{"a", "bad", "c"};
  using Statuses3 = std::array<cairn_status, 3>;
  CHECK(scene.set(keys, {made_now("1"), made_now("2"), made_now("3")}) ==
        Statuses3{CAIRN_OK, CAIRN_UNAVAILABLE, CAIRN_OK});
  CHECK(scene.call.error == CAIRN_OK);
  std::array<Entry, 3> found;
  CHECK(scene.get(keys, found) == Statuses3{CAIRN_OK, CAIRN_UNAVAILABLE, CAIRN_OK});
  CHECK(found[2].bytes() == "3");
  CHECK(scene.call.error == CAIRN_OK);
  CHECK(scene.remove(keys) == Statuses3{CAIRN_OK, CAIRN_UNAVAILABLE, CAIRN_OK});
  CHECK(scene.call.error == CAIRN_OK);
}

TEST_CASE("one value of a batch that is not bytes is refused alone", "[stack][multi]") {
  Scene scene;
  const std::array<Key, 4> keys{"a", "b", "c", "bad"};
  const Entry document = Entry::of(Document::build([](Writer out) { out.integer(1); }));
  CHECK(scene.set(keys, {made_now("1"), document, made_now("3"), made_now("4")}) ==
        std::array<cairn_status, 4>{CAIRN_OK, CAIRN_REJECTED, CAIRN_OK, CAIRN_UNAVAILABLE});
  std::array<Entry, 4> found;
  CHECK(scene.get(keys, found) ==
        std::array<cairn_status, 4>{CAIRN_OK, CAIRN_MISS, CAIRN_OK, CAIRN_UNAVAILABLE});
  CHECK(found[0].bytes() == "1");
  CHECK(found[2].bytes() == "3");
}
