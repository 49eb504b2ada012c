#include "plugin_contract.hpp"

#include "config/units.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>
#include <optional>
#include <set>
#include <string_view>

namespace cairn::hosting {

namespace {

// More than anybody offers; a larger count is a wrong pointer or an uninitialised table.
constexpr std::size_t most_components = 256;
constexpr std::size_t most_options = 256;

bool is_text(const char* text) noexcept {
  return text != nullptr && *text != '\0';
}

// ---- options
// -------------------------------------------------------------------------------------

std::optional<double> parse_number(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value))
    return std::nullopt;
  return value;
}

std::optional<double> parse_integer(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return static_cast<double>(value);
}

bool is_measure(std::string_view type) noexcept {
  return type == "int" || type == "real" || type == "duration" || type == "size" ||
         type == "percent";
}

// The value of a measure, to compare with its bounds; nullopt: `text` is none.
std::optional<double> measure(std::string_view type, std::string_view text) {
  if (type == "int") return parse_integer(text);
  if (type == "real") return parse_number(text);
  if (type == "percent") return parse_percent(text);
  if (type == "duration") {
    const auto duration = parse_duration(text);
    return duration ? std::optional(static_cast<double>(duration->count())) : std::nullopt;
  }
  const auto size = parse_size(text);
  return size ? std::optional(static_cast<double>(*size)) : std::nullopt;
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (;;) {
    const std::size_t end = text.find(separator);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

std::string_view trimmed(std::string_view text) noexcept {
  const std::size_t begin = std::min(text.find_first_not_of(' '), text.size());
  return text.substr(begin, text.find_last_not_of(' ') - begin + 1);
}

bool is_known_type(std::string_view type) {
  if (type.starts_with("enum:")) {
    auto choices = split(type.substr(5), '|');
    std::sort(choices.begin(), choices.end());
    return !choices.front().empty() &&
           std::adjacent_find(choices.begin(), choices.end()) == choices.end();
  }
  return type == "text" || type == "path" || type == "bool" || is_measure(type);
}

bool is_of_type(std::string_view type, std::string_view text) {
  if (type.starts_with("enum:")) {
    const auto choices = split(type.substr(5), '|');
    return std::find(choices.begin(), choices.end(), text) != choices.end();
  }
  if (type == "bool") return text == "true" || text == "false";
  return !is_measure(type) || measure(type, text).has_value();
}

// The fault of one value against its type and bounds; empty: none.
std::string value_fault(const cairn_option& option, std::string_view type, std::string_view text) {
  if (!is_of_type(type, text)) return fmt::format("its default \"{}\" is not a {}", text, type);
  if (!is_measure(type)) return {};
  const double value = *measure(type, text);
  if ((option.minimum != nullptr && value < *measure(type, option.minimum)) ||
      (option.maximum != nullptr && value > *measure(type, option.maximum))) {
    return fmt::format("its default \"{}\" is outside its own range", text);
  }
  return {};
}

std::string option_fault(const cairn_option& option) {
  if (!is_text(option.type)) return "it has no type";
  std::string_view type = option.type;
  const bool list = type.starts_with("list:");
  if (list) type.remove_prefix(5);
  if (!is_known_type(type))
    return fmt::format("its type \"{}\" is not known to this host", option.type);
  if (option.help == nullptr) return "it has no help";
  for (const char* bound : {option.minimum, option.maximum}) {
    if (bound == nullptr) continue;
    if (!is_measure(type)) return fmt::format("a {} has no range", type);
    if (!measure(type, bound)) return fmt::format("its bound \"{}\" is not a {}", bound, type);
  }
  if (option.minimum != nullptr && option.maximum != nullptr &&
      *measure(type, option.minimum) > *measure(type, option.maximum)) {
    return "its minimum is above its maximum";
  }
  if (option.default_value == nullptr) return {};
  if ((option.flags & CAIRN_OPTION_REQUIRED) != 0) return "it is required and has a default";
  if (!list) return value_fault(option, type, option.default_value);
  if (*option.default_value == '\0') return {};
  for (const std::string_view item : split(option.default_value, ',')) {
    if (std::string fault = value_fault(option, type, trimmed(item)); !fault.empty()) return fault;
  }
  return {};
}

std::string options_fault(const cairn_component& component) {
  if (component.option_count > most_options) {
    return fmt::format("claims {} options", component.option_count);
  }
  if (component.option_count > 0 && component.options == nullptr)
    return "counts options and has none";
  std::set<std::string_view> names;
  for (std::size_t i = 0; i < component.option_count; ++i) {
    const cairn_option& option = *cairn_option_at(&component, i);
    if (!CAIRN_HAS(&option, help) || option.size != component.options->size ||
        option.size % alignof(cairn_option) != 0) {
      return fmt::format("option {} has a wrong size", i + 1);
    }
    if (!is_text(option.name) || !is_component_name(option.name)) {
      return fmt::format("option {} has no name of lower-case letters, digits, `-` and `_`", i + 1);
    }
    if (std::strcmp(option.name, "plugin") == 0) {
      return "an option is called `plugin`, which in a config file chooses the component";
    }
    if (!names.insert(option.name).second)
      return fmt::format("option `{}` is declared twice", option.name);
    if (const std::string fault = option_fault(option); !fault.empty()) {
      return fmt::format("option `{}`: {}", option.name, fault);
    }
  }
  return {};
}

// ---- components
// ----------------------------------------------------------------------------------

bool provides_anything(const cairn_ops& ops) noexcept {
  bool any = false;
#define CAIRN_ANY(op) any = any || ops.op != nullptr;
  CAIRN_OPS(CAIRN_ANY)
#undef CAIRN_ANY
  return any;
}

std::string ops_fault(const cairn_component& component) {
  if (component.ops == nullptr) return "has no operations";
  const cairn_ops& ops = *component.ops;
  if (!CAIRN_HAS(&ops, extension)) return "has an operation table of a wrong size";
  if (component.role == CAIRN_PROXY) {
    return provides_anything(ops) ? std::string() : "provides no operation that this host knows";
  }
  if (ops.get == nullptr) return "has no `get`: a backend provides get, set and remove";
  if (ops.set == nullptr) return "has no `set`: a backend provides get, set and remove";
  if (ops.remove == nullptr) return "has no `remove`: a backend provides get, set and remove";
  return {};
}

std::string component_fault(const cairn_component& component) {
  if (!is_text(component.help)) return "has no help";
  if (component.create == nullptr) return "has no `create`";
  if (component.destroy == nullptr) return "has no `destroy`";
  if (component.threads > CAIRN_THREADS_SERIAL) {
    return fmt::format("has a thread rule ({}) that this host cannot keep", component.threads);
  }
  if ((component.accepts & CAIRN_ANY_KIND) == 0) return "accepts no kind of value";
  if (std::string fault = ops_fault(component); !fault.empty()) return fault;
  return options_fault(component);
}

bool is_known_role(std::uint32_t role) noexcept {
  return role == CAIRN_BACKEND || role == CAIRN_PROXY;
}

}  // namespace

std::string find_contract_fault(const cairn_plugin& plugin, const PluginNote& note) {
  if (!CAIRN_HAS(&plugin, component_count)) return "its plugin table has a wrong size";
  if (plugin.abi_major != CAIRN_ABI_MAJOR) {
    return fmt::format("its table is of cairn ABI {}, its note says {}", plugin.abi_major,
                       note.abi_major);
  }
  if (!is_text(plugin.id) || plugin.id != note.id) {
    return fmt::format("its table says id \"{}\", its note \"{}\"", plugin.id ? plugin.id : "",
                       note.id);
  }
  if (!is_text(plugin.version) || plugin.version != note.version) {
    return fmt::format("its table says version \"{}\", its note \"{}\"",
                       plugin.version ? plugin.version : "", note.version);
  }
  if (plugin.component_count == 0 || plugin.component_count > most_components ||
      plugin.components == nullptr) {
    return "it has no components";
  }
  std::vector<OfferedComponent> offered;
  for (std::size_t i = 0; i < plugin.component_count; ++i) {
    const cairn_component* component = plugin.components[i];
    if (component == nullptr || !CAIRN_HAS(component, after_fork)) {
      return fmt::format("component {} is missing or has a wrong size", i + 1);
    }
    if (!is_known_role(component->role)) continue;  // of a later minor; nobody here asks for it
    if (!is_text(component->name) || !is_component_name(component->name)) {
      return fmt::format("component {} has no name of lower-case letters, digits, `-` and `_`",
                         i + 1);
    }
    if (const std::string fault = component_fault(*component); !fault.empty()) {
      return fmt::format("component \"{}\" {}", component->name, fault);
    }
    OfferedComponent offer{static_cast<Role>(component->role), component->name};
    if (std::find(offered.begin(), offered.end(), offer) != offered.end()) {
      return fmt::format("component \"{}\" is there twice", component->name);
    }
    if (!note.offers(offer.role, offer.name)) {
      return fmt::format("{} \"{}\" is not in its note", to_string(offer.role), offer.name);
    }
    offered.push_back(std::move(offer));
  }
  for (const OfferedComponent& component : note.components) {
    if (std::find(offered.begin(), offered.end(), component) == offered.end()) {
      return fmt::format("its note offers {} \"{}\", its table does not", to_string(component.role),
                         component.name);
    }
  }
  return {};
}

}  // namespace cairn::hosting
