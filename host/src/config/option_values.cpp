#include "option_values.hpp"

#include "config_region.hpp"
#include "config_scalars.hpp"
#include "diagnostics.hpp"
#include "nearest_name.hpp"
#include "units.hpp"

#include <algorithm>
#include <functional>
#include <utility>
#include <vector>

namespace cairn::hosting {

namespace {

std::vector<std::reference_wrapper<const cairn_option>> options_of(
    const cairn_component& component) {
  std::vector<std::reference_wrapper<const cairn_option>> options;
  for (std::size_t i = 0; i < component.option_count; ++i) {
    options.emplace_back(*cairn_option_at(&component, i));
  }
  return options;
}

bool is_secret(const cairn_option& option) {
  return (option.flags & CAIRN_OPTION_SECRET) != 0;
}

std::string_view items_of(std::string_view type) {
  constexpr std::string_view list = "list:";
  return type.starts_with(list) ? type.substr(list.size()) : std::string_view();
}

std::vector<std::string_view> choices_of(std::string_view type) {
  std::vector<std::string_view> choices;
  type.remove_prefix(std::string_view("enum:").size());
  while (true) {
    const std::size_t end = type.find('|');
    choices.push_back(type.substr(0, end));
    if (end == std::string_view::npos) return choices;
    type.remove_prefix(end + 1);
  }
}

// What the author declared is text; it is read as a text from the environment would be.
ConfigValue declared(const char* text, const Origin& origin = {}) {
  return ConfigValue(text).at(origin).mark_interpolated();
}

class OptionReader {
 public:
  OptionReader(const cairn_option& option, std::string_view base_folder, Findings& findings)
      : option_(option), base_folder_(base_folder), findings_(findings) {}

  // The value in the form that `create` gets: durations and sizes as whole numbers.
  std::optional<ConfigValue> read(const ConfigValue& value) { return read(option_.type, value); }

 private:
  template <class Value>
  static std::optional<ConfigValue> as_value(const std::optional<Value>& value) {
    if (!value) return std::nullopt;
    return ConfigValue(*value);
  }

  std::optional<ConfigValue> read(std::string_view type, const ConfigValue& value) {
    const Wanted wanted{option_.name, is_secret(option_)};
    if (const auto item_type = items_of(type); !item_type.empty()) {
      return read_items(item_type, value, wanted);
    }
    if (type.starts_with("enum:")) {
      const auto choices = choices_of(type);
      const auto index = read_choice(value, wanted, choices, findings_);
      if (!index) return std::nullopt;
      return ConfigValue(choices[*index]);
    }
    if (type == "path") return as_value(read_path(value, wanted, base_folder_, findings_));
    if (type == "bool") return as_value(read_bool(value, wanted, findings_));
    if (type == "text") return as_value(read_text(value, wanted, findings_));
    auto number = read_number(type, value, wanted);
    if (number && !in_range(type, *number, value, wanted)) number.reset();
    return number;
  }

  std::optional<ConfigValue> read_number(std::string_view type, const ConfigValue& value,
                                         const Wanted& wanted) {
    if (type == "int") return as_value(read_int(value, wanted, findings_));
    if (type == "real") return as_value(read_real(value, wanted, findings_));
    if (type == "percent") return as_value(read_percent(value, wanted, findings_));
    if (type == "size") return as_value(read_size(value, wanted, findings_));
    if (type == "duration") {
      const auto duration = read_duration(value, wanted, findings_);
      return duration ? std::optional(ConfigValue(duration->count())) : std::nullopt;
    }
    add_error(findings_, value.origin(),
              "the plugin declares " + backquoted(option_.name) +
                  " with a type that is not known, " + backquoted(type),
              "use a newer host, or another version of the plugin");
    return std::nullopt;
  }

  std::optional<ConfigValue> read_items(std::string_view type, const ConfigValue& value,
                                        const Wanted& wanted) {
    const auto written = read_list(value, wanted, findings_);
    if (!written) return std::nullopt;
    ConfigValue::List items;
    bool all = true;
    for (const ConfigValue& item : *written) {
      if (auto read_item = read(type, item)) {
        items.push_back(std::move(*read_item));
      } else {
        all = false;
      }
    }
    return all ? std::optional(ConfigValue(std::move(items))) : std::nullopt;
  }

