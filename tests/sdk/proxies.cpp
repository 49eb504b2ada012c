// The proxy bases of the SDK, in front of a backend that writes down what reaches it.
#include "catch.hpp"

#include <cairn/plugin.hpp>

#include <map>

using namespace cairn;

namespace {

// Remembers what it was asked, as text, and answers from a map.
struct Below final : Backend {
  std::vector<std::string> asked;
  std::map<std::string, Entry> entries;

  std::string note(const char* operation, Key key) {
    return asked.emplace_back(std::string(operation) + " " + std::string(key.view()));
  }
  void note(const char* operation, Keys keys) {
    std::string& text = asked.emplace_back(operation);
    for (const Key key : keys) text += " " + std::string(key.view());
  }
  OptionalEntry get(Key key, Call) override {
    note("get", key);
    if (key == Key("broken")) throw Error(Errc::unavailable, "below: is down");
    const auto it = entries.find(std::string(key.view()));
    return it == entries.end() ? std::nullopt : std::optional(it->second);
  }
  void set(Key key, const Entry& entry, const SetOptions& options, Call) override {
    note("set", key);
    ttl = options.ttl;
    entries[std::string(key.view())] = entry.to_owned();
  }
  bool remove(Key key, Call) override {
    note("remove", key);
    return entries.erase(std::string(key.view())) > 0;
  }
  void get_multi(Keys keys, Results results, Call) override {
    note("get_multi", keys);
    for (std::size_t i = 0; i < keys.size(); ++i) {
      const auto it = entries.find(std::string(keys[i].view()));
      if (it != entries.end()) results.hit(i, it->second);
    }
  }
  void set_multi(Keys keys, std::span<const Entry> values, const SetOptions& options, Statuses,
                 Call) override {
    note("set_multi", keys);
    ttl = options.ttl;
    for (std::size_t i = 0; i < keys.size(); ++i) {
      entries[std::string(keys[i].view())] = values[i].to_owned();
    }
  }
  void remove_multi(Keys keys, Statuses statuses, Call) override {
    note("remove_multi", keys);
    for (std::size_t i = 0; i < keys.size(); ++i) {
      if (entries.erase(std::string(keys[i].view())) > 0) statuses.done(i);
    }
  }
  std::optional<Token> lock(Key key, Nanoseconds lease, Call) override {
    note("lock", key);
    return lease.count() == 0 ? std::nullopt : std::optional<Token>(7);
  }
  bool renew(Key key, Token token, Nanoseconds, Call) override {
    return note("renew", key), token == 7;
  }
  bool unlock(Key key, Token token, Call) override { return note("unlock", key), token == 7; }
  bool await_unlock(Key key, Nanoseconds, Call) override { return note("await_unlock", key), true; }
  Document stats(Call) override {
    asked.emplace_back("stats");
    return Document::build([](Writer out) { out.map(1).key("items").integer(3); });
  }
  const void* extension(const char* id) override {
    asked.emplace_back(std::string("extension ") + id);
    return this;
  }

