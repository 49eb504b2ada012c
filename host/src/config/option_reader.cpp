#include "option_reader.hpp"

#include "config_scalars.hpp"
#include "diagnostics.hpp"

#include <string>
#include <utility>

namespace cairn::hosting {

namespace {

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

// The text of a value that is in range.
const char* any_value(const cairn_option& option) {
  if (option.minimum != nullptr) return option.minimum;
  if (option.maximum != nullptr) return option.maximum;
  return std::string_view(option.type) == "percent" ? "0%" : "0";
}

}  // namespace

std::vector<std::reference_wrapper<const cairn_option>> options_of(
    const cairn_component& component) {
  std::vector<std::reference_wrapper<const cairn_option>> options;
  for (std::size_t i = 0; i < component.option_count; ++i) {
    options.emplace_back(*cairn_option_at(&component, i));
  }
  return options;
}

bool is_required(const cairn_option& option) noexcept {
  return (option.flags & CAIRN_OPTION_REQUIRED) != 0;
}

bool is_secret(const cairn_option& option) noexcept {
  return (option.flags & CAIRN_OPTION_SECRET) != 0;
}

std::string_view items_of(std::string_view type) noexcept {
  constexpr std::string_view list = "list:";
  return type.starts_with(list) ? type.substr(list.size()) : std::string_view();
}

std::optional<ConfigValue> read_option(const cairn_option& option, const ConfigValue& value,
                                       std::string_view base_folder, Findings& findings) {
  return OptionReader(option, base_folder, findings).read(value);
}

std::optional<ConfigValue> default_of(const cairn_option& option, const Origin& origin,
                                      std::string_view base_folder, Findings& findings) {
  if (option.default_value == nullptr) return std::nullopt;
  return read_option(option, declared(option.default_value, origin), base_folder, findings);
}

std::vector<std::optional<ConfigValue>> stand_ins(const cairn_option& option,
                                                  std::string_view base_folder) {
  const std::string_view type = option.type;
  std::vector<std::optional<ConfigValue>> values;
  Findings ignored;  // a declaration that is wrong by itself is told elsewhere
  if (option.default_value != nullptr || !is_required(option)) {
    values.push_back(default_of(option, {}, base_folder, ignored));
  }
  if (type.starts_with("enum:")) {
    for (const std::string_view choice : choices_of(type)) values.emplace_back(choice);
  } else if (type == "bool") {
    for (const bool flag : {false, true}) values.emplace_back(flag);
  } else if (option.default_value != nullptr) {
    // Its author knows it to be good beside others.
  } else if (!items_of(type).empty()) {
    values.emplace_back(ConfigValue::List());
  } else {
    values.push_back(read_option(option, declared(any_value(option)), base_folder, ignored));
  }
  return values;
}

}  // namespace cairn::hosting
