#include "config_interpolation.hpp"

#include "diagnostics.hpp"

#include <cstdlib>
#include <optional>

namespace cairn::hosting {

namespace {

constexpr std::string_view letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_";
constexpr std::string_view name_characters =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789";
constexpr const char* forms =
    "write ${NAME}, ${NAME:-default} or ${NAME:?message}, and $$ for a dollar sign";

class Interpolation {
 public:
  Interpolation(const Origin& origin, Findings& findings) : origin_(origin), findings_(findings) {}

  // Nothing if something was wrong.
  std::optional<std::string> run(std::string_view text) {
    std::string result;
    while (true) {
      const std::size_t dollar = text.find('$');
      result += text.substr(0, dollar);
      if (dollar == std::string_view::npos) return result;
      text.remove_prefix(dollar + 1);
      if (text.starts_with('$')) {
        result += '$';
        text.remove_prefix(1);
        continue;
      }
      const std::size_t end = text.find('}');
      if (!text.starts_with('{') || end == std::string_view::npos) {
        return failed(text.starts_with('{') ? "`${` without `}`" : "`$` without `{NAME}`", forms);
      }
      const auto value = expand(text.substr(1, end - 1));
      if (!value) return std::nullopt;
      result += *value;
      text.remove_prefix(end + 1);
    }
  }

 private:
  // `inside`: what stands between the braces.
  std::optional<std::string> expand(std::string_view inside) {
    const std::size_t length = std::min(inside.find_first_not_of(name_characters), inside.size());
    const std::string name(inside.substr(0, length));
    const std::string_view rest = inside.substr(length);
    if (name.empty() || letters.find(name[0]) == std::string_view::npos) {
      return failed("`${" + std::string(inside) + "}` does not begin with a name", forms);
    }
    if (!rest.empty() && !rest.starts_with(":-") && !rest.starts_with(":?")) {
      return failed("`${" + std::string(inside) + "}` is not understood", forms);
    }
    const char* value = std::getenv(name.c_str());
    if (rest.empty()) {
      if (value != nullptr) return value;
      return failed("the environment variable " + backquoted(name) + " is not set",
                    "set it, or give a default: ${" + name + ":-default}");
    }
    if (value != nullptr && *value != '\0') return value;
    const std::string_view argument = rest.substr(2);
    if (rest.starts_with(":-")) return std::string(argument);
    return failed("the environment variable " + backquoted(name) + " is not set" +
                      (argument.empty() ? std::string() : ": " + std::string(argument)),
                  "set it");
  }

  std::nullopt_t failed(std::string message, std::string remedy) {
    add_error(findings_, origin_, std::move(message), std::move(remedy));
    return std::nullopt;
  }

  const Origin& origin_;
  Findings& findings_;
};

ConfigValue with_variables(const ConfigValue& value, Findings& findings) {
  if (const auto* table = value.as_table()) {
    return ConfigValue(hosting::interpolated(*table, findings)).at(value.origin());
  }
  if (const auto* list = value.as_list()) {
    ConfigValue::List items;
    for (const ConfigValue& item : *list) items.push_back(with_variables(item, findings));
    return ConfigValue(std::move(items)).at(value.origin());
  }
  const auto* text = value.as_text();
  if (text == nullptr || text->find('$') == std::string::npos) return value;
  auto result = Interpolation(value.origin(), findings).run(*text);
  if (!result) return value;  // the error is noted; what is wrong besides is still looked for
  return ConfigValue(std::move(*result)).at(value.origin()).mark_interpolated();
}

}  // namespace

ConfigTable interpolated(const ConfigTable& table, Findings& findings) {
  std::vector<ConfigEntry> entries;
  for (const ConfigEntry& entry : table) {
    entries.push_back({entry.key, with_variables(entry.value, findings), entry.origin});
  }
  return ConfigTable(std::move(entries));
}

}  // namespace cairn::hosting
