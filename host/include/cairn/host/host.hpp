// A Host loads plugins, builds the stacks that a configuration asks for, and owns the regions on them.
//
//     cairn::Host host(cairn::Config::from_file("shop.toml"));
//     cairn::Region& users = host.region("users");
//
// Everything is loaded, connected and checked here: what is wrong with the configuration is one
// ConfigError that names all of it. Afterwards nothing throws because a store is down, but an invalidation
// that other processes are to obey.
//
// A program may have several hosts; plugins are loaded once per process and never unloaded. Hosts may be
// global: at exit every stack is closed before the plugins' own statics are destroyed, and whoever still
// calls a region then gets misses.
// In the child of a fork, regions go on working on stores that support it (memory starts empty, redis
// reconnects), and miss on those that do not.
//
// Threads: regions are looked up and used from any thread; everything else on one at a time.
// Lifetimes: a Host must outlive every call of its regions, and every background creator it runs.
#pragma once

#include <cairn/host/clock.hpp>
#include <cairn/host/config.hpp>
#include <cairn/host/log.hpp>
#include <cairn/host/region.hpp>
#include <cairn/host/statistics.hpp>

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace cairn {

namespace hosting {
class PluginCatalog;
class Stack;
}  // namespace hosting

struct HostOptions {
  /// Kept until the process ends, as plugins may ask for the time as long.
  std::shared_ptr<const Clock> clock = std::make_shared<SystemClock>();
  LogSink log = log_to_stderr;
  LogLevel log_level = LogLevel::warning;
};

class Host {
 public:
  /// Errors: ConfigError; Error of a plugin that could not be made.
  explicit Host(const Config& config, const HostOptions& options = {});
  Host(const Host&) = delete;
  Host& operator=(const Host&) = delete;
  /// Closes: background creators are waited for or abandoned, then the stacks are destroyed.
  ~Host();

  /// Errors: Error(config) that names the regions there are.
  Region& region(std::string_view name);
  bool has_region(std::string_view name) const noexcept;
  /// In the order of the configuration.
  std::vector<std::string> region_names() const;

  /// Gives a region another stack and policy while it is in use. Calls under way finish on the old ones;
  /// earlier invalidations keep their effect. A backend that `config` names must be one that this host
  /// knows; one written inside it is made anew. Errors: ConfigError, and nothing is changed.
  void replace(const RegionConfig& config);
  /// Puts one more layer round a region, outermost. Errors: as replace.
  void wrap(std::string_view region, const ComponentConfig& proxy);

  /// What a region was built from, and with which warnings.
  const RegionConfig& config_of(std::string_view region) const;
  const Findings& warnings() const noexcept;

  /// What the layers of a region's stack say of themselves, outermost first; those that say nothing are
  /// left out. A store that several regions share says the same to each. A store may be asked over the
  /// network: one that cannot be reached says nothing.
  std::vector<LayerStatistics> layer_statistics(std::string_view region) const;

  /// Every region's counters, and what is a number in its layers' statistics, in Prometheus' text format,
  /// for an endpoint of the program's.
  std::string prometheus() const;

  // ---- for tools ----

  const hosting::PluginCatalog& catalog() const noexcept;
  std::shared_ptr<const hosting::Stack> stack_of(std::string_view region) const;

  class Insides;

 private:
  std::unique_ptr<Insides> insides_;
};

/// Everything that is wrong with a configuration, without connecting to anything: plugins are loaded and
/// asked for their options, but nothing is made.
Findings check(const Config& config);
/// The same for a file, in its order: also what no Config can be made of. Errors: ConfigError if the
/// file itself cannot be read.
Findings check_file(const std::filesystem::path& path);

}  // namespace cairn
