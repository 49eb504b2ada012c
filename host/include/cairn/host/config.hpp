// What a cache is made of: which stores, which regions on them, wrapped in what, with which rules.
//
//     Config config = Config::from_file("shop.toml");
//
// or, the same in code:
//
//     Config config;
//     config.backends.push_back({"shared", {"redis", {{"url", "redis://127.0.0.1/0"}}}});
//     RegionConfig users{"users", "shared"};
//     users.wrap = {{"prefix", {{"prefix", "users:"}}}, {"msgpack"}};
//     users.policy.expiration_time = 1h;
//     config.regions.push_back(users);
//
// These are plain values: nothing is loaded or connected here, and options of plugins are kept as
// they were written. They are checked against the plugin's own declaration when a stack is built.
// Errors: the functions that read throw ConfigError with everything they found, not the first
// mistake. Threads: const methods concurrently.
#pragma once

#include <cairn/host/config_error.hpp>
#include <cairn/host/region_policy.hpp>

#include <chrono>
#include <concepts>
#include <cstdint>
#include <filesystem>
#include <initializer_list>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace cairn {

class ConfigValue;
struct ConfigEntry;

/// Names and values, in the order in which they were written.
class ConfigTable {
 public:
  ConfigTable() noexcept;
  ConfigTable(std::initializer_list<ConfigEntry> entries);
  /// Precondition: no name is there twice.
  explicit ConfigTable(std::vector<ConfigEntry> entries) noexcept;
  ConfigTable(const ConfigTable&);
  ConfigTable(ConfigTable&&) noexcept;
  ConfigTable& operator=(const ConfigTable&);
  ConfigTable& operator=(ConfigTable&&) noexcept;
  ~ConfigTable();

  /// The value called `key`, or null.
  const ConfigValue* find(std::string_view key) const noexcept;
  /// Adds, or replaces the value of the same name.
  void set(std::string key, ConfigValue value, Origin origin = {});

  std::size_t size() const noexcept;
  bool empty() const noexcept { return size() == 0; }
  const ConfigEntry* begin() const noexcept;
  const ConfigEntry* end() const noexcept;

 private:
  std::vector<ConfigEntry> entries_;  // of a type that holds tables: complete only further down
};

/// One value as it was written: a bool, a whole number, a real one, a text, a list or a table.
/// Durations and sizes are texts with a unit ("30s", "64MiB") here; in code, a std::chrono duration becomes one.
class ConfigValue {
 public:
  using List = std::vector<ConfigValue>;

  // Implicit, so that tables of options read as in a file.
  template <std::same_as<bool> T>               // or a pointer to anything would be `true`
  ConfigValue(T value) : value_(value) {}       // NOLINT
  ConfigValue(double value) : value_(value) {}  // NOLINT
  ConfigValue(const char* text) : value_(std::string(text)) {}       // NOLINT
  ConfigValue(std::string_view text) : value_(std::string(text)) {}  // NOLINT
  ConfigValue(std::string text) : value_(std::move(text)) {}         // NOLINT
  template <std::same_as<std::filesystem::path> T>
  ConfigValue(const T& path) : value_(path.string()) {}  // NOLINT
  template <class Rep, class Period>
  requires std::convertible_to<std::chrono::duration<Rep, Period>, std::chrono::nanoseconds>
  ConfigValue(std::chrono::duration<Rep, Period> time)  // NOLINT
      : value_(std::to_string(std::chrono::nanoseconds(time).count()) + "ns") {}
  ConfigValue(List items) : value_(std::move(items)) {}  // NOLINT
  ConfigValue(const std::vector<std::string>& texts)     // NOLINT
      : value_(List(texts.begin(), texts.end())) {}
  ConfigValue(std::initializer_list<ConfigValue> items) : value_(List(items)) {}
  ConfigValue(ConfigTable table) : value_(std::move(table)) {}  // NOLINT
  template <std::integral T>
  requires(!std::same_as<T, bool> && !std::same_as<T, char>) ConfigValue(T value)  // NOLINT
      : value_(whole(value)) {}

