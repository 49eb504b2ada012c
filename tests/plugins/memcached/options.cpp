#include "catch.hpp"
#include "memcached_under_test.hpp"

using namespace cairn;

namespace {

std::string refusal_of(ComponentUnderTest::OptionTexts options) {
  options.try_emplace("servers", "127.0.0.1:1");
  const std::string refusal = error_of([&] { ComponentUnderTest memcached("memcached", options); });
  // What the plugin says while the file is checked is what it would say when it is made.
  const std::string objection = ComponentUnderTest::objection_of("memcached", options);
  CHECK((objection.empty() ? "(none)" : "config: " + objection) == refusal);
  return refusal;
}

}  // namespace

TEST_CASE("servers are written as people write them, and errors say which one is wrong",
          "[memcached]") {
  for (const char* good : {"cache1", "cache1:11211", "[::1]:11211", "127.0.0.1:1 weight=3",
                           "unix:/run/mc.sock", "unix:///run/mc.sock", "/run/mc.sock"}) {
    CHECK(refusal_of({{"servers", good}}) == "(none)");
  }
  for (const char* bad : {"cache1:0", "cache1:http", ":11211", "::1", "[::1", "unix:run/mc.sock",
                          "cache1 weight=0", "cache1 weight=x", "cache1:70000", "cache1 wight=3",
                          "cache1:11211 wight=3", "unix:/run/mc.sock wight=3"}) {
    CHECK_THAT(
        refusal_of({{"servers", bad}}),
        Catch::StartsWith(std::string("config: memcached: `servers` has \"") + bad + "\": "));
  }
  CHECK_THAT(refusal_of({{"servers", ""}}), Catch::Contains("`servers` is empty"));
}

TEST_CASE("options that contradict each other are refused", "[memcached]") {
  CHECK_THAT(refusal_of({{"compatible_with", "pylibmc"}, {"distribution", "ketama"}}),
             Catch::Contains("leave out `distribution`"));
  CHECK_THAT(refusal_of({{"compatible_with", "pymemcache"}, {"hash", "md5"}}),
             Catch::Contains("leave out `distribution` and `hash`"));
  CHECK_THAT(refusal_of({{"compatible_with", "bmemcached"}, {"servers", "a, b"}}),
             Catch::Contains("takes one server"));
  CHECK_THAT(refusal_of({{"username", "ada"}, {"password", "secret"}}),
             Catch::Contains("needs protocol = \"binary\"") && !Catch::Contains("secret"));
  CHECK_THAT(refusal_of({{"password", "secret"}}),
             Catch::Contains("`password` needs `username`") && !Catch::Contains("secret"));
  CHECK_THAT(refusal_of({{"username", "ada"}, {"protocol", "binary"}, {"servers", "/run/mc.sock"}}),
             Catch::Contains("a host and a port"));
}

// libmemcached 1.1 ends the program when requests are buffered and answered. No combination of
// options buffers: each of them stores a batch, and the program is still there.
TEST_CASE("no option makes libmemcached buffer", "[memcached]") {
  Servers servers(2);
  ComponentUnderTest plain("memcached", {{"servers", servers.list()}});
  const auto& component = plain.component();
  for (std::size_t i = 0; i < component.option_count; ++i) {
    CHECK(std::string_view(component.options[i].name).find("buffer") == std::string_view::npos);
    CHECK(std::string_view(component.options[i].name).find("behavior") == std::string_view::npos);
  }
  std::vector<std::string> names;
  for (int i = 0; i < 20'000; ++i)
    names.push_back(std::string("k").append(std::to_string(i % 500)));
  const std::vector<Key> keys(names.begin(), names.end());
  const std::vector<Entry> entries(keys.size(), Entry::borrow("small"));
  for (const char* protocol : {"ascii", "binary"}) {
    for (const char* distribution : {"ketama", "modula"}) {
      ComponentUnderTest memcached(
          "memcached",
          {{"servers", servers.list()}, {"protocol", protocol}, {"distribution", distribution}});
      std::vector<cairn_status> statuses(keys.size(), CAIRN_OK);
      memcached->set_multi(keys, entries, {}, Statuses(statuses.data(), statuses.size()), Call());
      CHECK(std::count(statuses.begin(), statuses.end(), CAIRN_OK) == 20'000);
      CHECK(text_of(memcached->get("k499", Call())) == "small");
    }
  }
}
