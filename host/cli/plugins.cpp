// `cairn plugins`: every plugin found, what it offers and takes; and for each file that is not
// used, why.

#include "commands.hpp"
#include "loading/plugin_catalog.hpp"
#include "services.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <vector>

namespace cairn::cli {

namespace {

using hosting::PluginCatalog;

struct Options {
  std::string name;  // only this component
};

std::string type_of(const cairn_option& option) {
  const std::string type = option.type;
  return type.starts_with("enum:") ? type.substr(5) : type;
}

// "1..19", "at least 1", or nothing.
std::string range_of(const cairn_option& option) {
  if (option.minimum != nullptr && option.maximum != nullptr) {
    return fmt::format("{} to {}", option.minimum, option.maximum);
  }
  if (option.minimum != nullptr) return fmt::format("at least {}", option.minimum);
  if (option.maximum != nullptr) return fmt::format("at most {}", option.maximum);
  return {};
}

void print_options(const cairn_component& component) {
  std::size_t width = 0;
  for (std::size_t i = 0; i < component.option_count; ++i) {
    width = std::max(width, std::string_view(cairn_option_at(&component, i)->name).size());
  }
  for (std::size_t i = 0; i < component.option_count; ++i) {
    const cairn_option& option = *cairn_option_at(&component, i);
    std::string facts = type_of(option);
    if (const std::string range = range_of(option); !range.empty()) facts += ", " + range;
    if ((option.flags & CAIRN_OPTION_REQUIRED) != 0) facts += ", required";
    if (option.default_value != nullptr) {
      facts += fmt::format(", default {}",
                           *option.default_value == '\0' ? "\"\"" : option.default_value);
    }
    if ((option.flags & CAIRN_OPTION_SECRET) != 0) facts += ", secret";
    print(fmt::format("    {:<{}}  {}\n", option.name, width,
                      option.help == nullptr ? "" : option.help));
    print(fmt::format("    {:<{}}  ({})\n", "", width, facts));
  }
}

Json options_json(const cairn_component& component) {
  Json list = Json::array();
  for (std::size_t i = 0; i < component.option_count; ++i) {
    const cairn_option& option = *cairn_option_at(&component, i);
    const auto text = [](const char* value) { return value == nullptr ? Json() : Json(value); };
    Json json;
    json["name"] = option.name;
    json["type"] = option.type;
    json["default"] = text(option.default_value);
    json["minimum"] = text(option.minimum);
    json["maximum"] = text(option.maximum);
    json["required"] = (option.flags & CAIRN_OPTION_REQUIRED) != 0;
    json["secret"] = (option.flags & CAIRN_OPTION_SECRET) != 0;
    json["help"] = text(option.help);
    list.push_back(std::move(json));
  }
  return list;
}

struct Described {
  const PluginCatalog::File* file;
  hosting::OfferedComponent offered;
  const cairn_component* component;  // null: could not be loaded
  std::string problem;
};

std::vector<Described> described(const PluginCatalog& catalog, const Options& options) {
  std::vector<Described> result;
  for (const PluginCatalog::File& file : catalog.files()) {
    if (!file.note || !file.skipped.empty()) continue;
    for (const hosting::OfferedComponent& offered : file.note->components) {
      if (!options.name.empty() && offered.name != options.name) continue;
      if (catalog.file_of(offered.role, offered.name) != &file) continue;  // shadowed
      Described one{&file, offered, nullptr, {}};
      try {
        one.component = &catalog.find(offered.role, offered.name);
      } catch (const Error& error) {
        one.problem = error.what();
      }
      result.push_back(std::move(one));
    }
  }
  return result;
}

void print_text(const PluginCatalog& catalog, const std::vector<Described>& components,
                bool everything) {
  for (const Described& one : components) {
    print(fmt::format("{} {}  {} {}, {}\n", hosting::to_string(one.offered.role), one.offered.name,
                      one.file->note->id, one.file->note->version, one.file->path.string()));
    if (one.component == nullptr) {
      print("  " + one.problem + "\n\n");
      continue;
    }
    print(fmt::format("  {}\n", one.component->help == nullptr ? "" : one.component->help));
    print_options(*one.component);
    print("\n");
  }
  if (!everything) return;
  for (const PluginCatalog::File& file : catalog.files()) {
    if (!file.skipped.empty()) print(fmt::format("skipped: {}\n", file.skipped));
    for (const PluginCatalog::Shadowed& shadowed : file.shadowed) {
      print(fmt::format("shadowed: {} {} of {}, by {}\n",
                        hosting::to_string(shadowed.component.role), shadowed.component.name,
                        file.path.string(), shadowed.by.string()));
    }
  }
  for (const PluginCatalog::Directory& directory : catalog.directories()) {
    print(fmt::format("searched: {} ({}){}\n", directory.searched.path.string(),
                      directory.searched.origin,
                      directory.problem.empty() ? "" : ": " + directory.problem));
  }
}

Json as_json(const PluginCatalog& catalog, const std::vector<Described>& components) {
  Json json;
  json["components"] = Json::array();
  for (const Described& one : components) {
    Json entry;
    entry["role"] = hosting::to_string(one.offered.role);
    entry["name"] = one.offered.name;
    entry["plugin"] = one.file->note->id;
    entry["version"] = one.file->note->version;
    entry["file"] = one.file->path.string();
    if (one.component == nullptr) {
      entry["problem"] = one.problem;
    } else {
      entry["help"] = one.component->help == nullptr ? "" : one.component->help;
      entry["options"] = options_json(*one.component);
    }
    json["components"].push_back(std::move(entry));
  }
  json["skipped"] = Json::array();
  json["shadowed"] = Json::array();
  for (const PluginCatalog::File& file : catalog.files()) {
    if (!file.skipped.empty()) {
      json["skipped"].push_back(
          Json::object({{"file", file.path.string()}, {"why", file.skipped}}));
    }
    for (const PluginCatalog::Shadowed& shadowed : file.shadowed) {
      json["shadowed"].push_back(
          Json::object({{"file", file.path.string()},
                        {"role", hosting::to_string(shadowed.component.role)},
                        {"name", shadowed.component.name},
                        {"by", shadowed.by.string()}}));
    }
  }
  json["searched"] = Json::array();
  for (const PluginCatalog::Directory& directory : catalog.directories()) {
    json["searched"].push_back(Json::object({{"path", directory.searched.path.string()},
                                             {"origin", directory.searched.origin},
                                             {"problem", directory.problem}}));
  }
  return json;
}

void run(Globals& globals, const Options& options) {
  std::vector<std::filesystem::path> configured;
  if (!globals.config_file.empty()) {
    for (const std::string& path : read_config(globals).plugin_path) {
      configured.push_back(std::filesystem::absolute(path));
    }
  }
  // Never destroyed: components refer to them for ever.
  const hosting::HostServices& services = hosting::HostServices::make(
      std::make_shared<SystemClock>(), host_options().log, LogLevel::warning);
  const PluginCatalog catalog(hosting::plugin_directories(configured), *services.table());
  const std::vector<Described> components = described(catalog, options);
  if (components.empty()) globals.exit = Exit::negative;
  if (globals.json) {
    print_json(as_json(catalog, components));
  } else {
    print_text(catalog, components, options.name.empty());
  }
}

}  // namespace

void add_plugins(CLI::App& app, Globals& globals) {
  CLI::App* command =
      app.add_subcommand("plugins", "List every plugin, what it offers and which options it takes");
  auto options = std::make_shared<Options>();
  command->add_option("NAME", options->name, "Only this backend or proxy")->type_name("");
  command
      ->add_option("-c,--config", globals.config_file,
                   "Also search the folders that this file names")
      ->envname("CAIRN_CONFIG")
      ->type_name("FILE");
  add_json_option(*command, globals);
  command->callback([&globals, options] { run(globals, *options); });
}

}  // namespace cairn::cli