  Nanoseconds ttl{0};
};

struct Suffix final : KeyMapper {
  using KeyMapper::KeyMapper;
  void map_key(Key key, KeyBuffer& out) const override { out.append(key).append("!"); }
};

// Reverses bytes; refuses to encode "no" and to decode what does not begin with '<'.
struct Reversed final : ValueCodec {
  using ValueCodec::ValueCodec;
  Entry encode(const Entry& value) const override {
    if (value.bytes() == "no") throw Error(Errc::rejected, "not this one");
    std::string marked("<");
    marked.append(value.bytes().rbegin(), value.bytes().rend());
    return Entry::own(std::move(marked));
  }
  Entry decode(const Entry& stored) const override {
    if (!stored.bytes().starts_with('<')) throw Error(Errc::corrupt, "no mark");
    const std::string_view text = stored.bytes().substr(1);
    return Entry::own(std::string(text.rbegin(), text.rend()));
  }
};

struct Transparent final : ProxyBackend {
  using ProxyBackend::ProxyBackend;
};

// Every operation of a Backend once, with what a caller sees as text.
std::vector<std::string> call_everything(Backend& b) {
  std::vector<std::string> seen;
  const Key keys[] = {"x", "y"};
  Entry values[] = {Entry::copy("1"), Entry::copy("2")};
  const SetOptions minute{std::chrono::minutes(1)};
  b.set("k", Entry::copy("v"), minute, Call());
  const auto found = b.get("k", Call());
  seen.push_back(found ? std::string(found->bytes()) : "miss");
  cairn_status set_statuses[2] = {};
  b.set_multi(keys, values, minute, Statuses(set_statuses, 2), Call());
  Entry out[2];
  cairn_status statuses[2] = {CAIRN_MISS, CAIRN_MISS};
  b.get_multi(keys, Results(out, statuses, 2), Call());
  for (int i = 0; i < 2; ++i) seen.emplace_back(statuses[i] == CAIRN_OK ? out[i].bytes() : "miss");
  cairn_status removed[2] = {CAIRN_MISS, CAIRN_MISS};
  b.remove_multi(keys, Statuses(removed, 2), Call());
  seen.push_back(removed[0] == CAIRN_OK && removed[1] == CAIRN_OK ? "removed" : "not removed");
  seen.push_back(b.remove("k", Call()) ? "removed" : "not removed");
  const auto token = b.lock("k", std::chrono::seconds(1), Call());
  seen.push_back(token ? "token " + std::to_string(*token) : "busy");
  seen.push_back(b.renew("k", 7, std::chrono::seconds(1), Call()) ? "renewed" : "lost");
  seen.push_back(b.unlock("k", 8, Call()) ? "unlocked" : "not ours");
  seen.push_back(b.await_unlock("k", std::chrono::seconds(0), Call()) ? "free" : "held");
  return seen;
}

const std::vector<std::string> asked_plainly = {
    "set k",    "get k",  "set_multi x y", "get_multi x y", "remove_multi x y",
    "remove k", "lock k", "renew k",       "unlock k",      "await_unlock k"};

cairn_next count_of_one(Backend& backend, std::uint32_t size) {
  cairn_next next = detail::table_of(backend);
  next.size = size;
  return next;
}

}  // namespace

TEST_CASE("a proxy that overrides nothing hands every operation to the layer below", "[proxy]") {
  Below direct_below, below;
  Transparent proxy(below);
  CHECK(call_everything(proxy) == call_everything(direct_below));
  CHECK(below.asked == asked_plainly);
  CHECK(below.ttl == std::chrono::minutes(1));
  CHECK(proxy.stats(Call()).root()["items"].int_value() == 3);
  CHECK(proxy.extension("scan/1") == &below);
}

TEST_CASE("a key mapper rewrites the key of every operation and every batch", "[proxy]") {
  Below below;
  Suffix proxy(below);
  call_everything(proxy);
  CHECK(below.asked == std::vector<std::string>{"set k!", "get k!", "set_multi x! y!",
                                                "get_multi x! y!", "remove_multi x! y!",
                                                "remove k!", "lock k!", "renew k!", "unlock k!",
                                                "await_unlock k!"});
}

TEST_CASE("a key mapper leaves answers alone", "[proxy]") {
  Below direct, below;
  Suffix proxy(below);
  CHECK(call_everything(proxy) == call_everything(direct));
}

TEST_CASE("a value codec rewrites the payload of every operation and every batch", "[proxy]") {
  Below direct, below;
  Reversed proxy(below);
  CHECK(call_everything(proxy) == call_everything(direct));
  CHECK(below.asked == asked_plainly);
  proxy.set("k", Entry::copy("abc"), {}, Call());
  CHECK(below.entries["k"].bytes() == "<cba");
}

TEST_CASE("a value codec keeps what is known about the value", "[proxy]") {
  Below below;
  Reversed proxy(below);
  Entry value = Entry::copy("abc");
  value.set_created(Time(std::chrono::seconds(5)));
  value.set_value_version(2);
  proxy.set("k", value, {}, Call());
  CHECK(below.entries["k"].created() == Time(std::chrono::seconds(5)));
  const Entry found = proxy.get("k", Call()).value();
  CHECK(found.created() == Time(std::chrono::seconds(5)));
  CHECK(found.value_version() == 2);
}

