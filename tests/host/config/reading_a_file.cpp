#include "catch.hpp"
#include "environment.hpp"
#include "errors_of.hpp"

#include <cairn/host/config.hpp>

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

using namespace cairn;
using namespace std::chrono_literals;

namespace {

class Folder {
 public:
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "cairn-config-XXXXXX").string();
    REQUIRE(mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() { std::filesystem::remove_all(path_); }

  std::filesystem::path write(const std::string& name, const std::string& text) const {
    std::ofstream(path_ / name) << text;
    return path_ / name;
  }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

std::string errors_of_file(const std::filesystem::path& path) {
  try {
    Config::from_file(path);
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "no error";
}

RegionPolicy policy_of(const std::string& keys) {
  return Config::from_text("[region.r]\nbackend = \"memory\"\n" + keys).regions.at(0).policy;
}

}  // namespace

TEST_CASE("a file becomes backends, regions and the order of their layers", "[config]") {
  const Folder folder;
  const Config config = Config::from_file(folder.write("shop.toml", R"(
[plugins]
path = ["./plugins", "/opt/cairn"]

[background]
threads = 4
queue = 50
on_shutdown = "abandon"

[backend.shared]
plugin = "redis"
url = "redis://127.0.0.1:6379/0"
distributed_lock = true
lock_timeout = "10s"

[region.users]
backend = "shared"
wrap = [
  { plugin = "prefix", prefix = "users:" },
  "msgpack",
  { plugin = "zstd", level = 3, min_size = "1KiB" },
]
expiration_time = "1h"

[region.pages]
backend = { plugin = "memory", max_bytes = "64MiB" }
values = "bytes"
)"));
  CHECK(config.warnings.empty());
  CHECK(config.base_folder == folder.path().string());
  REQUIRE(config.plugin_path.size() == 2);
  CHECK(config.plugin_path[0] == (folder.path() / "plugins").string());
  CHECK(config.plugin_path[1] == "/opt/cairn");
  CHECK(config.background.threads == 4);
  CHECK(config.background.queue == 50);
  CHECK(config.background.on_shutdown == BackgroundConfig::OnShutdown::abandon);

  REQUIRE(config.backends.size() == 1);
  const BackendConfig& shared = config.backends[0];
  CHECK(shared.name == "shared");
  CHECK(shared.component.plugin == "redis");
  CHECK(shared.component.options.size() == 1);
  CHECK(*shared.component.options.find("url")->as_text() == "redis://127.0.0.1:6379/0");
  CHECK(shared.distributed_lock);
  CHECK(shared.lock_timeout == 10s);
  CHECK(shared.origin.line == 10);

  REQUIRE(config.regions.size() == 2);
  const RegionConfig& users = config.regions[0];
  CHECK(users.name == "users");
  CHECK(std::get<std::string>(users.backend) == "shared");
  REQUIRE(users.wrap.size() == 3);
  CHECK(users.wrap[0].plugin == "prefix");
  CHECK(users.wrap[1].plugin == "msgpack");
  CHECK(users.wrap[2].plugin == "zstd");
  CHECK(*users.wrap[2].options.find("level")->as_int() == 3);
  CHECK(users.wrap[2].origin.line == 21);
  CHECK(users.policy.expiration_time == std::optional<std::chrono::nanoseconds>(1h));
  CHECK_FALSE(users.bytes_only);

  const RegionConfig& pages = config.regions[1];
  const auto& memory = std::get<BackendConfig>(pages.backend);
  CHECK(memory.component.plugin == "memory");
  CHECK_FALSE(memory.distributed_lock);
  CHECK(memory.lock_timeout == 30s);
  CHECK(pages.bytes_only);
}

TEST_CASE("a region has the documented defaults", "[config]") {
  const RegionPolicy policy = policy_of("");
  CHECK_FALSE(policy.expiration_time.has_value());
  CHECK_FALSE(policy.ttl.has_value());
  CHECK(policy.jitter == 0);
  CHECK_FALSE(policy.refresh_at.has_value());
  CHECK_FALSE(policy.stale_on_error.has_value());
  CHECK_FALSE(policy.negative_ttl.has_value());
  CHECK(policy.serve_stale);
  CHECK_FALSE(policy.background);
  CHECK_FALSE(policy.lock_wait.has_value());
  CHECK(policy.on_lock_timeout == OnLockTimeout::create);
  CHECK_FALSE(policy.share_errors);
  CHECK(policy.on_error == OnError::miss);
  CHECK_FALSE(policy.strict);
  CHECK(policy.value_version == 2);
  CHECK(policy.key_mangler == KeyMangler{});
  CHECK(policy.invalidation == InvalidationPlace::local);
  CHECK(policy.invalidation_delay == 1s);
}

TEST_CASE("every key of a region is read", "[config]") {
  const RegionPolicy policy = policy_of(R"toml(
expiration_time = "1h30m"
ttl = "2d"
jitter = "10%"
refresh_at = "80%"
stale_on_error = "6h"
negative_ttl = "10s"
serve_stale = false
background = true
lock_wait = "1.5s"
on_lock_timeout = "stale"
share_errors = true
on_error = "raise"
strict = true
value_version = 3
key_mangler = "length_conditional(250)"
invalidation = "store"
invalidation_delay = "250ms"
)toml");
  CHECK(policy.expiration_time.value() == 90min);
  CHECK(policy.ttl.value() == 48h);
  CHECK(policy.jitter == Approx(0.1));
  CHECK(policy.refresh_at.value() == Approx(0.8));
  CHECK(policy.stale_on_error.value() == 6h);
  CHECK(policy.negative_ttl.value() == 10s);
  CHECK_FALSE(policy.serve_stale);
  CHECK(policy.background);
  CHECK(policy.lock_wait.value() == 1500ms);
  CHECK(policy.on_lock_timeout == OnLockTimeout::stale);
  CHECK(policy.share_errors);
  CHECK(policy.on_error == OnError::raise);
  CHECK(policy.strict);
  CHECK(policy.value_version == 3);
  CHECK(policy.key_mangler == KeyMangler{KeyMangler::Kind::length_conditional, 250});
  CHECK(policy.invalidation == InvalidationPlace::store);
  CHECK(policy.invalidation_delay == 250ms);
  CHECK_FALSE(policy_of("expiration_time = \"never\"").expiration_time.has_value());
  CHECK(policy_of("key_mangler = \"sha1\"").key_mangler.kind == KeyMangler::Kind::sha1);
  CHECK(policy_of("on_lock_timeout = \"error\"\nlock_wait = 0").on_lock_timeout ==
        OnLockTimeout::error);
}

TEST_CASE("all mistakes of a file are shown at once, in its order", "[config]") {
  CHECK(errors_of(R"([plugins]
paths = ["./plugins"]

[backend.shared]
plugin = "redis"
url = "redis://$HOST/0"
distributed_lock = "yes"

[backend.other]
plugn = "memory"

[region.users]
backend = "Shared"
wrap = ["msgpack", 3]
expiration = "1h"
ttl = 30
stale_on_error = "10sec"
on_error = "mis"

[region.pages]
jitter = 0.1
)") == R"(shop.toml:2:1: error: unknown key `paths` in [plugins]
  2 | paths = ["./plugins"]
    | ^
help: did you mean `path`?
shop.toml:6:7: error: `$` without `{NAME}`
  6 | url = "redis://$HOST/0"
    |       ^
help: write ${NAME}, ${NAME:-default} or ${NAME:?message}, and $$ for a dollar sign
shop.toml:7:20: error: `distributed_lock`: expected true or false, got the text "yes"
  7 | distributed_lock = "yes"
    |                    ^
help: write true
shop.toml:9:10: error: [backend.other] does not say which plugin
  9 | [backend.other]
    |          ^
help: `plugn` should be `plugin`
shop.toml:13:11: error: there is no backend `Shared`
  13 | backend = "Shared"
     |           ^
help: did you mean `shared`?
shop.toml:14:20: error: `wrap`: expected the name of a plugin, or a table, got the integer 3
  14 | wrap = ["msgpack", 3]
     |                    ^
help: write "msgpack", or { plugin = "zstd", level = 3 }
shop.toml:15:1: error: unknown key `expiration` in [region.users]
  15 | expiration = "1h"
     | ^
help: did you mean `expiration_time`?
shop.toml:16:7: error: `ttl`: expected a duration such as "30s", got the integer 30
  16 | ttl = 30
     |       ^
help: write "30s" if seconds are meant; units are ns, us, ms, s, m, h, d and w
shop.toml:17:18: error: `stale_on_error`: expected a duration such as "30s", got the text "10sec"
  17 | stale_on_error = "10sec"
     |                  ^
help: write "10s"; units are ns, us, ms, s, m, h, d and w
shop.toml:18:12: error: `on_error`: expected one of "miss", "raise", got the text "mis"
  18 | on_error = "mis"
     |            ^
help: did you mean `miss`?
shop.toml:20:9: error: [region.pages] does not say on which backend
  20 | [region.pages]
     |         ^
help: add backend = "memory", or the name of a [backend.NAME]
shop.toml:21:10: error: `jitter`: expected a percentage such as "10%", got the number 0.1
  21 | jitter = 0.1
     |          ^
help: write "10%"
)");
}

TEST_CASE("a ConfigError carries its findings one by one", "[config]") {
  try {
    Config::from_text("[region.a]\nbackend = 1\nttl = 2\n", "shop.toml");
    FAIL("was read");
  } catch (const ConfigError& error) {
    CHECK(error.code() == Errc::config);
    REQUIRE(error.findings().size() == 2);
    CHECK(error.findings()[1].origin.file() == "shop.toml");
    CHECK(error.findings()[1].origin.line == 3);
    CHECK(error.findings()[1].origin.column == 7);
    CHECK(error.findings()[1].severity == Finding::Severity::error);
  }
}

TEST_CASE("what is not TOML is one error at its place", "[config]") {
  CHECK(errors_of("[region.a]\nbackend = \"memory\"\n\n[region.a]\nbackend = \"null\"\n") ==
        R"(shop.toml:4:1: error: this is not TOML: cannot redefine existing table 'region.a'
  4 | [region.a]
    | ^
help: each name can be defined only once; merge the two, or rename one
)");
  CHECK(
      errors_of("[region.a]\nttl = \"1h\n") ==
      R"(shop.toml:2:10: error: this is not TOML: a text must end on the line it began on, and contain no control characters
  2 | ttl = "1h
    |          ^
)");
  CHECK(errors_of("[region.a\n").find("shop.toml:1:10: error: this is not TOML: ") == 0);
  CHECK(errors_of("[region.a]\nbackend = 2026-01-01\n").find("2:11: error: dates and times") !=
        std::string::npos);
}

TEST_CASE("odd files are read or refused, and never take the program down", "[config]") {
  CHECK(Config::from_text("").regions.empty());
  CHECK(Config::from_text("# nothing\n").backends.empty());

  // A byte order mark, and lines that end as on Windows.
  const std::string windows = "\xEF\xBB\xBF[region.a]\r\nbackend = \"memory\"\r\n";
  CHECK(Config::from_text(windows).regions.size() == 1);
  CHECK(errors_of(windows + "wat = 1\r\nttl = 5\r\n").find("  4 | ttl = 5\n    |       ^\n") !=
        std::string::npos);

  CHECK(errors_of("[region.a]\nbackend = \"mem\xff\"\n").find("help: save the file as UTF-8") !=
        std::string::npos);
  CHECK(errors_of(std::string((1 << 20) + 1, '#')) ==
        "shop.toml: error: larger than 1 MiB\nhelp: is this the right file?\n");
  CHECK(Config::from_text(std::string(1 << 20, '#')).regions.empty());

  std::string key = "a";
  for (int i = 0; i < 200'000; ++i) key += ".a";
  CHECK(errors_of(key + " = 1").find("a key of more than 16 parts is not read") !=
        std::string::npos);
  CHECK(errors_of('[' + key + ']').find("1:33: error: a key of more than 16 parts") !=
        std::string::npos);
  CHECK(errors_of("a = " + std::string(200'000, '[')).find("maximum nested value depth") !=
        std::string::npos);
  // A text or a comment may hold as many dots as it likes.
  CHECK(errors_of("[region.a]\nbackend='memory'\n#" + key + "\nx = '''\n'" + key +
                  "'''\ny = \"\\\"" + key + "\"")
            .find("16 parts") == std::string::npos);
}

TEST_CASE("a character beyond ASCII where a key should be is an error like any other", "[config]") {
  // toml++ 3.3 sorts these by tables that say of some that they cannot come.
  for (unsigned c = 0xa1; c < 0x800; ++c) {
    const std::string letter = {static_cast<char>(0xc0 | c >> 6),
                                static_cast<char>(0x80 | (c & 0x3f))};
    CAPTURE(c);
    REQUIRE(errors_of("\n" + letter + " = 1\n").find("shop.toml:2:1: error: ") == 0);
  }
}

TEST_CASE("a file of nothing but mistakes shows the first hundred, at once", "[config]") {
  std::string text = "[region.a]\nbackend = { plugin = \"m\" }\n";
  for (int i = 0; i < 60'000; ++i) text += "k" + std::to_string(i) + "=1\n";
  const std::string shown = errors_of(text);
  CHECK(shown.find("\n... and 59900 more\n") != std::string::npos);
  CHECK(shown.find("unknown key `k99`") != std::string::npos);
  CHECK(shown.find("unknown key `k100`") == std::string::npos);
}

TEST_CASE("keys below a section that needs a name are told once how to begin", "[config]") {
  CHECK(errors_of("[region]\nbackend = \"memory\"\nttl = \"1h\"\n") ==
        R"(shop.toml:2:1: error: `backend` is a key of one region, which needs a name
  2 | backend = "memory"
    | ^
help: begin it with [region.NAME], where NAME is of your choice
)");
  CHECK(errors_of("[backend]\nplugin = \"redis\"\nurl = \"u\"\n") ==
        R"(shop.toml:2:1: error: `plugin` is a key of one backend, which needs a name
  2 | plugin = "redis"
    | ^
help: begin it with [backend.NAME], where NAME is of your choice
)");
}

TEST_CASE("a key of a backend in a region is told where it belongs", "[config]") {
  CHECK(errors_of("[region.a]\nbackend = \"m\"\nlock_timeout = \"1s\"\n") ==
        R"(shop.toml:3:1: error: unknown key `lock_timeout` in [region.a]
  3 | lock_timeout = "1s"
    | ^
help: `lock_timeout` is a key of a backend: move it there
)");
}

TEST_CASE("an option of a store in a region is told where it belongs", "[config]") {
  CHECK(errors_of("[region.a]\nbackend = \"memory\"\nmax_bytes = \"1GiB\"\n")
            .find("help: options of a store stand in its own table, such as backend = { plugin = "
                  "\"memory\", max_bytes = ... }; ") != std::string::npos);
}

TEST_CASE("what was nearly right is shown as it should be", "[config]") {
  const auto remedy_of = [](const std::string& line) {
    const std::string errors = errors_of("[region.a]\nbackend = \"memory\"\n" + line + "\n");
    return errors.substr(std::min(errors.size(), errors.find("help: ")));
  };
  CHECK(remedy_of("ttl = \"1 h\"") == "help: write \"1h\"\n");
  CHECK(remedy_of("ttl = \"1h 30m\"") == "help: write \"1h30m\"\n");
  CHECK(remedy_of("on_error = \"RAISE\"") == "help: did you mean `raise`?\n");
}

TEST_CASE("a plugin in the list of folders is told as such, and its folder offered", "[config]") {
  const Folder folder;
  const std::string plugin = folder.write("mine.so", "").string();
  const auto config = folder.write("shop.toml", "[plugins]\npath = [\"absent\", \"mine.so\"]\n");
  CHECK(errors_of_file(config) == config.string() + ":2:19: error: `path` lists folders, and `" +
                                      plugin +
                                      "` is a file\n"
                                      "  2 | path = [\"absent\", \"mine.so\"]\n"
                                      "    |                   ^\n"
                                      "help: did you mean `" +
                                      folder.path().string() + "`?\n");
}

TEST_CASE("a file that cannot be read says why", "[config]") {
  const Folder folder;
  CHECK(errors_of_file("/nonexistent/shop.toml") ==
        "/nonexistent/shop.toml: error: cannot be read: No such file or directory\n"
        "help: check the path\n");
  CHECK(errors_of_file(folder.path()) ==
        folder.path().string() + ": error: cannot be read: Is a directory\n");
  CHECK(errors_of_file("/dev/zero").find("larger than 1 MiB") != std::string::npos);
}

TEST_CASE("what a file holds cannot command a terminal", "[config]") {
  const std::string shown = errors_of("[region.a]\nbackend = \"m\"\n\"\\u001b[31m\\u0007\" = 1\n");
  CHECK(shown.find("unknown key `\\x1b[31m\\x07`") != std::string::npos);
  for (const char c : shown) CHECK((c == '\n' || static_cast<unsigned char>(c) >= 0x20));
}

TEST_CASE("a caret stands under its column, whatever stands before it", "[config]") {
  CHECK(errors_of("[region.a]\nbackend = \"m\"\n\twrap = [\"\xC3\xA4\xE2\x82\xAC\", 1]\n") ==
        "shop.toml:3:16: error: `wrap`: expected the name of a plugin, or a table, got the integer "
        "1\n"
        "  3 | \twrap = [\"\xC3\xA4\xE2\x82\xAC\", 1]\n"
        "    | \t              ^\n"
        "help: write \"msgpack\", or { plugin = \"zstd\", level = 3 }\n");
  const std::string far = errors_of("[region.a]\nbackend = \"m\"\nwrap = [" +
                                    std::string(5000, ' ') + "1" + std::string(5000, ' ') + "]\n");
  CHECK(far.find("shop.toml:3:5009: error") == 0);
  CHECK(far.size() < 600);
  const auto lines_end = far.find("^\n");
  REQUIRE(lines_end != std::string::npos);
  const auto caret_line = far.rfind('\n', lines_end);
  const auto source_line = far.rfind('\n', caret_line - 1);
  CHECK(far[source_line + (lines_end - caret_line)] == '1');
}

TEST_CASE("a line that seems to hold a secret is not shown", "[config]") {
  const std::string inline_table =
      errors_of("[region.a]\nbackend = { plugin = 3, password = \"hunter2\" }\n");
  CHECK(inline_table.find("shop.toml:2:22: error: `plugin`: expected a text") == 0);
  CHECK(inline_table.find("hunter2") == std::string::npos);
  const std::string url =
      errors_of("[region.a]\nbackend = { plugin = 3, url = \"redis://me:hunter2@host/\" }\n");
  CHECK(url.find("shop.toml:2:22") == 0);
  CHECK(url.find("hunter2") == std::string::npos);
  const std::string address =
      errors_of("[region.a]\nbackend = { plugin = 3, nodes = [\"me:hunter2@host\"] }\n");
  CHECK(address.find("shop.toml:2:22") == 0);
  CHECK(address.find("hunter2") == std::string::npos);
  CHECK(errors_of("[region.a]\nbackend = { plugin = 3, who = \"me@host:1\" }\n").find("me@host") !=
        std::string::npos);
}

TEST_CASE("a key that cannot be read makes no other seem without effect", "[config]") {
  CHECK(errors_of("[backend.b]\nplugin = \"redis\"\ndistributed_lock = 1\nlock_timeout = \"5s\"\n")
            .find("no effect") == std::string::npos);
}

TEST_CASE("rules without effect are warnings, and do not stop anybody", "[config]") {
  const auto warnings_of = [](const std::string& keys) {
    return render(
        Config::from_text("[region.r]\nbackend = \"m\"\n" + keys + "\n", "shop.toml").warnings);
  };
  CHECK(
      warnings_of("expiration_time = \"1h\"\nttl = \"1h\"") ==
      R"(shop.toml:4:7: warning: `ttl` is not longer than values can be served (1h): the store drops them before, and callers wait instead of getting a stale value
  4 | ttl = "1h"
    |       ^
help: make it longer than `expiration_time` and `stale_on_error` together
)");
  CHECK(warnings_of("expiration_time = \"1h\"\nttl = \"61m\"").empty());
  CHECK(warnings_of("jitter = \"10%\"").find("`jitter` has no effect") != std::string::npos);
  CHECK(warnings_of("refresh_at = \"10%\"").find("`refresh_at` has no") != std::string::npos);
  CHECK(warnings_of("on_lock_timeout = \"error\"").find("without `lock_wait`") !=
        std::string::npos);
  CHECK(warnings_of("invalidation_delay = \"2s\"").find("invalidation = \"store\"") !=
        std::string::npos);
  CHECK(warnings_of("expiration_time = \"15000w\"\nstale_on_error = \"15000w\"\nttl = \"1h\"")
            .find("`ttl` is not longer") != std::string::npos);
}