  /// Null if it is something else.
  const bool* as_bool() const noexcept { return std::get_if<bool>(&value_); }
  const std::int64_t* as_int() const noexcept { return std::get_if<std::int64_t>(&value_); }
  const double* as_real() const noexcept { return std::get_if<double>(&value_); }
  const std::string* as_text() const noexcept { return std::get_if<std::string>(&value_); }
  const List* as_list() const noexcept { return std::get_if<List>(&value_); }
  const ConfigTable* as_table() const noexcept { return std::get_if<ConfigTable>(&value_); }

  /// Where it was written.
  const Origin& origin() const noexcept { return origin_; }
  ConfigValue&& at(Origin origin) && {
    origin_ = std::move(origin);
    return std::move(*this);
  }
  /// A text that came from `${...}`: an option of another type converts it.
  bool interpolated() const noexcept { return interpolated_; }
  ConfigValue&& mark_interpolated() && {
    interpolated_ = true;
    return std::move(*this);
  }

 private:
  template <std::integral T>
  static std::int64_t whole(T value) {
    if (!std::in_range<std::int64_t>(value)) {
      throw Error(Errc::config, "the number " + std::to_string(value) + " is too large");
    }
    return static_cast<std::int64_t>(value);
  }

  std::variant<bool, std::int64_t, double, std::string, List, ConfigTable> value_;
  Origin origin_;
  bool interpolated_ = false;
};

struct ConfigEntry {
  std::string key;
  ConfigValue value;
  Origin origin = {};  ///< of the key
};

/// One plugin's component with its options: a store, or a layer of a stack.
struct ComponentConfig {
  std::string plugin = {};
  ConfigTable options = {};
  Origin origin = {};
};

/// A store, connected once, usable by many regions.
struct BackendConfig {
  std::string name = {};  ///< empty where it was written inside a region
  ComponentConfig component = {};
  /// Creation locks are held in the store, so that processes exclude each other.
  bool distributed_lock = false;
  /// How long the store keeps such a lock whose holder has died.
  std::chrono::nanoseconds lock_timeout = std::chrono::seconds(30);
  Origin origin = {};
};

struct RegionConfig {
  std::string name = {};
  /// The name of one of Config::backends, or else of a plugin; or a store of the region's own.
  std::variant<std::string, BackendConfig> backend = {};
  /// The first is outermost, nearest to the program.
  std::vector<ComponentConfig> wrap = {};
  RegionPolicy policy = {};
  /// Values are bytes and nothing else (`values = "bytes"`), so that a store of bytes needs no
  /// codec.
  bool bytes_only = false;
  Origin origin = {};
  Origin backend_origin = {};  ///< of what `backend` says
};

/// The threads that recreate stale values, shared by all regions.
struct BackgroundConfig {
  enum class OnShutdown : std::uint8_t {
    wait,     ///< for what is queued
    abandon,  ///< what is queued; what runs is finished
  };
  int threads = 2;
  int queue = 1000;  ///< when it is full, the caller recreates
  OnShutdown on_shutdown = OnShutdown::wait;
};

struct Config {
  /// Folders with plugins besides the built-in one; absolute when they come from a file.
  std::vector<std::string> plugin_path = {};
  BackgroundConfig background = {};
  std::vector<BackendConfig> backends = {};
  std::vector<RegionConfig> regions = {};
  /// The folder that relative paths of options are relative to; empty: the working directory.
  std::string base_folder = {};
  /// What is worth a second look; errors are thrown.
  Findings warnings = {};

  /// Null if there is none.
  const BackendConfig* find_backend(std::string_view name) const noexcept;
  const RegionConfig* find_region(std::string_view name) const noexcept;

  /// Reads TOML; see docs/reference/configuration.md.
  static Config from_file(const std::filesystem::path& path);
  /// `name` stands in messages where the path would.
  static Config from_text(std::string_view toml, std::string name = "<text>");
  /// One region from dogpile.cache's flat keys, as its configure_from_config reads them:
  /// `from_flat({{"cache.users.backend", "dogpile.cache.redis"}, ...}, "cache.users.", "users")`.
  static Config from_flat(const std::map<std::string, std::string>& values, std::string_view prefix,
                          std::string region_name);
};

}  // namespace cairn
