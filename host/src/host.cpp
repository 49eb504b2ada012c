#include "config/config_reader.hpp"
#include "config/diagnostics.hpp"
#include "config/nearest_name.hpp"
#include "host_lifetime.hpp"
#include "loading/plugin_catalog.hpp"
#include "loading/plugin_paths.hpp"
#include "region/background.hpp"
#include "region/lease.hpp"
#include "region/prometheus.hpp"
#include "region/region_core.hpp"
#include "region/store_invalidation.hpp"
#include "services.hpp"
#include "stack/layer_statistics.hpp"
#include "stack/not_made.hpp"
#include "stack/plan.hpp"

#include <cairn/host/host.hpp>

#include <atomic>
#include <map>

namespace cairn {

using namespace hosting;

namespace {

std::vector<std::filesystem::path> configured_paths(const Config& config) {
  std::vector<std::filesystem::path> paths;
  for (const std::string& path : config.plugin_path) {
    // Others are refused with the rest of what is wrong.
    if (!path.empty()) paths.push_back(std::filesystem::absolute(path));
  }
  return paths;
}

std::string in_one_line(const Finding& finding) {
  std::string line = position(finding.origin) + ": " + finding.message;
  return finding.remedy.empty() ? line : line + "; " + finding.remedy;
}

// All that was found, in the order in which it is read.
void throw_errors(Findings& findings) {
  put_in_order(findings);
  if (has_errors(findings)) throw ConfigError(findings);
}

}  // namespace

class Host::Insides final : public Mortal {
 public:
  Insides(const Config& config, const HostOptions& options)
      : config_(config),
        lasting_{HostServices::make(options.clock, options.log, options.log_level)},
        catalog_(plugin_directories(configured_paths(config)), *services_.table()),
        background_(config.background.threads, config.background.queue,
                    config.background.on_shutdown == BackgroundConfig::OnShutdown::wait) {
    warnings_ = config.warnings;
    const std::vector<RegionPlan> plans = plan_regions(config_, catalog_, warnings_);
    throw_errors(warnings_);
    for (const RegionPlan& plan : plans) {
      auto core = std::make_shared<RegionCore>(plan.config->name,
                                               setup_of(*plan.config, stack_of(plan), nullptr),
                                               services_, background_, leases_);
      regions_.push_back({*plan.config, std::make_unique<Region>(core), core});
    }
    remember(*this);
    close_all_at_exit();  // after the plugins were loaded
    for (const Finding& warning : warnings_) {
      services_.log(LogLevel::info, "host", in_one_line(warning));
    }
  }
  ~Insides() {
    close();
    forget(*this);
  }

  struct Named {
    RegionConfig config;  // of replace() and those who run alone; the name for others is the core's
    std::unique_ptr<Region> region;
    std::shared_ptr<RegionCore> core;
  };

  Named& find(std::string_view name) {
    for (Named& named : regions_) {
      if (named.core->name() == name) return named;
    }
    throw Error(Errc::config, explain_missing(name));
  }
  bool has(std::string_view name) const noexcept {
    return std::any_of(regions_.begin(), regions_.end(),
                       [&](const Named& named) { return named.core->name() == name; });
  }
  const std::vector<Named>& regions() const noexcept { return regions_; }
  // For a host with static storage duration: its destructor is registered when its constructor is done,
  // hence after the handler that the constructor registered. This one comes later still, and so before.
  void watch_exit() {
    if (!watching_.exchange(true)) close_all_at_exit();
  }
  const PluginCatalog& catalog() const noexcept { return catalog_; }
  const Findings& warnings() const noexcept { return warnings_; }

  void replace(const RegionConfig& config) {
    Named& named = find(config.name);
    Findings findings;
    const auto plan = plan_region(config, config_, catalog_, findings);
    throw_errors(findings);
    auto stack = stack_of(*plan);
    named.core->replace([&](Setup& setup) { setup = setup_of(config, std::move(stack), &setup); });
    named.config = config;
    close_all_at_exit();  // the plan may have loaded another plugin
  }

  void close() noexcept override {
    background_.shut_down();
    for (Named& named : regions_) {
      try {
        named.core->close(std::chrono::seconds(1));
      } catch (...) {  // out of memory at the very end: then it stays open
      }
    }
    stores_.clear();
  }

  void after_fork() noexcept override {
    services_.after_fork();
    leases_->after_fork();
    background_.after_fork();
    for (Named& named : regions_) named.core->after_fork();
  }

 private:
  std::string explain_missing(std::string_view name) const {
    std::vector<std::string> names;
    std::string list;
    for (const Named& named : regions_) {
      names.push_back(named.core->name());
      list += (list.empty() ? "`" : ", `") + named.core->name() + "`";
    }
    std::string text = "there is no region `" + std::string(name) + "`; ";
    const char* const introduction = names.size() == 1 ? "there is " : "there are ";
    text += names.empty() ? "the configuration has none" : introduction + list;
    const std::string near = nearest_name(name, names);
    return near.empty() ? text : text + " (did you mean `" + near + "`?)";
  }

  // Stores with a name are made once.
  std::shared_ptr<const Store> store_of(const StorePlan& plan) {
    const std::string& name = plan.config.name;
    if (!name.empty()) {
      if (const auto it = stores_.find(name); it != stores_.end()) return it->second;
    }
    auto store = std::make_shared<const Store>(plan.config, *plan.component, plan.options,
                                               services_.table());
    if (!name.empty()) stores_.emplace(name, store);
    return store;
  }
  std::shared_ptr<const Stack> stack_of(const RegionPlan& plan) {
    try {
      return std::make_shared<const Stack>(store_of(plan.store), plan.layers, services_.table());
    } catch (const NotMade& error) {
      throw error.in_region(plan.config->name);
    }
  }

