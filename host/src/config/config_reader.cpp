// From a text to a Config: the top level of a configuration file.
#include "config_reader.hpp"

#include "config_file.hpp"
#include "config_interpolation.hpp"
#include "config_limits.hpp"
#include "config_region.hpp"
#include "config_scalars.hpp"
#include "diagnostics.hpp"
#include "nearest_name.hpp"

#include <cairn/host/config.hpp>

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <set>
#include <tuple>

namespace cairn {

namespace {

using namespace hosting;

constexpr std::size_t largest_file = std::size_t{1} << 20;

class ConfigReader {
 public:
  explicit ConfigReader(std::string base_folder) { config_.base_folder = std::move(base_folder); }

  ReadConfig run(const std::shared_ptr<const ConfigSource>& source) {
    if (const auto written = parse_toml(source, findings_)) {
      const ConfigTable document = interpolated(*written, findings_);
      const std::size_t causes = findings_.size();
      read_top_level(document);
      check_names();
      drop_consequences(findings_, causes);
      if (has_errors(findings_)) forget_stores_told_wrong();
    }
    put_in_order(findings_);
    return {std::move(config_), std::move(findings_)};
  }

 private:
  struct Section {
    std::string_view name;
    void (ConfigReader::*read)(const ConfigTable&);
  };

  void read_top_level(const ConfigTable& document) {
    static constexpr std::array sections{
        Section{"plugins", &ConfigReader::read_plugins},
        Section{"background", &ConfigReader::read_background},
        Section{"backend", &ConfigReader::read_backends},
        Section{"region", &ConfigReader::read_regions},
    };
    std::vector<std::string_view> names;
    for (const Section& section : sections) names.push_back(section.name);
    for (const ConfigEntry& entry : document) {
      const auto section = std::find(names.begin(), names.end(), entry.key) - names.begin();
      if (section == std::ssize(names)) {
        unknown_key(entry, "at the top level", names);
      } else if (const auto* table = table_of(entry, '[' + entry.key + ']')) {
        (this->*sections[static_cast<std::size_t>(section)].read)(*table);
      }
    }
  }

  void read_plugins(const ConfigTable& keys) {
    static const std::vector<std::string_view> known{"path"};
    for (const ConfigEntry& entry : keys) {
      if (entry.key != "path") {
        unknown_key(entry, "in [plugins]", known);
        continue;
      }
      const auto folders = read_list(entry.value, {"path"}, findings_);
      if (!folders) continue;
      for (const ConfigValue& folder : *folders) {
        auto path = read_path(folder, {"path"}, config_.base_folder, findings_);
        if (!path) continue;
        if (const auto wrong = problem_of_plugin_folder(*path)) {
          add_error(findings_, folder.origin(), "`path` " + wrong->problem, wrong->remedy);
          path = wrong->meant;
        }
        config_.plugin_path.push_back(std::move(*path));
      }
    }
  }

  void read_background(const ConfigTable& keys) {
    static const std::vector<std::string_view> known{"threads", "queue", "on_shutdown"};
    for (const ConfigEntry& entry : keys) {
      BackgroundConfig& background = config_.background;
      if (entry.key == "threads") {
        read_count(entry, 1, most_threads, background.threads);
      } else if (entry.key == "queue") {
        read_count(entry, 0, longest_queue, background.queue);
      } else if (entry.key == "on_shutdown") {
        if (const auto index =
                read_choice(entry.value, {entry.key}, {"wait", "abandon"}, findings_)) {
          background.on_shutdown = static_cast<BackgroundConfig::OnShutdown>(*index);
        }
      } else {
        unknown_key(entry, "in [background]", known);
      }
    }
  }

  void read_backends(const ConfigTable& backends) {
    const bool nameless = has_no_name(backends, "backend", backend_keys());
    for (const ConfigEntry& entry : backends) {
      if (nameless && entry.value.as_table() == nullptr) continue;  // has been told
      const auto* keys = table_of(entry, "[backend." + entry.key + ']');
      if (keys == nullptr || !has_name(entry)) continue;
      if (auto backend = read_backend(entry.key, *keys, entry.origin, findings_)) {
        config_.backends.push_back(std::move(*backend));
      } else {
        unread_backends_.push_back(entry.key);
      }
    }
  }

