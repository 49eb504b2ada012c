#include "plan.hpp"

#include "config/config_limits.hpp"
#include "config/option_values.hpp"
#include "config/units.hpp"

#include <cairn/detail/passing_by.hpp>

#include <algorithm>
#include <functional>
#include <iterator>
#include <map>

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

// A store that is asked for, as far as there is one: `component` is null if no plugin offers it.
struct Candidate {
  StorePlan plan;
  bool good = false;
};
using Candidates = std::map<std::string, Candidate, std::less<>>;

Candidate plan_store(const BackendConfig& config, const std::string& base_folder,
                     const PluginCatalog& catalog, Findings& findings) {
  Candidate store;
  store.plan.config = config;
  store.plan.component = find(catalog, Role::backend, config.component, findings);
  if (store.plan.component == nullptr) return store;
  Findings found;
  store.plan.options = option_values(config.component, *store.plan.component, base_folder, found);
  if (config.distributed_lock && !offers_locks(*store.plan.component)) {
    add(found, Finding::Severity::error, config.origin,
        std::string("`") + store.plan.component->name + "` has no locks that processes could share",
        "leave `distributed_lock` out: callers in this process exclude each other anyway");
  }
  store.good = !has_errors(found);
  findings.insert(findings.end(), std::make_move_iterator(found.begin()),
                  std::make_move_iterator(found.end()));
  return store;
}

// What a region says of its store, unless it names a [backend.NAME].
std::optional<BackendConfig> own_store(const RegionConfig& region, const Config& config,
                                       const PluginCatalog& catalog, Findings& findings) {
  if (const auto* own = std::get_if<BackendConfig>(&region.backend)) return *own;
  const auto& name = std::get<std::string>(region.backend);
  if (name.empty() && has_errors(config.warnings)) return std::nullopt;  // told when it was read
  if (catalog.file_of(Role::backend, name) != nullptr) {
    BackendConfig store;
    store.component.plugin = name;
    store.component.origin = store.origin = region.backend_origin;
    return store;
  }
  if (catalog.file_of(Role::proxy, name) != nullptr) {
    add(findings, Finding::Severity::error, region.backend_origin,
        "`" + name + "` is a proxy, and cannot be the backend of a region",
        "list it in `wrap`, and name a backend here, such as \"memory\"");
  } else {
    findings.push_back(no_such_backend(region, config, name, catalog, names_of_backends(catalog)));
  }
  return std::nullopt;
}

// A proxy through which nothing can be got, set or removed turns the cache off without a word. One
// that does so on purpose overrides the operation and throws.
void check_operations(const RegionPlan& plan, Findings& findings) {
  const StorePlan& store = plan.store;
  const bool locks = store.config.distributed_lock && offers_locks(*store.component);
  for (const LayerPlan& layer : plan.layers) {
    auto [problem, remedy] = detail::missing_operations(*layer.component, locks);
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

std::optional<RegionPlan> plan_on(Candidate store, const RegionConfig& region, const Config& config,
                                  const PluginCatalog& catalog, Findings& findings) {
  RegionPlan plan;
  plan.config = &region;
  Findings found;
  check_limits(region, found);
  bool complete = store.plan.component != nullptr;
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
    plan.store = std::move(store.plan);
    check_kinds(region, proxies, *plan.store.component, found);
    check_operations(plan, found);
    if (store.good) warn_of_short_ttl(plan, found);
  }
  const bool good = complete && store.good && !has_errors(found);
  findings.insert(findings.end(), std::make_move_iterator(found.begin()),
                  std::make_move_iterator(found.end()));
  if (!good) return std::nullopt;
  return plan;
}

// `named`: the candidates for [backend.NAME] that are known already.
std::optional<RegionPlan> plan_with(const Candidates& named, const RegionConfig& region,
                                    const Config& config, const PluginCatalog& catalog,
                                    Findings& findings) {
  Candidate store;
  const auto* name = std::get_if<std::string>(&region.backend);
  const auto known = name != nullptr ? named.find(*name) : named.end();
  if (known != named.end()) {
    store = known->second;
  } else if (const auto own = own_store(region, config, catalog, findings)) {
    store = plan_store(*own, config.base_folder, catalog, findings);
  }
  return plan_on(std::move(store), region, config, catalog, findings);
}

}  // namespace

std::optional<RegionPlan> plan_region(const RegionConfig& region, const Config& config,
                                      const PluginCatalog& catalog, Findings& findings) {
  Candidates named;
  if (const auto* name = std::get_if<std::string>(&region.backend)) {
    if (const BackendConfig* backend = config.find_backend(*name)) {
      named.emplace(*name, plan_store(*backend, config.base_folder, catalog, findings));
    }
  }
  return plan_with(named, region, config, catalog, findings);
}

std::vector<RegionPlan> plan_regions(const Config& config, const PluginCatalog& catalog,
                                     Findings& findings) {
  check_limits(config, findings);
  Candidates named;
  for (const BackendConfig& backend : config.backends) {
    named.try_emplace(backend.name, plan_store(backend, config.base_folder, catalog, findings));
  }
  std::vector<RegionPlan> plans;
  for (const RegionConfig& region : config.regions) {
    if (auto plan = plan_with(named, region, config, catalog, findings)) {
      plans.push_back(std::move(*plan));
    }
  }
  warn_of_shared_keys(plans, findings);
  return plans;
}

}  // namespace cairn::hosting