  bool in_range(std::string_view type, const ConfigValue& number, const ConfigValue& value,
                const Wanted& wanted) {
    const auto bound = [&](const char* text) -> std::optional<ConfigValue> {
      if (text == nullptr) return std::nullopt;
      return read_number(type, declared(text, value.origin()), wanted);
    };
    const auto less = [](const ConfigValue& a, const ConfigValue& b) {
      if (a.as_int() != nullptr && b.as_int() != nullptr) return *a.as_int() < *b.as_int();
      return a.as_real() != nullptr && b.as_real() != nullptr && *a.as_real() < *b.as_real();
    };
    const auto least = bound(option_.minimum), most = bound(option_.maximum);
    const bool fits = !(least && less(number, *least)) && !(most && less(*most, number));
    if (!fits) {
      std::string range;
      if (least && most) {
        range = std::string("from ") + option_.minimum + " to " + option_.maximum;
      } else {
        range = least ? std::string("at least ") + option_.minimum
                      : std::string("at most ") + option_.maximum;
      }
      add_error(findings_, value.origin(),
                backquoted(option_.name) + ": expected " + range + ", got " +
                    described(value, is_secret(option_)));
      findings_.back().shows_source = !is_secret(option_);
    }
    return fits;
  }

  const cairn_option& option_;
  const std::string_view base_folder_;
  Findings& findings_;
};

// NOLINTNEXTLINE(misc-no-recursion): a list holds no lists, see cairn_option
void write(Writer out, const ConfigValue& value) {
  if (const auto* flag = value.as_bool()) return out.boolean(*flag);
  if (const auto* number = value.as_int()) return out.integer(*number);
  if (const auto* number = value.as_real()) return out.real(*number);
  if (const auto* text = value.as_text()) return out.text(*text);
  const auto* items = value.as_list();
  auto list = out.list(items->size());
  for (const ConfigValue& item : *items) write(list.item(), item);
}

std::string_view role_of(const cairn_component& component) {
  return component.role == CAIRN_PROXY ? "proxy" : "backend";
}

void check_unknown(const ConfigEntry& entry, const ComponentConfig& config,
                   const cairn_component& component, Findings& findings) {
  std::vector<std::string_view> names;
  for (const cairn_option& option : options_of(component)) names.emplace_back(option.name);
  if (std::find(names.begin(), names.end(), entry.key) != names.end()) return;

  const std::string near = nearest_name(entry.key, names);
  const auto& of_region = region_keys();
  std::string remedy;
  if (!near.empty()) {
    remedy = did_you_mean(near);
  } else if (std::find(of_region.begin(), of_region.end(), entry.key) != of_region.end()) {
    remedy = backquoted(entry.key) + " is a key of a region: move it there";
  } else if (component.role == CAIRN_PROXY &&
             (entry.key == "distributed_lock" || entry.key == "lock_timeout")) {
    remedy = backquoted(entry.key) + " is a key of a backend: move it there";
  } else if (names.empty()) {
    remedy = backquoted(config.plugin) + " has no options";
  } else {
    remedy = backquoted(config.plugin) + " has the options " + enumerated(names);
  }
  add_error(findings, entry.origin,
            "unknown option " + backquoted(entry.key) + " of the " +
                std::string(role_of(component)) + ' ' + backquoted(config.plugin),
            std::move(remedy));
}

// A line with a secret in it is not shown, whatever is wrong on it.
void hide_secrets(const ComponentConfig& config, const cairn_component& component,
                  Findings& findings, std::size_t first) {
  std::vector<std::string_view> names;
  std::vector<std::uint32_t> lines;
  for (const cairn_option& option : options_of(component)) {
    if (is_secret(option)) names.emplace_back(option.name);
  }
  for (const ConfigEntry& entry : config.options) {
    // A misspelt secret is one too.
    if (!nearest_name(entry.key, names).empty()) lines.push_back(entry.value.origin().line);
  }
  std::sort(lines.begin(), lines.end());
  for (std::size_t i = first; i < findings.size(); ++i) {
    if (std::binary_search(lines.begin(), lines.end(), findings[i].origin.line)) {
      findings[i].shows_source = false;
    }
  }
}

std::string without_password(std::string url) {
  for (std::size_t at = url.find("://"); at != std::string::npos; at = url.find("://", at + 3)) {
    const std::size_t begin = at + 3;
    const std::size_t end = std::min(url.find_first_of("/?# ", begin), url.size());
    const std::size_t host = url.rfind('@', end);
    if (host == std::string::npos || host < begin) continue;
    const std::size_t colon = url.find(':', begin);
    if (colon < host) url.replace(colon + 1, host - colon - 1, "***");
  }
  return url;
}

std::string real_text(double number) {
  std::string text = std::to_string(number);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.ends_with('.')) text.pop_back();
  return text;
}

std::string shown(std::string_view type, Node value) {
  switch (value.type()) {
    case Node::boolean: return value.boolean_value() ? "true" : "false";
    case Node::integer:
      if (type == "duration") return format_duration(std::chrono::nanoseconds(value.int_value()));
      if (type == "size") return format_size(static_cast<std::uint64_t>(value.int_value()));
      return std::to_string(value.int_value());
    case Node::real_number:
      if (type == "percent") return real_text(value.real_value() * 100) + '%';
      return real_text(value.real_value());
    case Node::text_string: return without_password(std::string(value.text()));
    case Node::list: {
      std::string text = "[";
      for (std::size_t i = 0; i < value.size(); ++i) {
        text += (i == 0 ? "" : ", ") + shown(items_of(type), value.item(i));
      }
      return text + ']';
    }
    default: return std::string(value.type_name());
  }
}

// What only the plugin knows of its options: how they fit each other.
void ask_plugin(const ComponentConfig& config, const cairn_component& component,
                const Document& values, Findings& findings) {
  if (!CAIRN_HAS(&component, check) || component.check == nullptr) return;
  cairn_call call{};
  call.size = sizeof call;
  if (component.check(values.root().raw(), &call) == CAIRN_OK) return;
  std::string_view text = call.error != CAIRN_OK ? call.error_text : "refuses these options";
  const std::string layer = std::string(component.name) + ": ";
  if (text.starts_with(layer)) text.remove_prefix(layer.size());
  add_error(findings, origin_of_named(config, text), std::string(text));
}

}  // namespace

