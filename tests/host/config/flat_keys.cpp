#include "catch.hpp"

#include <cairn/host/config.hpp>

using namespace cairn;
using namespace std::chrono_literals;

namespace {

using Flat = std::map<std::string, std::string>;

std::string errors_of(const Flat& values) {
  try {
    Config::from_flat(values, "cache.", "users");
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "no error";
}

const RegionConfig& only_region(const Config& config) {
  return config.regions.at(0);
}
const BackendConfig& backend_of(const Config& config) {
  return std::get<BackendConfig>(only_region(config).backend);
}
std::string text_of(const Config& config, std::string_view option) {
  const ConfigValue* value = backend_of(config).component.options.find(option);
  return value == nullptr ? "(none)" : value->as_text() == nullptr ? "(other)" : *value->as_text();
}

}  // namespace

TEST_CASE("dogpile's flat keys make a region", "[config]") {
  const Config config = Config::from_flat(
      {
          {"cache.users.backend", "dogpile.cache.redis"},
          {"cache.users.expiration_time", "3600"},
          {"cache.users.wrap", "prefix, msgpack"},
          {"cache.users.arguments.url", "redis://127.0.0.1:6379/0"},
          {"cache.users.arguments.distributed_lock", "True"},
          {"cache.users.arguments.lock_timeout", "2.5"},
          {"cache.users.arguments.lock_blocking_timeout", "7"},
          {"cache.users.arguments.socket_timeout", "0.5"},
          {"cache.users.arguments.redis_expiration_time", "7200"},
          {"cache.users.arguments.thread_local_lock", "False"},
          {"cache.users.arguments.password", "12345"},
          {"cache.pages.backend", "nonsense of somebody else"},
          {"elsewhere", "1"},
      },
      "cache.users.", "users");
  const RegionConfig& region = only_region(config);
  CHECK(region.name == "users");
  CHECK(region.policy.expiration_time.value() == 1h);
  CHECK(region.policy.lock_wait.value() == 7s);
  REQUIRE(region.wrap.size() == 2);
  CHECK(region.wrap[1].plugin == "msgpack");
  CHECK(backend_of(config).component.plugin == "redis");
  CHECK(backend_of(config).distributed_lock);
  CHECK(backend_of(config).lock_timeout == 2500ms);
  CHECK(text_of(config, "url") == "redis://127.0.0.1:6379/0");
  CHECK(text_of(config, "timeout") == "500000000ns");
  CHECK(text_of(config, "ttl") == "7200000000000ns");
  CHECK(text_of(config, "password") == "12345");  // text where a text is wanted
  CHECK(config.warnings.empty());
}

TEST_CASE("every backend of dogpile has its counterpart", "[config]") {
  const auto made = [](const std::string& name) {
    const Config config =
        Config::from_flat({{"cache.backend", "dogpile.cache." + name}}, "cache.", "r");
    const BackendConfig& backend = backend_of(config);
    std::string text = backend.component.plugin;
    for (const ConfigEntry& entry : backend.component.options) {
      text += ' ' + entry.key + '=' + *entry.value.as_text();
    }
    return text + (backend.distributed_lock ? " locks" : "");
  };
  CHECK(made("memory") == "memory");
  CHECK(made("memory_pickle") == "memory");
  CHECK(made("null") == "null");
  CHECK(made("dbm") == "lmdb");
  CHECK(made("redis") == "redis");
  CHECK(made("valkey") == "redis");
  CHECK(made("redis_sentinel") == "redis mode=sentinel locks");
  CHECK(made("redis_cluster") == "redis mode=cluster");
  CHECK(made("pylibmc") == "memcached compatible_with=pylibmc");
  CHECK(made("memcached") == "memcached compatible_with=python-memcached");
  CHECK(made("pymemcache") == "memcached compatible_with=pymemcache");
  CHECK(made("bmemcached") == "memcached compatible_with=bmemcached");
  CHECK(errors_of({{"cache.backend", "dogpile.cache.redsi"}}) ==
        "cache.backend: error: there is no counterpart of `dogpile.cache.redsi`\n"
        "help: did you mean `dogpile.cache.redis`?\n");
}

TEST_CASE("a plugin's own name takes its own options, and rules of a region", "[config]") {
  const Config config = Config::from_flat({{"cache.backend", " memory "},
                                           {"cache.arguments.max_bytes", "1GiB"},
                                           {"cache.expiration_time", "90s"},
                                           {"cache.stale_on_error", "1h"},
                                           {"cache.strict", "true"}},
                                          "cache.", "r");
  CHECK(backend_of(config).component.plugin == "memory");
  CHECK(text_of(config, "max_bytes") == "1GiB");
  CHECK(only_region(config).policy.expiration_time.value() == 90s);
  CHECK(only_region(config).policy.stale_on_error.value() == 1h);
  CHECK(only_region(config).policy.strict);
}

TEST_CASE("-1 and None never expire", "[config]") {
  for (const char* never : {"-1", "None", "never"}) {
    const Config config = Config::from_flat(
        {{"cache.backend", "memory"}, {"cache.expiration_time", never}}, "cache.", "r");
    CHECK_FALSE(only_region(config).policy.expiration_time.has_value());
  }
}

TEST_CASE("quotes keep a text a text, with its blanks", "[config]") {
  const Config config = Config::from_flat({{"cache.backend", "redis"},
                                           {"cache.arguments.password", "\" 12345 \""},
                                           {"cache.arguments.username", "  me  "}},
                                          "cache.", "r");
  CHECK(text_of(config, "password") == " 12345 ");
  CHECK_FALSE(backend_of(config).component.options.find("password")->interpolated());
  CHECK(text_of(config, "username") == "me");
}

TEST_CASE("memcached and dbm arguments get our names", "[config]") {
  const Config memcached = Config::from_flat({{"cache.backend", "dogpile.cache.pylibmc"},
                                              {"cache.arguments.url", "10.0.0.1:11211, 10.0.0.2"},
                                              {"cache.arguments.binary", "True"},
                                              {"cache.arguments.memcached_expire_time", "0"}},
                                             "cache.", "r");
  const auto* servers = backend_of(memcached).component.options.find("servers")->as_list();
  REQUIRE(servers != nullptr);
  REQUIRE(servers->size() == 2);
  CHECK(*servers->at(1).as_text() == "10.0.0.2");
  CHECK(text_of(memcached, "protocol") == "binary");
  CHECK(text_of(memcached, "ttl") == "(none)");

  const Config dbm = Config::from_flat(
      {{"cache.backend", "dogpile.cache.dbm"}, {"cache.arguments.filename", "/var/x"}}, "cache.",
      "r");
  CHECK(text_of(dbm, "path") == "/var/x");
}

TEST_CASE("a flat key that means nothing here is an error that names it", "[config]") {
  CHECK(errors_of({{"cache.expiration_time", "60"}}) ==
        "cache.backend: error: the backend is missing\n"
        "help: give a name such as \"dogpile.cache.redis\", or that of a plugin\n");
  CHECK(
      errors_of({{"cache.backend", "dogpile.cache.redis"},
                 {"cache.arguments.connection_pool", "x"},
                 {"cache.arguments.lock_timout", "3"},
                 {"cache.arguments.thread_local_lock", "true"},
                 {"cache.expiration_tim", "60"},
                 {"cache.expiration_time", "soon"}}) ==
      R"(cache.arguments.connection_pool: error: the backend `dogpile.cache.redis` has no argument `connection_pool` here
help: there are `url`, `host`, `port`, `db`, `username`, `password`, `ssl`, `socket_timeout`, `socket_connect_timeout`, `socket_keepalive`, `redis_expiration_time`, `valkey_expiration_time`, `sentinels`, `service_name`, `startup_nodes`, `lock_prefix`, `distributed_lock`, `lock_timeout`, `lock_blocking_timeout` and `thread_local_lock`
cache.arguments.lock_timout: error: the backend `dogpile.cache.redis` has no argument `lock_timout` here
help: did you mean `lock_timeout`?
cache.arguments.thread_local_lock: error: cannot be switched on here
help: remove it
cache.expiration_tim: error: unknown key
help: did you mean `cache.expiration_time`?
cache.expiration_time: error: `expiration_time`: expected a duration such as "30s", got the text "soon"
help: units are ns, us, ms, s, m, h, d and w
)");
}

TEST_CASE("a prefix that is not that of the keys is said to be another", "[config][flat]") {
  for (const std::string prefix : {"cache.user.", "cache.users", "", "users."}) {
    std::string what;
    try {
      Config::from_flat(
          {{"cache.users.backend", "dogpile.cache.memory"}, {"cache.users.expiration_time", "3"}},
          prefix, "users");
    } catch (const ConfigError& error) {
      what = error.what();
    }
    CHECK(what == prefix +
                      "backend: error: the backend is missing\n"
                      "help: there is `cache.users.backend`: is the prefix \"cache.users.\"?\n");
  }
}
