#include "config_region.hpp"

#include "config_scalars.hpp"
#include "diagnostics.hpp"
#include "nearest_name.hpp"
#include "units.hpp"

#include <array>
#include <charconv>
#include <limits>
#include <optional>

namespace cairn::hosting {

namespace {

// How one key is read: the value, what messages call it, and where it goes.
using Read = void (*)(const ConfigValue&, const Wanted&, RegionConfig&, Findings&);
struct RegionKey {
  std::string_view name;
  Read read;
};

template <class Target, class Value>
void assign(Target& target, std::optional<Value> value) {
  if (value) target = std::move(*value);
}

template <auto member>
void duration(const ConfigValue& v, const Wanted& w, RegionConfig& region, Findings& findings) {
  assign(region.policy.*member, read_duration(v, w, findings));
}

template <auto member>
void flag(const ConfigValue& v, const Wanted& w, RegionConfig& region, Findings& findings) {
  assign(region.policy.*member, read_bool(v, w, findings));
}

// The enumerators in the order of their names.
template <auto member>
void choice(const ConfigValue& v, const Wanted& w, RegionConfig& region, Findings& findings,
            const std::vector<std::string_view>& names) {
  using Enum = std::remove_reference_t<decltype(region.policy.*member)>;
  if (const auto index = read_choice(v, w, names, findings)) {
    region.policy.*member = static_cast<Enum>(*index);
  }
}

std::optional<double> percent_between(const ConfigValue& value, const Wanted& wanted,
                                      bool with_ends, Findings& findings) {
  const auto part = read_percent(value, wanted, findings);
  if (part && (*part > 1 || (!with_ends && (*part == 0 || *part == 1)))) {
    add_error(findings, value.origin(),
              backquoted(wanted.name) + ": expected " +
                  (with_ends ? "at most 100%" : "more than 0% and less than 100%") + ", got " +
                  described(value, wanted.secret));
    return std::nullopt;
  }
  return part;
}

void read_expiration_time(const ConfigValue& value, const Wanted& wanted, RegionConfig& region,
                          Findings& findings) {
  if (const auto* text = value.as_text(); text != nullptr && *text == "never") {
    region.policy.expiration_time.reset();
    return;
  }
  if (const auto* number = value.as_int(); number != nullptr && *number < 0) {
    add_error(findings, value.origin(),
              "`expiration_time`: expected a duration such as \"30s\", or \"never\", got " +
                  described(value, false),
              "write \"never\"");
    return;
  }
  assign(region.policy.expiration_time, read_duration(value, wanted, findings));
}

void read_value_version(const ConfigValue& value, const Wanted& wanted, RegionConfig& region,
                        Findings& findings) {
  const auto version = read_int(value, wanted, findings);
  if (!version) return;
  constexpr int most = std::numeric_limits<int>::max();
  if (*version < 1 || *version > most) {
    add_error(findings, value.origin(),
              "`value_version`: expected a number from 1 to " + std::to_string(most) + ", got " +
                  std::to_string(*version));
    return;
  }
  region.policy.value_version = static_cast<int>(*version);
}

void read_key_mangler(const ConfigValue& value, const Wanted& wanted, RegionConfig& region,
                      Findings& findings) {
  const auto text = read_text(value, wanted, findings);
  if (!text) return;
  if (*text == "none") {
    region.policy.key_mangler = {};
    return;
  }
  if (*text == "sha1") {
    region.policy.key_mangler = {KeyMangler::Kind::sha1, 0};
    return;
  }
  constexpr std::string_view begin = "length_conditional(";
  std::string_view left = *text;
  if (left.starts_with(begin) && left.ends_with(')')) {
    left = left.substr(begin.size(), left.size() - begin.size() - 1);
    std::size_t length = 0;
    const auto [end, error] = std::from_chars(left.data(), left.data() + left.size(), length);
    if (error == std::errc() && end == left.data() + left.size() && length > 0) {
      region.policy.key_mangler = {KeyMangler::Kind::length_conditional, length};
      return;
    }
  }
  add_error(findings, value.origin(),
            "`key_mangler`: expected \"none\", \"sha1\" or \"length_conditional(N)\", got " +
                described(value, false),
            left == *text ? did_you_mean(nearest_name(
                                *text, std::array{"none", "sha1", "length_conditional(250)"}))
                          : "N is a number of bytes, as in \"length_conditional(250)\"");
}

void read_region_backend(const ConfigValue& value, const Wanted&, RegionConfig& region,
                         Findings& findings) {
  region.backend_origin = value.origin();
  if (const auto* name = value.as_text(); name != nullptr && !name->empty()) {
    region.backend = *name;
  } else if (const auto* keys = value.as_table()) {
    if (auto backend = read_backend("", *keys, value.origin(), findings)) {
      region.backend = std::move(*backend);
    }
  } else {
    add_error(findings, value.origin(),
              "`backend`: expected the name of a [backend.NAME] or of a plugin, or a table, got " +
                  described(value, false),
              "write backend = \"memory\", or backend = { plugin = \"memory\" }");
  }
}

void read_wrap(const ConfigValue& value, const Wanted& wanted, RegionConfig& region,
               Findings& findings) {
  const auto layers = read_list(value, wanted, findings);
  if (!layers) return;
  region.wrap.clear();
  for (const ConfigValue& layer : *layers) {
    if (auto component = read_component(layer, "wrap", findings)) {
      region.wrap.push_back(std::move(*component));
    }
  }
}

void read_values(const ConfigValue& value, const Wanted& wanted, RegionConfig& region,
                 Findings& findings) {
  if (const auto index = read_choice(value, wanted, {"any", "bytes"}, findings)) {
    region.bytes_only = *index == 1;
  }
}

using P = RegionPolicy;
constexpr std::array all_region_keys{
    RegionKey{"backend", read_region_backend},
    RegionKey{"wrap", read_wrap},
    RegionKey{"values", read_values},
    RegionKey{"expiration_time", read_expiration_time},
    RegionKey{"ttl", duration<&P::ttl>},
    RegionKey{"jitter",
              [](const ConfigValue& v, const Wanted& w, RegionConfig& region, Findings& f) {
                assign(region.policy.jitter, percent_between(v, w, true, f));
              }},
    RegionKey{"refresh_at",
              [](const ConfigValue& v, const Wanted& w, RegionConfig& region, Findings& f) {
                assign(region.policy.refresh_at, percent_between(v, w, false, f));
              }},
    RegionKey{"stale_on_error", duration<&P::stale_on_error>},
    RegionKey{"negative_ttl", duration<&P::negative_ttl>},
    RegionKey{"serve_stale", flag<&P::serve_stale>},
    RegionKey{"background", flag<&P::background>},
    RegionKey{"lock_wait", duration<&P::lock_wait>},
    RegionKey{"on_lock_timeout",
              [](const ConfigValue& v, const Wanted& w, RegionConfig& region, Findings& f) {
                choice<&P::on_lock_timeout>(v, w, region, f, {"stale", "error", "create"});
              }},
    RegionKey{"share_errors", flag<&P::share_errors>},
    RegionKey{"on_error",
              [](const ConfigValue& v, const Wanted& w, RegionConfig& region, Findings& f) {
                choice<&P::on_error>(v, w, region, f, {"miss", "raise"});
              }},
    RegionKey{"strict", flag<&P::strict>},
    RegionKey{"value_version", read_value_version},
    RegionKey{"key_mangler", read_key_mangler},
    RegionKey{"invalidation",
              [](const ConfigValue& v, const Wanted& w, RegionConfig& region, Findings& f) {
                choice<&P::invalidation>(v, w, region, f, {"local", "store"});
              }},
    RegionKey{"invalidation_delay", duration<&P::invalidation_delay>},
};

// The plugin's name and everything that is not a key of the host's own.
std::optional<ComponentConfig> component_of(const ConfigTable& keys, const Origin& origin,
                                            std::string_view wanted,
                                            const std::vector<std::string_view>& host_keys,
                                            Findings& findings) {
  const ConfigValue* plugin = keys.find("plugin");
  if (plugin == nullptr) {
    std::string near;
    for (const ConfigEntry& entry : keys) {
      if (nearest_name(entry.key, std::array{"plugin"}) == "plugin") near = entry.key;
    }
    add_error(findings, origin, std::string(wanted) + " does not say which plugin",
              near.empty() ? "add plugin = \"NAME\"" : backquoted(near) + " should be `plugin`");
    return std::nullopt;
  }
  const auto name = read_text(*plugin, {"plugin"}, findings);
  if (!name) return std::nullopt;
  if (name->empty()) {
    add_error(findings, plugin->origin(), "`plugin` is empty", "write the name of a plugin");
    return std::nullopt;
  }
  std::vector<ConfigEntry> options;
  for (const ConfigEntry& entry : keys) {
    const bool is_host_key =
        std::find(host_keys.begin(), host_keys.end(), entry.key) != host_keys.end();
    if (entry.key != "plugin" && !is_host_key) {
      options.push_back(entry);
    }
  }
  return ComponentConfig{*name, ConfigTable(std::move(options)), plugin->origin()};
}

}  // namespace

const std::vector<std::string_view>& region_keys() {
  static const std::vector<std::string_view> names = [] {
    std::vector<std::string_view> result;
    for (const RegionKey& key : all_region_keys) result.push_back(key.name);
    return result;
  }();
  return names;
}

const std::vector<std::string_view>& backend_keys() {
  static const std::vector<std::string_view> names{"plugin", "distributed_lock", "lock_timeout"};
  return names;
}

std::optional<ComponentConfig> read_component(const ConfigValue& value, std::string_view wanted,
                                              Findings& findings) {
  if (const auto* name = value.as_text(); name != nullptr && !name->empty()) {
    return ComponentConfig{*name, {}, value.origin()};
  }
  if (const auto* keys = value.as_table()) {
    return component_of(*keys, value.origin(), backquoted(wanted), {}, findings);
  }
  add_error(findings, value.origin(),
            backquoted(wanted) + ": expected the name of a plugin, or a table, got " +
                described(value, false),
            "write \"msgpack\", or { plugin = \"zstd\", level = 3 }");
  return std::nullopt;
}

std::optional<BackendConfig> read_backend(std::string name, const ConfigTable& keys,
                                          const Origin& origin, Findings& findings) {
  BackendConfig backend;
  backend.origin = origin;
  bool is_known = true;  // whether it is to lock
  if (const auto* value = keys.find("distributed_lock")) {
    const auto locks = read_bool(*value, {"distributed_lock"}, findings);
    is_known = locks.has_value();
    assign(backend.distributed_lock, locks);
  }
  if (const auto* value = keys.find("lock_timeout")) {
    const auto timeout = read_duration(*value, {"lock_timeout"}, findings);
    assign(backend.lock_timeout, timeout);
    if (timeout && is_known && !backend.distributed_lock) {
      add_warning(findings, value->origin(),
                  "`lock_timeout` has no effect without `distributed_lock`",
                  "add distributed_lock = true, or remove it");
    }
  }
  auto component = component_of(keys, origin, name.empty() ? "`backend`" : "[backend." + name + ']',
                                backend_keys(), findings);
  if (!component) return std::nullopt;
  backend.name = std::move(name);
  backend.component = std::move(*component);
  return backend;
}

bool read_region_key(std::string_view key, const ConfigValue& value, RegionConfig& region,
                     Findings& findings) {
  for (const RegionKey& known : all_region_keys) {
    if (known.name == key) {
      known.read(value, {key}, region, findings);
      return true;
    }
  }
  return false;
}

void check_policy(const RegionConfig& region, const ConfigTable& keys, Findings& findings) {
  const RegionPolicy& policy = region.policy;
  const auto warn = [&](std::string_view key, const std::string& problem, std::string remedy) {
    if (const ConfigValue* value = keys.find(key)) {
      add_warning(findings, value->origin(), backquoted(key) + ' ' + problem, std::move(remedy));
    }
  };
  if (!policy.expiration_time) {
    for (const char* key : {"jitter", "refresh_at", "stale_on_error"}) {
      warn(key, "has no effect on values that never expire", "set `expiration_time`");
    }
  }
  if (!policy.lock_wait) {
    warn("on_lock_timeout", "has no effect without `lock_wait`", "set `lock_wait`");
  }
  if (policy.invalidation == InvalidationPlace::local) {
    warn("invalidation_delay", "has no effect", "add invalidation = \"store\"");
  }
  if (policy.background && !policy.serve_stale && !policy.refresh_at) {
    warn("background", "has no effect while nothing stale is served and nothing is refreshed early",
         "set `serve_stale` or `refresh_at`, or remove it");
  }
  if (policy.ttl && policy.expiration_time && *policy.ttl > RegionPolicy::Duration::zero()) {
    const auto zero = RegionPolicy::Duration::zero(), longest = RegionPolicy::Duration::max();
    const auto stale = policy.stale_on_error.value_or(zero);
    const auto kept =
        *policy.expiration_time > longest - stale ? longest : *policy.expiration_time + stale;
    if (*policy.ttl <= kept) {
      warn("ttl",
           "is not longer than values can be served (" + format_duration(kept) +
               "): the store drops them before, and callers wait instead of getting a stale value",
           "make it longer than `expiration_time` and `stale_on_error` together");
    }
  }
}

RegionConfig read_region(std::string name, const ConfigTable& keys, const Origin& origin,
                         Findings& findings) {
  RegionConfig region;
  region.name = std::move(name);
  region.origin = origin;
  const std::size_t found_before = findings.size();
  for (const ConfigEntry& entry : keys) {
    if (!read_region_key(entry.key, entry.value, region, findings)) {
      const std::vector<std::string_view>& of_backend = backend_keys();
      const std::string near = nearest_name(entry.key, region_keys());
      std::string remedy =
          "options of a store stand in its own table, such as backend = { plugin = \"memory\", " +
          entry.key + " = ... }; a region has the keys " + enumerated(region_keys());
      if (std::find(of_backend.begin(), of_backend.end(), entry.key) != of_backend.end()) {
        remedy = backquoted(entry.key) + " is a key of a backend: move it there";
      } else if (!near.empty()) {
        remedy = did_you_mean(near);
      }
      add_error(findings, entry.origin,
                "unknown key " + backquoted(entry.key) + " in [region." + region.name + ']',
                std::move(remedy));
    }
  }
  if (keys.find("backend") == nullptr) {
    add_error(findings, origin, "[region." + region.name + "] does not say on which backend",
              "add backend = \"memory\", or the name of a [backend.NAME]");
  }
  if (findings.size() == found_before) check_policy(region, keys, findings);
  return region;
}

}  // namespace cairn::hosting
