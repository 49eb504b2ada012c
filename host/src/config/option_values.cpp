#include "option_values.hpp"

#include "config_region.hpp"
#include "config_scalars.hpp"
#include "diagnostics.hpp"
#include "nearest_name.hpp"
#include "option_fit.hpp"
#include "option_reader.hpp"

#include <algorithm>
#include <functional>
#include <set>
#include <utility>
#include <vector>

namespace cairn::hosting {

namespace {

std::string_view role_of(const cairn_component& component) {
  return component.role == CAIRN_PROXY ? "proxy" : "backend";
}

// Returns the option that is probably meant by a name that none has; empty: all is well, or nobody knows.
std::string check_unknown(const ConfigEntry& entry, const ComponentConfig& config,
                          const cairn_component& component, Findings& findings) {
  std::vector<std::string_view> names;
  for (const cairn_option& option : options_of(component)) names.emplace_back(option.name);
  if (std::find(names.begin(), names.end(), entry.key) != names.end()) return {};

  std::string near = nearest_name(entry.key, names);
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
  return near;
}

// All in one finding: they would stand at one place.
void tell_missing(const ComponentConfig& config, const cairn_component& component,
                  Findings& findings) {
  std::vector<std::reference_wrapper<const cairn_option>> missing = options_of(component);
  std::erase_if(missing, [&](const cairn_option& option) {
    return !is_required(option) || option.default_value != nullptr ||
           config.options.find(option.name) != nullptr;
  });
  if (missing.empty()) return;
  const bool several = missing.size() > 1;
  std::vector<std::string_view> names;
  std::string remedy;
  for (const cairn_option& option : missing) {
    names.emplace_back(option.name);
    if (option.help == nullptr || *option.help == '\0') continue;
    remedy += several ? (remedy.empty() ? "" : " ") + backquoted(option.name) + ": " : "";
    remedy += option.help;
  }
  add_error(findings, config.origin,
            "the " + std::string(role_of(component)) + ' ' + backquoted(config.plugin) +
                " needs the option" + (several ? "s " : " ") + enumerated(names),
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

}  // namespace

Document option_values(const ComponentConfig& config, const cairn_component& component,
                       std::string_view base_folder, Findings& findings) {
  const std::size_t first = findings.size();
  std::vector<std::string> meant;  // by names that no option has
  for (const ConfigEntry& entry : config.options) {
    meant.push_back(check_unknown(entry, config, component, findings));
  }
  tell_missing(config, component, findings);
  OptionValues values;
  std::set<std::string_view> wrong;
  for (const cairn_option& option : options_of(component)) {
    const std::size_t found_before = findings.size();
    const ConfigValue* written = config.options.find(option.name);
    std::optional<ConfigValue> value =
        written != nullptr ? read_option(option, *written, base_folder, findings)
                           : default_of(option, config.origin, base_folder, findings);
    const bool misspelt = std::find(meant.begin(), meant.end(), option.name) != meant.end();
    if (misspelt || findings.size() != found_before || (!value && is_required(option))) {
      wrong.insert(option.name);
    }
    if (value) values.emplace_back(option.name, std::move(*value));
  }
  check_fit(config, component, values, wrong, base_folder, findings);
  hide_secrets(config, component, findings, first);
  return to_document(values);
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