  // What was void stays void, wherever the times are kept from now on.
  std::shared_ptr<InvalidationStrategy> invalidation_of(const RegionPolicy& policy,
                                                        const std::shared_ptr<const Stack>& stack,
                                                        const Setup* before) {
    if (before != nullptr && before->own_invalidation) return before->invalidation;
    const bool in_store = policy.invalidation == InvalidationPlace::store;
    Time hard, soft;
    const auto take_from = [&](const auto* known) {
      if (known == nullptr) return;
      hard = known->last(Invalidation::hard);
      soft = known->last(Invalidation::soft);
    };
    if (before != nullptr) {
      if (!in_store && before->local_invalidation != nullptr) return before->invalidation;
      take_from(before->local_invalidation);
      take_from(dynamic_cast<const StoreInvalidation*>(before->invalidation.get()));
    }
    if (in_store) {
      return std::make_shared<StoreInvalidation>(
          stack, services_.clock(), policy.invalidation_delay, policy.value_version, hard, soft);
    }
    auto local = std::make_shared<LocalInvalidation>();
    local->invalidate(Invalidation::hard, hard);
    local->invalidate(Invalidation::soft, soft);
    return local;
  }

  // `before`: what the region was until now.
  Setup setup_of(const RegionConfig& config, std::shared_ptr<const Stack> stack,
                 const Setup* before) {
    Setup setup;
    setup.set_policy(config.policy);
    setup.top = &stack->table();
    setup.mangler = make_mangler(config.policy.key_mangler);
    if (before != nullptr) {
      setup.runner = before->runner;
      setup.own_mangler = before->own_mangler;
      if (before->own_mangler) setup.mangler = before->mangler;
      setup.own_invalidation = before->own_invalidation;
    }
    setup.invalidation = invalidation_of(config.policy, stack, before);
    setup.local_invalidation = dynamic_cast<const LocalInvalidation*>(setup.invalidation.get());
    const BackendConfig& backend = stack->store().config();
    setup.locks_in_store = backend.distributed_lock;
    setup.lease = backend.lock_timeout;
    setup.stack = std::move(stack);
    return setup;
  }

  // They outlive the host, but not its log: also if it could not be made.
  struct Lasting {
    HostServices& services;
    ~Lasting() { services.retire(); }
  };

  const Config config_;
  const Lasting lasting_;
  HostServices& services_ = lasting_.services;
  PluginCatalog catalog_;
  const std::shared_ptr<LeaseKeeper> leases_ = std::make_shared<LeaseKeeper>();
  Background background_;
  std::map<std::string, std::shared_ptr<const Store>> stores_;
  std::vector<Named> regions_;
  Findings warnings_;
  std::atomic<bool> watching_{false};
};

Host::Host(const Config& config, const HostOptions& options)
    : insides_(std::make_unique<Insides>(config, options)) {}

// A host with static storage duration ends while other threads may still call its regions: they find the
// stacks closed, but the regions must be there. The registry of hosts keeps pointing at them.
Host::~Host() {
  if (exiting()) static_cast<void>(insides_.release());
}

Region& Host::region(std::string_view name) {
  insides_->watch_exit();
  return *insides_->find(name).region;
}
bool Host::has_region(std::string_view name) const noexcept {
  return insides_->has(name);
}

std::vector<std::string> Host::region_names() const {
  std::vector<std::string> names;
  for (const auto& named : insides_->regions()) names.push_back(named.core->name());
  return names;
}

void Host::replace(const RegionConfig& config) {
  insides_->replace(config);
}

void Host::wrap(std::string_view region, const ComponentConfig& proxy) {
  RegionConfig config = insides_->find(region).config;
  config.wrap.insert(config.wrap.begin(), proxy);
  insides_->replace(config);
}

const RegionConfig& Host::config_of(std::string_view region) const {
  return insides_->find(region).config;
}
const Findings& Host::warnings() const noexcept {
  return insides_->warnings();
}

std::vector<LayerStatistics> Host::layer_statistics(std::string_view region) const {
  return statistics_of(*stack_of(region));
}

std::string Host::prometheus() const {
  PrometheusText text;
  for (const auto& named : insides_->regions()) {
    text.add(named.core->name(), named.core->statistics(), layer_statistics(named.core->name()));
  }
  return text.finish();
}

const PluginCatalog& Host::catalog() const noexcept {
  return insides_->catalog();
}
std::shared_ptr<const Stack> Host::stack_of(std::string_view region) const {
  return insides_->find(region).core->setup()->stack;
}

namespace {

// In the order in which they were found; those of reading first.
Findings all_findings(const Config& config) {
  // A catalog's components refer to the services for ever, so these are never destroyed.
  static HostServices& services =
      HostServices::make(std::make_shared<SystemClock>(), nullptr, LogLevel::error);
  Findings findings = config.warnings;
  const PluginCatalog catalog(plugin_directories(configured_paths(config)), *services.table());
  plan_regions(config, catalog, findings);
  return findings;
}

}  // namespace

Findings check(const Config& config) {
  Findings findings = all_findings(config);
  put_in_order(findings);
  return findings;
}

Findings check_file(const std::filesystem::path& path) {
  ReadConfig read = read_config(path);
  const std::size_t from_reading = read.findings.size();
  read.config.warnings = std::move(read.findings);
  Findings findings = all_findings(read.config);
  drop_consequences(findings, from_reading);
  put_in_order(findings);
  return findings;
}

}  // namespace cairn
