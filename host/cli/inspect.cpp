// `cairn inspect FILE.so`: what a plugin says about itself in its note. Nothing of it is run.

#include "commands.hpp"
#include "loading/plugin_note.hpp"

#include <fmt/format.h>

#include <memory>

namespace cairn::cli {

namespace {

void run(const Globals& globals, const std::string& file) {
  const hosting::PluginNote note = hosting::inspect_plugin(file);
  std::string unsupported;
  try {
    hosting::require_supported_abi(note, file);
  } catch (const Error& error) {
    unsupported = error.what();
  }
  if (globals.json) {
    Json json;
    json["file"] = file;
    json["id"] = note.id;
    json["version"] = note.version;
    json["abi"] = fmt::format("{}.{}", note.abi_major, note.abi_minor);
    json["usable"] = unsupported.empty();
    json["components"] = Json::array();
    for (const hosting::OfferedComponent& offered : note.components) {
      Json component;
      component["role"] = hosting::to_string(offered.role);
      component["name"] = offered.name;
      json["components"].push_back(std::move(component));
    }
    print_json(json);
    return;
  }
  print(fmt::format("{} {}\nABI {}.{}\n", note.id, note.version, note.abi_major, note.abi_minor));
  for (const hosting::OfferedComponent& offered : note.components) {
    print(fmt::format("{} {}\n", hosting::to_string(offered.role), offered.name));
  }
  if (!unsupported.empty()) print(unsupported + "\n");
}

}  // namespace

void add_inspect(CLI::App& app, Globals& globals) {
  CLI::App* command =
      app.add_subcommand("inspect", "Read what a plugin says about itself; runs nothing of it");
  auto file = std::make_shared<std::string>();
  command->add_option("FILE", *file, "A plugin")->required()->type_name("");
  add_json_option(*command, globals);
  command->callback([&globals, file] { run(globals, *file); });
}

}  // namespace cairn::cli