TEST_CASE("one corrupt value of a batch is one corrupt answer, and is counted", "[proxy]") {
  Below below;
  Reversed proxy(below);
  below.entries["good"] = Entry::copy("<doog");
  below.entries["bad"] = Entry::copy("garbage");
  const Key keys[] = {"good", "bad", "absent"};
  Entry out[3];
  cairn_status statuses[3] = {CAIRN_MISS, CAIRN_MISS, CAIRN_MISS};
  proxy.get_multi(keys, Results(out, statuses, 3), Call());
  CHECK(statuses[0] == CAIRN_OK);
  CHECK(out[0].bytes() == "good");
  CHECK(statuses[1] == CAIRN_CORRUPT);
  CHECK_FALSE(out[1].owned());
  CHECK(statuses[2] == CAIRN_MISS);
  CHECK(proxy.stats(Call()).root()["corrupt"].int_value() == 1);
  CHECK_THROWS_AS(proxy.get("bad", Call()), Error);
  CHECK(proxy.stats(Call()).root()["corrupt"].int_value() == 2);
}

TEST_CASE("one value of a batch that cannot be encoded does not keep the others out", "[proxy]") {
  Below below;
  Reversed proxy(below);
  const Key keys[] = {"a", "b", "c"};
  const Entry values[] = {Entry::copy("1"), Entry::copy("no"), Entry::copy("3")};
  cairn_status statuses[3] = {};
  proxy.set_multi(keys, values, {}, Statuses(statuses, 3), Call());
  CHECK(statuses[0] == CAIRN_OK);
  CHECK(statuses[1] == CAIRN_REJECTED);
  CHECK(statuses[2] == CAIRN_OK);
  CHECK(below.asked == std::vector<std::string>{"set_multi a c"});
  CHECK(below.entries["c"].bytes() == "<3");

  const Entry none[] = {Entry::copy("no")};
  cairn_status status = CAIRN_OK;
  proxy.set_multi(Keys(keys, 1), none, {}, Statuses(&status, 1), Call());
  CHECK(status == CAIRN_REJECTED);
  CHECK(below.asked.size() == 1);
}

TEST_CASE("batches of a backend that has none are its single operations, answered one by one",
          "[proxy]") {
  struct Single final : Backend {
    OptionalEntry get(Key key, Call) override {
      if (key == Key("bad")) throw Error(Errc::timeout, "slow");
      return key == Key("absent") ? std::nullopt : std::optional(Entry::copy(key.view()));
    }
    void set(Key key, const Entry&, const SetOptions&, Call) override {
      if (key == Key("bad")) throw Error(Errc::rejected, "no");
    }
    bool remove(Key key, Call) override {
      if (key == Key("bad")) throw Error(Errc::unavailable, "gone");
      return key != Key("absent");
    }
  } single;
  const Key keys[] = {"a", "bad", "absent", "a"};
  const Entry values[4];
  Entry out[4];
  cairn_status get[4] = {CAIRN_MISS, CAIRN_MISS, CAIRN_MISS, CAIRN_MISS};
  cairn_status set[4] = {};
  cairn_status remove[4] = {CAIRN_MISS, CAIRN_MISS, CAIRN_MISS, CAIRN_MISS};
  single.get_multi(keys, Results(out, get, 4), Call());
  single.set_multi(keys, values, {}, Statuses(set, 4), Call());
  single.remove_multi(keys, Statuses(remove, 4), Call());
  CHECK(std::vector(get, get + 4) ==
        std::vector<cairn_status>{CAIRN_OK, CAIRN_TIMEOUT, CAIRN_MISS, CAIRN_OK});
  CHECK(out[3].bytes() == "a");
  CHECK(std::vector(set, set + 4) ==
        std::vector<cairn_status>{CAIRN_OK, CAIRN_REJECTED, CAIRN_OK, CAIRN_OK});
  CHECK(std::vector(remove, remove + 4) ==
        std::vector<cairn_status>{CAIRN_OK, CAIRN_UNAVAILABLE, CAIRN_MISS, CAIRN_OK});
  CHECK_THROWS_WITH(single.lock("k", std::chrono::seconds(1), Call()), "lock is not offered");
  CHECK_THROWS_WITH(single.stats(Call()), "stats is not offered");
  CHECK(single.extension("x/1") == nullptr);
}

namespace {

struct Splitter final : ProxyBackend {
  static constexpr auto name = "splitter";
  static constexpr auto help = "Cuts batches.";
  static constexpr bool split_batches = true;
  using ProxyBackend::ProxyBackend;
  OptionalEntry get(Key key, Call call) override {
    if (key == Key("burst")) throw std::runtime_error("not an Error");
    return next().get(key, call);
  }
};

}  // namespace

