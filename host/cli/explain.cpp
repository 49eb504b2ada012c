// `cairn explain [REGION]`: the stack under a region as a drawing, and which layers an operation
// meets.

#include "commands.hpp"
#include "config/redacted.hpp"
#include "config/units.hpp"
#include "json.hpp"
#include "stack/stack.hpp"
#include "survey.hpp"

#include <cairn/host/explain.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <vector>

namespace cairn::cli {

namespace {

using hosting::Layer;

// From the program down to the store.
std::vector<const Layer*> layers_of(const hosting::Stack& stack) {
  std::vector<const Layer*> layers;
  for (auto it = stack.layers().rbegin(); it != stack.layers().rend(); ++it)
    layers.push_back(it->get());
  const auto& store = stack.store().layers();
  for (auto it = store.rbegin(); it != store.rend(); ++it) layers.push_back(it->get());
  return layers;
}

constexpr int operations_shown = 10;  // without stats and extension, which no caller waits for

struct Path {
  std::string operation;
  std::vector<std::string> layers;  // that it meets; empty: nobody offers it
};

// Which layers do something when the region asks for operation `index`.
Path path_of(const std::vector<const Layer*>& layers, int index) {
  Path path{hosting::operation_name(index), {}};
  int operation = index;
  for (const Layer* layer : layers) {
    const bool is_batch = operation >= 3 && operation <= 5;
    if (((layer->table().provided >> operation) & 1u) == 0) {
      path.layers.clear();
      return path;
    }
    if (layer->provides(operation)) {
      path.layers.push_back(layer->label());
    } else if (is_batch && layer->provides(operation - 3)) {
      path.layers.push_back(layer->label() + " (key by key)");
      operation -= 3;
    }
  }
  return path;
}

std::vector<Path> paths_of(const std::vector<const Layer*>& layers) {
  std::vector<Path> paths;
  for (int i = 0; i < operations_shown; ++i) paths.push_back(path_of(layers, i));
  return paths;
}

// Operations that take the same way share a line.
std::string table_of(const std::vector<Path>& paths) {
  std::vector<Path> lines;
  for (const Path& path : paths) {
    const auto same = std::find_if(lines.begin(), lines.end(),
                                   [&](const Path& line) { return line.layers == path.layers; });
    if (same != lines.end()) {
      same->operation += ", " + path.operation;
    } else {
      lines.push_back(path);
    }
  }
  std::size_t width = 0;
  for (const Path& line : lines) width = std::max(width, line.operation.size());
  std::string text;
  for (const Path& line : lines) {
    text += fmt::format(
        "    {:<{}}  {}\n", line.operation, width,
        line.layers.empty() ? "not offered" : fmt::format("{}", fmt::join(line.layers, " > ")));
  }
  return text;
}

Json layer_json(const Layer& layer) {
  Json json;
  json["layer"] = layer.label();
  json["role"] = layer.component().role == CAIRN_BACKEND ? "backend" : "proxy";
  json["options"] = Json::object();
  for (std::size_t i = 0; i < layer.component().option_count; ++i) {
    const cairn_option& option = *cairn_option_at(&layer.component(), i);
    if (const Node value = layer.options().root().find(option.name)) {
      json["options"][option.name] = hosting::redacted(option, value);
    }
  }
  return json;
}

Json region_json(const Host& host, const std::string& name) {
  const RegionConfig& config = host.config_of(name);
  const auto stack = host.stack_of(name);
  const std::vector<const Layer*> layers = layers_of(*stack);
  std::vector<const cairn_component*> proxies;
  for (const Layer* layer : layers) proxies.push_back(&layer->component());
  const cairn_component& store = *proxies.back();
  proxies.pop_back();
  const auto kinds = hosting::kinds_between(proxies, store);

  Json json;
  json["region"] = name;
  json["expiration_time"] = config.policy.expiration_time
                                ? Json(hosting::format_duration(*config.policy.expiration_time))
                                : Json("never");
  json["backend"] = stack->store().config().name;
  json["distributed_lock"] = stack->store().config().distributed_lock;
  json["layers"] = Json::array();
  for (std::size_t i = 0; i < layers.size(); ++i) {
    Json layer = layer_json(*layers[i]);
    layer["takes"] =
        hosting::kind_names(i == 0 && config.bytes_only ? std::uint32_t{CAIRN_BYTES} : kinds[i]);
    json["layers"].push_back(std::move(layer));
  }
  json["operations"] = Json::object();
  for (const Path& path : paths_of(layers)) json["operations"][path.operation] = path.layers;
  return json;
}

struct Options {
  bool ascii = false;
  bool connect = false;
};

// The stores of these regions, as they are now.
Survey survey_of(const Config& config, const std::vector<std::string>& regions) {
  Config chosen = config;
  std::erase_if(chosen.regions, [&](const RegionConfig& region) {
    return std::find(regions.begin(), regions.end(), region.name) == regions.end();
  });
  return survey(chosen);
}

void run(const Globals& globals, const Options& options) {
  const Config config = read_config(globals);
  std::vector<std::string> names;
  if (globals.region.empty()) {
    for (const RegionConfig& region : config.regions) names.push_back(region.name);
  } else {
    names.push_back(chosen_region(config, globals));
  }
  const Host host(config, host_options());
  Findings warnings = host.warnings();
  std::vector<SurveyedStore> stores;
  if (options.connect) {
    Survey seen = survey_of(config, names);
    stores = std::move(seen.stores);
    warnings.insert(warnings.end(), seen.warnings.begin(), seen.warnings.end());
  }
  if (globals.json) {
    Json json;
    json["regions"] = Json::array();
    for (const std::string& name : names) json["regions"].push_back(region_json(host, name));
    json["warnings"] = Json::array();
    for (const Finding& warning : warnings) json["warnings"].push_back(warning.message);
    if (options.connect) {
      json["stores"] = Json::array();
      for (const SurveyedStore& store : stores) json["stores"].push_back(to_json(store));
    }
    print_json(json);
    return;
  }
  const Drawing style = !options.ascii && draws_unicode() ? Drawing::unicode : Drawing::ascii;
  bool first = true;
  for (const std::string& name : names) {
    if (!first) print("\n");
    first = false;
    print(explain(host, name, style));
    print("\n  which layers an operation meets\n" +
          table_of(paths_of(layers_of(*host.stack_of(name)))));
  }
  for (const SurveyedStore& store : stores) print("\n" + describe(store));
  if (!warnings.empty()) print("\n" + render(warnings));
}

}  // namespace

void add_explain(CLI::App& app, Globals& globals) {
  CLI::App* command = app.add_subcommand("explain", "Draw the stack under each region, or one");
  auto options = std::make_shared<Options>();
  add_config_option(*command, globals);
  command->add_option("REGION,-r,--region", globals.region, "Only this region")->type_name("");
  command->add_flag("--ascii", options->ascii, "Draw with ASCII characters");
  command->add_flag("--connect", options->connect, "Also what the stores say of themselves");
  add_json_option(*command, globals);
  command->callback([&globals, options] { run(globals, *options); });
}

}  // namespace cairn::cli
