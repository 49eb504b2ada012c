// dogpile.cache's flat keys as a Config: its names for backends and arguments, and what they are
// here.
#include "config_region.hpp"
#include "config_scalars.hpp"
#include "diagnostics.hpp"
#include "nearest_name.hpp"

#include <cairn/host/config.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>

namespace cairn {

namespace {

using namespace hosting;

enum class Family : std::uint8_t { none, memory, redis, memcached, file };

struct BackendName {
  std::string_view theirs;  // after "dogpile.cache."
  std::string_view plugin;
  Family family;
  // An option that goes with the name: "mode" = "sentinel".
  std::string_view option = {};
  std::string_view value = {};
  bool distributed_lock = false;
};
constexpr std::array backend_names{
    BackendName{"null", "null", Family::none},
    BackendName{"memory", "memory", Family::memory},
    BackendName{"memory_pickle", "memory", Family::memory},
    BackendName{"dbm", "lmdb", Family::file},
    BackendName{"redis", "redis", Family::redis},
    BackendName{"redis_sentinel", "redis", Family::redis, "mode", "sentinel", true},
    BackendName{"redis_cluster", "redis", Family::redis, "mode", "cluster"},
    BackendName{"valkey", "redis", Family::redis},
    BackendName{"valkey_sentinel", "redis", Family::redis, "mode", "sentinel", true},
    BackendName{"valkey_cluster", "redis", Family::redis, "mode", "cluster"},
    BackendName{"pylibmc", "memcached", Family::memcached, "compatible_with", "pylibmc"},
    BackendName{"memcached", "memcached", Family::memcached, "compatible_with", "python-memcached"},
    BackendName{"pymemcache", "memcached", Family::memcached, "compatible_with", "pymemcache"},
    BackendName{"bmemcached", "memcached", Family::memcached, "compatible_with", "bmemcached"},
};
constexpr std::string_view their_prefix = "dogpile.cache.";

enum class Form : std::uint8_t {
  as_it_is,
  list,          // separated by commas or blanks
  seconds,       // a number of seconds
  seconds_or_0,  // likewise; 0 says none
  protocol,      // true: "binary", false: "ascii"
  only_false,    // what false says is always so here
};
enum class Place : std::uint8_t { option, backend_key, region_key };

struct Argument {
  Family family;
  std::string_view theirs;
  std::string_view ours;
  Form form = Form::as_it_is;
  Place place = Place::option;
};
constexpr std::array arguments{
    Argument{Family::redis, "url", "url"},
    Argument{Family::redis, "host", "host"},
    Argument{Family::redis, "port", "port"},
    Argument{Family::redis, "db", "db"},
    Argument{Family::redis, "username", "username"},
    Argument{Family::redis, "password", "password"},
    Argument{Family::redis, "ssl", "tls"},
    Argument{Family::redis, "socket_timeout", "timeout", Form::seconds},
    Argument{Family::redis, "socket_connect_timeout", "connect_timeout", Form::seconds},
    Argument{Family::redis, "socket_keepalive", "keepalive"},
    Argument{Family::redis, "redis_expiration_time", "ttl", Form::seconds_or_0},
    Argument{Family::redis, "valkey_expiration_time", "ttl", Form::seconds_or_0},
    Argument{Family::redis, "sentinels", "sentinels", Form::list},
    Argument{Family::redis, "service_name", "service"},
    Argument{Family::redis, "startup_nodes", "nodes", Form::list},
    Argument{Family::redis, "lock_prefix", "lock_prefix"},
    Argument{Family::redis, "distributed_lock", "distributed_lock", Form::as_it_is,
             Place::backend_key},
    Argument{Family::redis, "lock_timeout", "lock_timeout", Form::seconds, Place::backend_key},
    Argument{Family::redis, "lock_blocking_timeout", "lock_wait", Form::seconds, Place::region_key},
    Argument{Family::redis, "thread_local_lock", "", Form::only_false},

    Argument{Family::memcached, "url", "servers", Form::list},
    Argument{Family::memcached, "username", "username"},
    Argument{Family::memcached, "password", "password"},
    Argument{Family::memcached, "binary", "protocol", Form::protocol},
    Argument{Family::memcached, "socket_timeout", "timeout", Form::seconds},
    Argument{Family::memcached, "memcached_expire_time", "ttl", Form::seconds_or_0},
    Argument{Family::memcached, "distributed_lock", "distributed_lock", Form::as_it_is,
             Place::backend_key},
    Argument{Family::memcached, "lock_timeout", "lock_timeout", Form::seconds, Place::backend_key},
    Argument{Family::memcached, "default_noreply", "", Form::only_false},
    Argument{Family::memcached, "enable_retry_client", "", Form::only_false},

    Argument{Family::file, "filename", "path"},
};

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view blanks = " \t\r\n";
  const std::size_t begin = std::min(text.find_first_not_of(blanks), text.size());
  const std::size_t end = text.find_last_not_of(blanks);
  return end == std::string_view::npos ? std::string_view() : text.substr(begin, end + 1 - begin);
}

std::optional<double> number_in(std::string_view text) {
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

// Seconds as a duration's text, or nothing if there is no such duration.
std::optional<std::string> duration_text(double seconds) {
  const double nanoseconds = std::round(seconds * 1e9);
  if (!(nanoseconds >= 0 && nanoseconds < 9.2e18)) return std::nullopt;
  return std::to_string(static_cast<std::int64_t>(nanoseconds)) + "ns";
}

class FlatReader {
 public:
  FlatReader(const std::map<std::string, std::string>& values, std::string_view prefix,
             std::string region_name)
      : values_(values), prefix_(prefix) {
    region_.name = std::move(region_name);
  }

  Config run() {
    read_backend_name();
    if (elsewhere_) throw ConfigError(std::move(findings_));  // nothing below could be right
    for (const auto& [key, value] : values_) {
      if (key.starts_with(prefix_)) read_key(key, value);
    }
    check_policy(region_, written_, findings_);
    if (has_errors(findings_)) throw ConfigError(std::move(findings_));
    Config config;
    region_.backend = std::move(backend_);
    config.regions.push_back(std::move(region_));
    config.warnings = std::move(findings_);
    return config;
  }

 private:
  static constexpr std::string_view of_backend = "arguments.";

  // Messages name the key where they would name a place in a file.
  static Origin origin_of(const std::string& key) {
    return {std::make_shared<const ConfigSource>(ConfigSource{key, {}}), 0, 0};
  }

  // Quotes keep blanks, and a text a text; without them a text is read as what it is needed as.
  static ConfigValue value_of(std::string_view text, const Origin& origin) {
    text = trimmed(text);
    if (text.size() >= 2 && (text[0] == '"' || text[0] == '\'') && text.back() == text[0]) {
      return ConfigValue(text.substr(1, text.size() - 2)).at(origin);
    }
    return ConfigValue(text).at(origin).mark_interpolated();
  }

  void read_backend_name() {
    const std::string key = prefix_ + "backend";
    const Origin origin = origin_of(key);
    region_.backend_origin = origin;
    const auto it = values_.find(key);
    std::string_view name = it == values_.end() ? std::string_view() : trimmed(it->second);
    if (name.empty()) {
      const std::string other = it == values_.end() ? other_prefix() : std::string();
      elsewhere_ = !other.empty();
      add_error(findings_, origin, "the backend is missing",
                elsewhere_ ? "there is " + backquoted(other + "backend") + ": is the prefix " +
                                 "\"" + other + "\"" + '?'
                           : "give a name such as \"dogpile.cache.redis\", or that of a plugin");
      return;
    }
    backend_.origin = origin;
    backend_.component = {std::string(name), {}, origin};
    if (!name.starts_with(their_prefix)) return;
    name.remove_prefix(their_prefix.size());
    const auto known =
        std::find_if(backend_names.begin(), backend_names.end(),
                     [&](const BackendName& candidate) { return candidate.theirs == name; });
    if (known == backend_names.end()) {
      std::vector<std::string_view> names;
      for (const BackendName& candidate : backend_names) names.push_back(candidate.theirs);
      const std::string near = nearest_name(name, names);
      add_error(findings_, origin, "there is no counterpart of " + backquoted(it->second),
                near.empty() ? "write the name of a plugin"
                             : did_you_mean(std::string(their_prefix) + near));
      return;
    }
    theirs_ = &*known;
    backend_.component.plugin = known->plugin;
    backend_.distributed_lock = known->distributed_lock;
    if (!known->option.empty()) {
      backend_.component.options.set(std::string(known->option),
                                     ConfigValue(known->value).at(origin), origin);
    }
  }

  // One with which there would be a backend, or nothing.
  std::string other_prefix() const {
    constexpr std::string_view end = ".backend";
    for (const auto& [key, value] : values_) {
      if (key.ends_with(end)) return key.substr(0, key.size() - end.size() + 1);
    }
    return {};
  }

  void read_key(const std::string& key, const std::string& text) {
    const std::string_view name = std::string_view(key).substr(prefix_.size());
    const Origin origin = origin_of(key);
    if (name == "backend") return;
    if (trimmed(text) == "None") return;  // as if it were not there
    if (name.starts_with(of_backend)) {
      read_argument(name.substr(of_backend.size()), value_of(text, origin), origin);
    } else if (name == "expiration_time") {
      const auto number = number_in(trimmed(text));
      read_policy(name, number && *number == -1 ? ConfigValue("never").at(origin)
                                                : in_seconds(value_of(text, origin)));
    } else if (!read_policy(name, value_of(text, origin))) {
      const std::string near = nearest_name(name, region_keys());
      add_error(findings_, origin, "unknown key",
                near.empty() ? "a region has `arguments.NAME` and " + enumerated(region_keys())
                             : did_you_mean(prefix_ + near));
    }
  }

  bool read_policy(std::string_view name, const ConfigValue& value) {
    written_.set(std::string(name), value, value.origin());
    return read_region_key(name, value, region_, findings_);
  }

  // A number is one of seconds; anything else is left for whoever reads it.
  static ConfigValue in_seconds(const ConfigValue& value) {
    const auto number = number_in(*value.as_text());
    const auto duration = number ? duration_text(*number) : std::nullopt;
    return duration ? ConfigValue(*duration).at(value.origin()) : value;
  }

  void read_argument(std::string_view name, const ConfigValue& value, const Origin& origin) {
    if (backend_.component.plugin.empty()) return;  // that is the error
    if (theirs_ == nullptr) {                       // a plugin's own name: its own options
      put(name, value, origin, is_backend_key(name) ? Place::backend_key : Place::option);
      return;
    }
    const auto known = std::find_if(arguments.begin(), arguments.end(), [&](const Argument& a) {
      return a.family == theirs_->family && a.theirs == name;
    });
    if (known == arguments.end()) {
      std::vector<std::string_view> names;
      for (const Argument& a : arguments) {
        if (a.family == theirs_->family) names.push_back(a.theirs);
      }
      const std::string near = nearest_name(name, names);
      add_error(findings_, origin,
                "the backend " +
                    backquoted(std::string(their_prefix) + std::string(theirs_->theirs)) +
                    " has no argument " + backquoted(name) + " here",
                !near.empty()   ? did_you_mean(near)
                : names.empty() ? "it has none: remove it"
                                : "there are " + enumerated(names));
      return;
    }
    if (auto converted = convert(*known, value)) put(known->ours, *converted, origin, known->place);
  }

  // Nothing if there is nothing to say, or after an error.
  std::optional<ConfigValue> convert(const Argument& argument, const ConfigValue& value) {
    const Wanted wanted{argument.theirs};
    switch (argument.form) {
      case Form::as_it_is: break;
      case Form::seconds: return in_seconds(value);
      case Form::seconds_or_0:
        if (const auto number = number_in(*value.as_text()); number && *number == 0) {
          return std::nullopt;
        }
        return in_seconds(value);
      case Form::list: {
        std::string text = *value.as_text();
        std::replace(text.begin(), text.end(), ' ', ',');
        ConfigValue::List items;
        for (std::string_view left = text; !left.empty();) {
          const std::size_t end = std::min(left.find(','), left.size());
          if (end > 0) items.push_back(ConfigValue(left.substr(0, end)).at(value.origin()));
          left.remove_prefix(std::min(end + 1, left.size()));
        }
        return ConfigValue(std::move(items)).at(value.origin());
      }
      case Form::protocol: {
        const auto binary = read_bool(lowered(value), wanted, findings_);
        if (!binary) return std::nullopt;
        return ConfigValue(*binary ? "binary" : "ascii").at(value.origin());
      }
      case Form::only_false: {
        const auto on = read_bool(lowered(value), wanted, findings_);
        if (on && *on) {
          add_error(findings_, value.origin(), "cannot be switched on here", "remove it");
        }
        return std::nullopt;
      }
    }
    return lowered(value);
  }

  // Python writes True and False.
  static ConfigValue lowered(const ConfigValue& value) {
    if (!value.interpolated()) return value;
    std::string text = *value.as_text();
    std::transform(text.begin(), text.end(), text.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    if (text != "true" && text != "false") return value;
    return ConfigValue(text).at(value.origin()).mark_interpolated();
  }

  static bool is_backend_key(std::string_view name) {
    return name == "distributed_lock" || name == "lock_timeout";
  }

  void put(std::string_view name, const ConfigValue& value, const Origin& origin, Place place) {
    if (place == Place::region_key) {
      read_policy(name, value);
    } else if (place == Place::option) {
      backend_.component.options.set(std::string(name), value, origin);
    } else if (name == "distributed_lock") {
      if (const auto on = read_bool(lowered(value), {name}, findings_)) {
        backend_.distributed_lock = *on;
      }
    } else if (const auto timeout = read_duration(in_seconds(value), {name}, findings_)) {
      backend_.lock_timeout = *timeout;
    }
  }

  const std::map<std::string, std::string>& values_;
  const std::string prefix_;
  const BackendName* theirs_ = nullptr;  // nothing: the name of a plugin was given
  BackendConfig backend_;
  RegionConfig region_;
  ConfigTable written_;     // keys of the region
  bool elsewhere_ = false;  // the backend is under another prefix
  Findings findings_;
};

}  // namespace

Config Config::from_flat(const std::map<std::string, std::string>& values, std::string_view prefix,
                         std::string region_name) {
  return FlatReader(values, prefix, std::move(region_name)).run();
}

}  // namespace cairn