TEST_CASE("a proxy that splits batches sees each key through its single operation", "[proxy]") {
  using Component = detail::ComponentOf<Splitter>;
  REQUIRE(Component::ops.get_multi != nullptr);
  CHECK(Component::ops.set_multi == nullptr);
  Below below;
  below.entries["a"] = Entry::copy("1");
  Splitter splitter(below);
  const cairn_bytes keys[] = {{"a", 1}, {"b", 1}};
  cairn_entry out[2] = {};
  cairn_status statuses[2] = {CAIRN_MISS, CAIRN_MISS};
  CHECK(Component::ops.get_multi(&splitter, nullptr, keys, 2, out, statuses) == CAIRN_OK);
  CHECK(below.asked == std::vector<std::string>{"get a", "get b"});
  CHECK(Entry::adopt(out[0]).bytes() == "1");
  CHECK(statuses[1] == CAIRN_MISS);
}

TEST_CASE("a split batch that fails as a whole hands nothing out", "[proxy]") {
  using Component = detail::ComponentOf<Splitter>;
  Below below;
  below.entries["a"] = Entry::copy("1");
  Splitter splitter(below);
  const cairn_bytes keys[] = {{"a", 1}, {"burst", 5}};
  cairn_entry out[2] = {};
  cairn_status statuses[2] = {CAIRN_MISS, CAIRN_MISS};
  CHECK(Component::ops.get_multi(&splitter, nullptr, keys, 2, out, statuses) == CAIRN_INTERNAL);
  CHECK(out[0].owner == nullptr);
  CHECK(below.entries["a"].raw().owner->refs == 1);
}

TEST_CASE("an error from below keeps its code and its text on the way up", "[proxy]") {
  Below below;
  Transparent inner(below);
  Transparent outer(static_cast<Backend&>(inner));  // not a copy of it
  try {
    outer.get("broken", Call());
    FAIL("an error below is an error above");
  } catch (const Error& error) {
    CHECK(error.code() == Errc::unavailable);
  }
  cairn_call raw{};
  raw.size = sizeof raw;
  try {
    outer.get("broken", Call(&raw));
    FAIL("an error below is an error above");
  } catch (const Error& error) {
    CHECK(std::string(error.what()) == "below: is down");
    CHECK(error.names_layer());
  }
  CHECK(raw.error == CAIRN_OK);
}

namespace {

struct Fallback final : ProxyBackend {
  static constexpr auto name = "fallback";
  using ProxyBackend::ProxyBackend;
  OptionalEntry get(Key key, Call call) override {
    try {
      return next().get(key, call);
    } catch (const Error&) {
      throw Error(Errc::rejected, "and no second try");
    }
  }
  void get_multi(Keys, Results, Call) override {}
};

}  // namespace

TEST_CASE("an error from below that is caught leaves the call clean for the next one", "[proxy]") {
  Below below;
  Fallback fallback(below);
  cairn_call call{};
  call.size = sizeof call;
  cairn_entry out{};
  CHECK(detail::Thunks<Fallback>::get(&fallback, &call, {"broken", 6}, &out) == CAIRN_REJECTED);
  CHECK(call.error == CAIRN_REJECTED);
  CHECK(std::string(call.error_text) == "fallback: and no second try");
}

TEST_CASE("a table from an older host is used as far as it goes", "[proxy]") {
  Below below;
  const cairn_next older = count_of_one(below, offsetof(cairn_next, lock));
  Next next(older);
  below.entries["k"] = Entry::copy("v");
  CHECK(next.get("k", Call())->bytes() == "v");
  cairn_call call{};
  call.size = sizeof call;
  try {
    next.lock("k", std::chrono::seconds(1), Call(&call));
    FAIL("an operation that the host does not know is refused");
  } catch (const Error& error) {
    CHECK(error.code() == Errc::unsupported);
    CHECK(std::string(error.what()) == "host: is older than this operation");
  }
  CHECK(next.extension("x/1") == nullptr);
  CHECK(below.asked == std::vector<std::string>{"get k"});
}

TEST_CASE("a table from a newer host is read only as far as it is known", "[proxy]") {
  Below below;
  struct Newer {
    cairn_next known;
    void* more[8];
  } newer{detail::table_of(below), {}};
  newer.known.size = sizeof newer;
  const Next next(newer.known);
  CHECK(next.table().size == sizeof(cairn_next));
  CHECK(next.table().extension.self == &below);
}
