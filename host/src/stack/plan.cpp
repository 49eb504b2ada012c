#include "plan.hpp"

#include "config/config_limits.hpp"
#include "config/option_values.hpp"
#include "config/units.hpp"

#include <cairn/detail/passing_by.hpp>

#include <algorithm>
#include <set>

namespace cairn::hosting {

namespace {

void add(Findings& findings, Finding::Severity severity, const Origin& origin, std::string message,
         std::string remedy) {
  findings.push_back({severity, origin, std::move(message), std::move(remedy)});
}

// Why a catalog does not find a component.
struct NotFound {
  std::string message;
  std::string where;  // what was skipped, and where it was looked for

  explicit NotFound(std::string_view text) {
    const std::size_t end = text.find('\n');
    message = text.substr(0, end);
    if (end == std::string_view::npos) return;
    for (const char c : text.substr(end + 1)) {
      if (c == '\n') {
        where += "; ";
      } else if (c != ' ' || (!where.empty() && where.back() != ' ')) {
        where += c;
      }
    }
  }
};

const cairn_component* find(const PluginCatalog& catalog, Role role, const ComponentConfig& config,
                            Findings& findings) {
  try {
    return &catalog.find(role, config.plugin);
  } catch (const Error& error) {
    NotFound why(error.what());
    add(findings, Finding::Severity::error, config.origin, std::move(why.message),
        std::move(why.where));
    return nullptr;
  }
}

// Of a name that is neither a [backend.NAME] nor a plugin that was found.
Finding no_such_backend(const RegionConfig& region, const Config& config, const std::string& name,
                        const PluginCatalog& catalog, const std::vector<std::string>& plugins) {
  Finding finding = unknown_backend(region, config, plugins);
  if (finding.remedy.starts_with("did you mean")) return finding;
  // Then a plugin is meant that was skipped, or is elsewhere.
  const NotFound why(catalog.explain_missing(Role::backend, name));
  finding.remedy += (finding.remedy.empty() ? "" : "; ") + why.where;
  return finding;
}

bool offers_locks(const cairn_component& component) {
  return component.ops->lock != nullptr && component.ops->unlock != nullptr;
}

std::vector<std::string> names_of_backends(const PluginCatalog& catalog) {
  std::vector<std::string> names;
  for (const PluginCatalog::File& file : catalog.files()) {
    if (!file.note || !file.skipped.empty()) continue;
    for (const OfferedComponent& offered : file.note->components) {
      if (offered.role == Role::backend) names.push_back(offered.name);
    }
  }
  return names;
}

// The store that a region names or describes.
std::optional<StorePlan> plan_store(const RegionConfig& region, const Config& config,
                                    const PluginCatalog& catalog, Findings& findings) {
  StorePlan plan;
  if (const auto* name = std::get_if<std::string>(&region.backend)) {
    if (const BackendConfig* named = config.find_backend(*name)) {
      plan.config = *named;
    } else if (catalog.file_of(Role::backend, *name) != nullptr) {
      plan.config.component.plugin = *name;
      plan.config.component.origin = region.backend_origin;
      plan.config.origin = region.backend_origin;
    } else if (catalog.file_of(Role::proxy, *name) != nullptr) {
      add(findings, Finding::Severity::error, region.backend_origin,
          "`" + *name + "` is a proxy, and cannot be the backend of a region",
          "list it in `wrap`, and name a backend here, such as \"memory\"");
      return std::nullopt;
    } else {
      findings.push_back(
          no_such_backend(region, config, *name, catalog, names_of_backends(catalog)));
      return std::nullopt;
    }
  } else {
    plan.config = std::get<BackendConfig>(region.backend);
  }
  plan.component = find(catalog, Role::backend, plan.config.component, findings);
  if (plan.component == nullptr) return std::nullopt;
  Findings found;
  plan.options = option_values(plan.config.component, *plan.component, config.base_folder, found);
  if (plan.config.distributed_lock && !offers_locks(*plan.component)) {
    add(found, Finding::Severity::error, plan.config.origin,
        std::string("`") + plan.component->name + "` has no locks that processes could share",
        "leave `distributed_lock` out: callers in this process exclude each other anyway");
  }
  const bool failed = has_errors(found);
  // A named backend is planned once per region that uses it, but its mistakes are told once.
  const auto already = [&](const Finding& a) {
    return std::any_of(findings.begin(), findings.end(), [&](const Finding& b) {
      return a.message == b.message && a.origin.line == b.origin.line &&
             a.origin.column == b.origin.column && a.origin.source == b.origin.source &&
             a.origin.line != 0;
    });
  };
  for (Finding& finding : found) {
    if (!already(finding)) findings.push_back(std::move(finding));
  }
  if (failed) return std::nullopt;
  return plan;
}

// A proxy through which nothing can be got, set or removed turns the cache off without a word. One
// that does so on purpose overrides the operation and throws.
void check_operations(const RegionPlan& plan, Findings& findings) {
  for (const LayerPlan& layer : plan.layers) {
    auto [problem, remedy] =
        detail::missing_operations(*layer.component, plan.store.config.distributed_lock);
    if (problem.empty()) continue;
    add(findings, Finding::Severity::error, layer.config->origin, std::move(problem),
        std::move(remedy));
  }
}

// A store that forgets a value before it is stale leaves nothing to serve while the new one is made.
void warn_of_short_ttl(const RegionPlan& plan, Findings& findings) {
  const RegionPolicy& policy = plan.config->policy;
  if (!policy.expiration_time) return;
  std::int64_t ttl = policy.ttl ? policy.ttl->count() : 0;
  if (ttl == 0) {
    const Node option = plan.store.options.root().find("ttl");
    if (option && option.type() == Node::integer) ttl = option.int_value();
  }
  if (ttl <= 0 || ttl >= policy.expiration_time->count()) return;
  add(findings, Finding::Severity::warning, plan.config->origin,
      "the store forgets values of region `" + plan.config->name + "` after " +
          format_duration(std::chrono::nanoseconds(ttl)) + ", before they expire after " +
          format_duration(*policy.expiration_time) +
          ", so that callers wait where they could have been served the old value",
      "make the ttl longer than `expiration_time` plus the time that a creation takes");
}

// What is done to keys before the store sees them, as text that is equal for equal treatment.
std::string key_treatment(const RegionPlan& plan) {
  std::string text = std::to_string(static_cast<int>(plan.config->policy.key_mangler.kind));
  for (const LayerPlan& layer : plan.layers) {
    if ((layer.component->transforms & CAIRN_TRANSFORMS_KEY) == 0) continue;
    text += std::string("|") + layer.component->name;
    const Node options = layer.options.root();
    for (std::size_t i = 0; i < options.size(); ++i) {
      text += "," + std::string(options.key_at(i).text()) + "=";
      const Node value = options.value_at(i);
      if (value.type() == Node::text_string) text += value.text();
      if (value.type() == Node::integer) text += std::to_string(value.int_value());
    }
  }
  return text;
}

void warn_of_shared_keys(const std::vector<RegionPlan>& plans, Findings& findings) {
  for (std::size_t i = 0; i < plans.size(); ++i) {
    for (std::size_t k = 0; k < i; ++k) {
      const std::string& store = plans[i].store.config.name;
      if (store.empty() || store != plans[k].store.config.name ||
          key_treatment(plans[i]) != key_treatment(plans[k])) {
        continue;
      }
      add(findings, Finding::Severity::warning, plans[i].config->origin,
          "regions `" + plans[k].config->name + "` and `" + plans[i].config->name +
              "` use the same keys of backend `" + store + "`: they overwrite each other's entries",
          "give each a `prefix` of its own in `wrap`");
    }
  }
}

}  // namespace

std::optional<RegionPlan> plan_region(const RegionConfig& region, const Config& config,
                                      const PluginCatalog& catalog, Findings& findings) {
  RegionPlan plan;
  plan.config = &region;
  Findings found;
  check_limits(region, found);
  std::optional<StorePlan> store = plan_store(region, config, catalog, findings);
  bool complete = store.has_value();
  std::vector<const cairn_component*> proxies;
  for (const ComponentConfig& layer : region.wrap) {
    const cairn_component* component = find(catalog, Role::proxy, layer, found);
    if (component == nullptr) {
      complete = false;
      continue;
    }
    Document options = option_values(layer, *component, config.base_folder, found);
    proxies.push_back(component);
    plan.layers.push_back({&layer, component, std::move(options)});
  }
  if (complete) {
    plan.store = std::move(*store);
    check_kinds(region, proxies, *plan.store.component, found);
    check_operations(plan, found);
    warn_of_short_ttl(plan, found);
  }
  const bool failed = has_errors(found);
  findings.insert(findings.end(), std::make_move_iterator(found.begin()),
                  std::make_move_iterator(found.end()));
  if (!complete || failed) return std::nullopt;
  return plan;
}

std::vector<RegionPlan> plan_regions(const Config& config, const PluginCatalog& catalog,
                                     Findings& findings) {
  check_limits(config, findings);
  std::vector<RegionPlan> plans;
  std::set<std::string> used;
  for (const RegionConfig& region : config.regions) {
    if (const auto* name = std::get_if<std::string>(&region.backend)) used.insert(*name);
    if (auto plan = plan_region(region, config, catalog, findings))
      plans.push_back(std::move(*plan));
  }
  for (const BackendConfig& backend : config.backends) {
    if (used.count(backend.name) != 0) continue;
    if (const auto* component = find(catalog, Role::backend, backend.component, findings)) {
      option_values(backend.component, *component, config.base_folder, findings);
    }
  }
  warn_of_shared_keys(plans, findings);
  return plans;
}

}  // namespace cairn::hosting