Document option_values(const ComponentConfig& config, const cairn_component& component,
                       std::string_view base_folder, Findings& findings) {
  const std::size_t first = findings.size();
  for (const ConfigEntry& entry : config.options) {
    check_unknown(entry, config, component, findings);
  }
  std::vector<std::pair<const char*, ConfigValue>> values;
  for (const cairn_option& option : options_of(component)) {
    OptionReader reader(option, base_folder, findings);
    std::optional<ConfigValue> value;
    if (const ConfigValue* written = config.options.find(option.name)) {
      value = reader.read(*written);
    } else if (option.default_value != nullptr) {
      value = reader.read(declared(option.default_value, config.origin));
    } else if ((option.flags & CAIRN_OPTION_REQUIRED) != 0) {
      add_error(findings, config.origin,
                "the " + std::string(role_of(component)) + ' ' + backquoted(config.plugin) +
                    " needs the option " + backquoted(option.name),
                option.help != nullptr ? option.help : "");
    }
    if (value) values.emplace_back(option.name, std::move(*value));
  }
  Document document = Document::build([&](Writer out) {
    auto map = out.map(values.size());
    for (const auto& [name, value] : values) write(map.key(name), value);
  });
  const bool good = std::none_of(
      findings.begin() + static_cast<std::ptrdiff_t>(first), findings.end(),
      [](const Finding& finding) { return finding.severity == Finding::Severity::error; });
  if (good) ask_plugin(config, component, document, findings);
  hide_secrets(config, component, findings, first);
  return document;
}

Origin origin_of_named(const ComponentConfig& config, std::string_view text) {
  std::size_t first = std::string_view::npos;
  Origin origin = config.origin;
  for (const ConfigEntry& entry : config.options) {
    const std::size_t at = text.find(backquoted(entry.key));
    if (at >= first) continue;
    first = at;
    origin = entry.value.origin();
  }
  return origin;
}

std::string redacted(const cairn_option& option, Node value) {
  return is_secret(option) ? "(secret)" : shown(option.type, value);
}

Finding unknown_backend(const RegionConfig& region, const Config& config,
                        const std::vector<std::string>& plugins) {
  const auto* name = std::get_if<std::string>(&region.backend);
  const std::string wrong =
      name != nullptr ? *name : std::get<BackendConfig>(region.backend).component.plugin;
  std::vector<std::string_view> known;
  if (name != nullptr) {
    for (const BackendConfig& backend : config.backends) known.emplace_back(backend.name);
  }
  known.insert(known.end(), plugins.begin(), plugins.end());
  const std::string near = nearest_name(wrong, known);
  Findings findings;
  add_error(findings, region.backend_origin, "there is no backend " + backquoted(wrong),
            near.empty() && !known.empty() ? "there are " + enumerated(known) : did_you_mean(near));
  return findings.front();
}

}  // namespace cairn::hosting