  void read_regions(const ConfigTable& regions) {
    const bool nameless = has_no_name(regions, "region", region_keys());
    for (const ConfigEntry& entry : regions) {
      if (nameless && entry.value.as_table() == nullptr) continue;  // has been told
      const auto* keys = table_of(entry, "[region." + entry.key + ']');
      if (keys == nullptr || !has_name(entry)) continue;
      config_.regions.push_back(read_region(entry.key, *keys, entry.origin, findings_));
    }
  }

  // Whether what is below [backend] or [region] belongs below [backend.NAME] or [region.NAME].
  bool has_no_name(const ConfigTable& section, const std::string& name,
                   const std::vector<std::string_view>& known) {
    for (const ConfigEntry& entry : section) {
      if (entry.value.as_table() != nullptr ||
          std::find(known.begin(), known.end(), entry.key) == known.end()) {
        continue;
      }
      add_error(findings_, entry.origin,
                backquoted(entry.key) + " is a key of one " + name + ", which needs a name",
                "begin it with [" + name + ".NAME], where NAME is of your choice");
      return true;
    }
    return false;
  }

  void read_count(const ConfigEntry& entry, int least, int most, int& target) {
    const auto number = read_int(entry.value, {entry.key}, findings_);
    if (!number) return;
    if (*number < least || *number > most) {
      add_error(findings_, entry.value.origin(),
                backquoted(entry.key) + ": expected a number from " + std::to_string(least) +
                    " to " + std::to_string(most) + ", got " + std::to_string(*number));
      return;
    }
    target = static_cast<int>(*number);
  }

  const ConfigTable* table_of(const ConfigEntry& entry, const std::string& header) {
    const auto* table = entry.value.as_table();
    if (table == nullptr) {
      add_error(findings_, entry.origin,
                backquoted(entry.key) + ": expected a table, got " + described(entry.value, false),
                "begin it with " + header);
    }
    return table;
  }

  bool has_name(const ConfigEntry& entry) {
    std::string problem = problem_of_name(entry.key);
    if (problem.empty()) return true;
    add_error(findings_, entry.origin, std::move(problem));
    return false;
  }

  void unknown_key(const ConfigEntry& entry, const std::string& where,
                   const std::vector<std::string_view>& known) {
    std::string near = nearest_name(entry.key, known);
    add_error(findings_, entry.origin, "unknown key " + backquoted(entry.key) + ' ' + where,
              near.empty() ? "there can be " + enumerated(known) : did_you_mean(near));
  }

  // A region's `backend` is a plugin if it is not one of [backend.*]. Which plugins there are is
  // not known here; but what cannot be the name of one can be told.
  void check_names() {
    std::vector<std::string_view> names;
    for (const BackendConfig& backend : config_.backends) names.push_back(backend.name);
    for (const RegionConfig& region : config_.regions) {
      const auto* name = std::get_if<std::string>(&region.backend);
      if (name == nullptr || name->empty() || can_name_plugin(*name)) continue;
      if (config_.find_backend(*name) != nullptr || is_unread(*name)) continue;
      add_error(findings_, region.backend_origin, "there is no backend " + backquoted(*name),
                did_you_mean(nearest_name(*name, names)));
    }
  }
  bool is_unread(const std::string& backend) const {
    return std::find(unread_backends_.begin(), unread_backends_.end(), backend) !=
           unread_backends_.end();
  }
  // A region without a store can still be checked in all else.
  void forget_stores_told_wrong() {
    for (RegionConfig& region : config_.regions) {
      const auto* name = std::get_if<std::string>(&region.backend);
      if (name == nullptr || name->empty()) continue;
      if (is_unread(*name) || (!can_name_plugin(*name) && config_.find_backend(*name) == nullptr)) {
        region.backend = std::string();
      }
    }
  }
  static bool can_name_plugin(std::string_view name) {
    return name[0] >= 'a' && name[0] <= 'z' &&
           name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_-") ==
               std::string_view::npos;
  }

