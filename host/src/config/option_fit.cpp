#include "option_fit.hpp"

#include "diagnostics.hpp"
#include "option_reader.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <string>

namespace cairn::hosting {

namespace {

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

class FitCheck {
 public:
  FitCheck(const ComponentConfig& config, const cairn_component& component, OptionValues values,
           std::string_view base_folder)
      : config_(config),
        component_(component),
        values_(std::move(values)),
        base_folder_(base_folder) {}

  void run(const std::set<std::string_view>& wrong, Findings& findings) {
    for (const cairn_option& option : options_of(component_)) {
      if (wrong.count(option.name) != 0) leave_out(option);
    }
    while (const auto refusal = ask(values_)) {
      const auto named = options_named(*refusal);
      if (may_follow_from_known(*refusal, named)) return;
      add_error(findings, origin_of_named(config_, *refusal), *refusal);
      bool asks_again = false;
      for (const cairn_option& option : named) {
        if (config_.options.find(option.name) == nullptr) continue;
        leave_out(option);
        asks_again = true;
      }
      if (!asks_again) return;
    }
  }

 private:
  using Named = std::vector<std::reference_wrapper<const cairn_option>>;

  // What the plugin has against these values, without its own name in front; nothing: they are good.
  std::optional<std::string> ask(const OptionValues& values) const {
    const Document document = to_document(values);
    cairn_call call{};
    call.size = sizeof call;
    if (component_.check(document.root().raw(), &call) == CAIRN_OK) return std::nullopt;
    std::string_view text = call.error != CAIRN_OK ? call.error_text : "refuses these options";
    const std::string layer = std::string(component_.name) + ": ";
    if (text.starts_with(layer)) text.remove_prefix(layer.size());
    return std::string(text);
  }

  Named options_named(std::string_view text) const {
    Named named = options_of(component_);
    std::erase_if(named, [&](const cairn_option& option) {
      return text.find(backquoted(option.name)) == std::string_view::npos;
    });
    return named;
  }

  // As if it had not been written.
  void leave_out(const cairn_option& option) {
    auto& values = left_out_[option.name] = stand_ins(option, base_folder_);
    put(values_, option.name, values.front());
  }

  static void put(OptionValues& values, std::string_view name,
                  const std::optional<ConfigValue>& value) {
    std::erase_if(values, [&](const auto& each) { return each.first == name; });
    if (value) values.emplace_back(name, *value);
  }

  // Whether the user would perhaps not read this if what he has been told already were right.
  bool may_follow_from_known(const std::string& refusal, const Named& named) const {
    if (left_out_.empty()) return false;
    if (named.empty()) return true;
    if (std::any_of(named.begin(), named.end(), [&](const cairn_option& option) {
          return left_out_.count(option.name) != 0;
        })) {
      return true;
    }
    for (const auto& [name, values] : left_out_) {
      for (const auto& value : values) {
        OptionValues otherwise = values_;
        put(otherwise, name, value);
        if (ask(otherwise) != refusal) return true;
      }
    }
    return false;
  }

  const ComponentConfig& config_;
  const cairn_component& component_;
  OptionValues values_;
  const std::string_view base_folder_;
  // What could stand there instead.
  std::map<std::string_view, std::vector<std::optional<ConfigValue>>> left_out_;
};

}  // namespace

Document to_document(const OptionValues& values) {
  return Document::build([&](Writer out) {
    auto map = out.map(values.size());
    for (const auto& [name, value] : values) write(map.key(name), value);
  });
}

void check_fit(const ComponentConfig& config, const cairn_component& component, OptionValues values,
               const std::set<std::string_view>& wrong, std::string_view base_folder,
               Findings& findings) {
  if (!CAIRN_HAS(&component, check) || component.check == nullptr) return;
  FitCheck(config, component, std::move(values), base_folder).run(wrong, findings);
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

}  // namespace cairn::hosting
