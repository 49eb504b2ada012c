#include "config_limits.hpp"

#include "diagnostics.hpp"

#include <algorithm>
#include <filesystem>
#include <set>
#include <utility>

namespace cairn::hosting {

namespace {

using Duration = RegionPolicy::Duration;

// One region's or backend's, with its name in front.
class Limits {
 public:
  Limits(std::string_view kind, std::string_view name, const Origin& origin, Findings& findings)
      : who_(std::string(kind) + ' ' + backquoted(name) + ": "),
        origin_(origin),
        findings_(findings) {}

  void wrong(const std::string& problem, std::string remedy = {}) {
    add_error(findings_, origin_, who_ + problem, std::move(remedy));
  }
  void name(std::string_view name) {
    if (std::string problem = problem_of_name(name); !problem.empty()) wrong(problem);
  }
  void not_negative(std::string_view key, const std::optional<Duration>& duration,
                    std::string remedy = {}) {
    if (duration && *duration < Duration::zero()) {
      wrong(backquoted(key) + " cannot be negative", std::move(remedy));
    }
  }

 private:
  const std::string who_;
  const Origin& origin_;
  Findings& findings_;
};

void check_backend(const BackendConfig& backend, std::string_view kind, std::string_view name,
                   Findings& findings) {
  Limits(kind, name, backend.origin, findings)
      .not_negative("lock_timeout", backend.lock_timeout,
                    "0 holds locks until they are given back");
}

template <class Named>
void check_names(const std::vector<Named>& all, std::string_view kind, Findings& findings) {
  std::set<std::string_view> seen;
  for (const Named& one : all) {
    Limits limits(kind, one.name, one.origin, findings);
    limits.name(one.name);
    if (!seen.insert(one.name).second) limits.wrong("the name is there twice");
  }
}

}  // namespace

std::string problem_of_name(std::string_view name) {
  if (name.empty()) return "a name cannot be empty";
  const auto is_control = [](unsigned char c) { return c < 0x20 || c == 0x7f; };
  // It stands in log lines, in drawings and in what monitoring reads.
  if (std::any_of(name.begin(), name.end(), is_control)) {
    return "a name cannot contain control characters";
  }
  return {};
}

std::optional<NotAFolder> problem_of_plugin_folder(const std::string& path) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error)) return std::nullopt;
  std::string folder = std::filesystem::path(path).parent_path().string();
  if (folder.empty()) folder = ".";
  return NotAFolder{"lists folders, and " + backquoted(path) + " is a file", did_you_mean(folder),
                    folder};
}

void check_limits(const Config& config, Findings& findings) {
  check_names(config.backends, "backend", findings);
  check_names(config.regions, "region", findings);
  for (const BackendConfig& backend : config.backends) {
    check_backend(backend, "backend", backend.name, findings);
  }
  for (const std::string& path : config.plugin_path) {
    if (path.empty() || path.find('\0') != std::string::npos) {
      add_error(findings, {}, "plugin_path: " + backquoted(path) + " cannot be a folder");
    } else if (const auto wrong = problem_of_plugin_folder(path)) {
      add_error(findings, {}, "`plugin_path` " + wrong->problem, wrong->remedy);
    }
  }
  const auto [threads, queue, on_shutdown] = config.background;
  if (threads < 1 || threads > most_threads) {
    add_error(findings, {},
              "background: `threads` must be from 1 to " + std::to_string(most_threads) +
                  ", and is " + std::to_string(threads));
  }
  if (queue < 0 || queue > longest_queue) {
    add_error(findings, {},
              "background: `queue` must be from 0 to " + std::to_string(longest_queue) +
                  ", and is " + std::to_string(queue));
  }
}

void check_limits(const RegionConfig& region, Findings& findings) {
  const RegionPolicy& policy = region.policy;
  Limits limits("region", region.name, region.origin, findings);
  limits.not_negative("expiration_time", policy.expiration_time,
                      "leave it out if values never expire");
  limits.not_negative("ttl", policy.ttl);
  limits.not_negative("stale_on_error", policy.stale_on_error);
  limits.not_negative("negative_ttl", policy.negative_ttl);
  limits.not_negative("lock_wait", policy.lock_wait, "leave it out to wait as long as it takes");
  limits.not_negative("invalidation_delay", policy.invalidation_delay);
  // Not a number is outside as well.
  if (!(policy.jitter >= 0 && policy.jitter <= 1)) {
    limits.wrong("`jitter` must be a part, from 0 to 1");
  }
  if (policy.refresh_at && !(*policy.refresh_at > 0 && *policy.refresh_at < 1)) {
    limits.wrong("`refresh_at` must be a part, between 0 and 1");
  }
  if (policy.value_version < 1) limits.wrong("`value_version` must be at least 1");
  if (const auto* own = std::get_if<BackendConfig>(&region.backend)) {
    check_backend(*own, "region", region.name, findings);
  }
}

}  // namespace cairn::hosting