  Config config_;
  Findings findings_;
  std::vector<std::string> unread_backends_;  // names of those that had mistakes
};

[[noreturn]] void unreadable(const std::string& name, std::string problem, std::string remedy) {
  Findings findings;
  const Origin origin{std::make_shared<const ConfigSource>(ConfigSource{name, {}}), 0, 0};
  add_error(findings, origin, std::move(problem), std::move(remedy));
  throw ConfigError(std::move(findings));
}

[[noreturn]] void too_large(const std::string& name) {
  unreadable(name, "larger than 1 MiB", "is this the right file?");
}

std::string content_of(const std::string& name) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(name.c_str(), "rbe"),
                                                             &std::fclose);
  std::string text;
  if (file) {
    text.resize(largest_file + 1);
    text.resize(std::fread(text.data(), 1, text.size(), file.get()));
  }
  if (!file || std::ferror(file.get()) != 0) {
    const int error = errno;
    unreadable(name, std::string("cannot be read: ") + std::strerror(error),
               error == ENOENT ? "check the path" : "");
  }
  if (text.size() > largest_file) too_large(name);
  return text;
}

ReadConfig read(std::string text, std::string name, std::string base_folder) {
  if (text.size() > largest_file) too_large(name);
  return ConfigReader(std::move(base_folder))
      .run(std::make_shared<const ConfigSource>(ConfigSource{std::move(name), std::move(text)}));
}

// Not of two that were said in code, where there are no places.
bool at_same_place(const Finding& a, const Finding& b) {
  return a.origin.line != 0 && a.origin.line == b.origin.line &&
         a.origin.column == b.origin.column && a.origin.source == b.origin.source;
}

Config without_errors(ReadConfig read) {
  if (has_errors(read.findings)) throw ConfigError(std::move(read.findings));
  read.config.warnings = std::move(read.findings);
  return std::move(read.config);
}

}  // namespace

namespace hosting {

void put_in_order(Findings& findings) {
  std::vector<const ConfigSource*> sources{nullptr};
  for (const Finding& finding : findings) {
    const ConfigSource* source = finding.origin.source.get();
    if (std::find(sources.begin(), sources.end(), source) == sources.end()) {
      sources.push_back(source);
    }
  }
  const auto place = [&](const Finding& finding) {
    const auto source = std::find(sources.begin(), sources.end(), finding.origin.source.get());
    return std::tuple(source, finding.origin.line, finding.origin.column);
  };
  std::stable_sort(findings.begin(), findings.end(),
                   [&](const Finding& a, const Finding& b) { return place(a) < place(b); });
  Findings once;
  for (Finding& finding : findings) {
    bool told = false;
    for (auto other = once.rbegin(); other != once.rend() && !told; ++other) {
      if (!at_same_place(*other, finding)) break;
      told = other->message == finding.message;
    }
    if (!told) once.push_back(std::move(finding));
  }
  findings = std::move(once);
}

void drop_consequences(Findings& findings, std::size_t causes) {
  const auto place = [](const Finding& finding) {
    const Origin& origin = finding.origin;
    return std::tuple(origin.source.get(), origin.line, origin.column);
  };
  const auto first = findings.begin() + static_cast<std::ptrdiff_t>(causes);
  std::set<decltype(place(findings.front()))> wrong;
  for (auto cause = findings.begin(); cause != first; ++cause) {
    if (cause->severity == Finding::Severity::error && cause->origin.line != 0) {
      wrong.insert(place(*cause));
    }
  }
  findings.erase(std::remove_if(first, findings.end(),
                                [&](const Finding& f) { return wrong.count(place(f)) != 0; }),
                 findings.end());
}

ReadConfig read_config(const std::filesystem::path& path) {
  std::string name = path.string();
  std::string text = content_of(name);
  std::error_code error;
  const auto folder = std::filesystem::absolute(path, error).parent_path().lexically_normal();
  return read(std::move(text), std::move(name), error ? std::string() : folder.string());
}

}  // namespace hosting

Config Config::from_file(const std::filesystem::path& path) {
  return without_errors(read_config(path));
}

Config Config::from_text(std::string_view toml, std::string name) {
  return without_errors(read(std::string(toml), std::move(name), {}));
}

}  // namespace cairn
