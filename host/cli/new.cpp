// cairn new backend|proxy NAME: a plugin project that builds and passes `cairn validate` at once.
//
// The projects are installed data: files whose @name@, @class@ and @id@ are replaced, in their
// names too.
#include "commands.hpp"
#include "loading/plugin_catalog.hpp"
#include "services.hpp"

#include <cairn/error.hpp>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#ifndef CAIRN_TEMPLATE_DIR
#error "the build says where templates are installed: -DCAIRN_TEMPLATE_DIR"
#endif

namespace cairn::cli {

namespace {

namespace fs = std::filesystem;

struct Choices {
  std::string role, name, kind, lang = "cpp";
  fs::path folder;
};

// What <cairn/plugin.hpp> declares, which the projects use by these names.
constexpr std::string_view names_of_the_sdk[] = {
    "Backend",         "ByteBuffer", "Bytes",     "Call",         "CircuitBreaker", "Context",
    "ConversionError", "Document",   "Entry",     "Errc",         "Error",          "Field",
    "FieldReader",     "Key",        "KeyBuffer", "KeyMapper",    "Keys",           "Kind",
    "Kinds",           "ListWriter", "MapWriter", "Next",         "Node",           "Option",
    "OptionalEntry",   "Options",    "Results",   "ProxyBackend", "Services",       "SetOptions",
    "Statuses",        "Threads",    "Time",      "Transforms",   "ValueCodec",     "Writer"};
// Targets that CMake makes by itself.
constexpr std::string_view names_of_cmake[] = {"all",     "clean", "edit_cache", "help",
                                               "install", "test",  "package",    "rebuild_cache"};

// "rate-limit" -> "RateLimit"; "key", for a proxy, -> "KeyProxy", for there is a Key already.
std::string class_name(std::string_view name, std::string_view role) {
  std::string result;
  bool upper = true;
  for (const char c : name) {
    if (c == '-' || c == '_') {
      upper = true;
    } else {
      result += upper ? static_cast<char>(std::toupper(static_cast<unsigned char>(c))) : c;
      upper = false;
    }
  }
  if (std::ranges::count(names_of_the_sdk, result) != 0) {
    result += role == "proxy" ? "Proxy" : "Backend";
  }
  return result;
}

std::string filled_in(std::string text, const std::map<std::string, std::string>& values) {
  for (const auto& [placeholder, value] : values) {
    for (std::size_t at = 0; (at = text.find(placeholder, at)) != std::string::npos;
         at += value.size()) {
      text.replace(at, placeholder.size(), value);
    }
  }
  return text;
}

// Beside the program where it was installed or moved to; else where the build said.
fs::path template_folder() {
  if (const char* folder = secure_getenv("CAIRN_TEMPLATE_DIR")) return folder;
  std::error_code error;
  const fs::path program = fs::read_symlink("/proc/self/exe", error);
  const fs::path beside = program.parent_path().parent_path() / "share/cairn/templates";
  return !error && fs::is_directory(beside, error) ? beside : fs::path(CAIRN_TEMPLATE_DIR);
}

void copy_template(const fs::path& from, const fs::path& to,
                   const std::map<std::string, std::string>& values) {
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(from)) {
    if (!entry.is_regular_file()) continue;
    std::string relative = filled_in(fs::relative(entry.path(), from).string(), values);
    if (relative.starts_with("dot.")) relative.replace(0, 4, ".");
    const fs::path target = to / relative;
    fs::create_directories(target.parent_path());
    std::ifstream in(entry.path(), std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(in), {}};
    std::ofstream out(target, std::ios::binary);
    out << filled_in(text, values);
    out.close();
    if (!in || !out)
      throw Error(Errc::config, fmt::format("{} cannot be written", target.string()));
  }
}

// The plugin, if there is one, that offers a component of this name.
std::optional<std::pair<std::string_view, fs::path>> taken_by(const std::string& name) {
  // Never destroyed: a catalog refers to them for ever.
  const hosting::HostServices& services =
      hosting::HostServices::make(std::make_shared<SystemClock>(), nullptr, LogLevel::error);
  const hosting::PluginCatalog catalog(hosting::plugin_directories({}), *services.table());
  for (const hosting::PluginCatalog::File& file : catalog.files()) {
    if (!file.note) continue;
    for (const hosting::OfferedComponent& offered : file.note->components) {
      if (offered.name == name) return std::pair(hosting::to_string(offered.role), file.path);
    }
  }
  return std::nullopt;
}

int usage(const std::string& message) {
  std::fprintf(stderr, "cairn new: %s\n", message.c_str());
  return 2;
}

int run(Choices choices) {
  const bool proxy = choices.role == "proxy";
  const std::string& name = choices.name;
  if (name.empty() || name[0] < 'a' || name[0] > 'z' || name.size() > 64 ||
      name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_-") != std::string::npos) {
    return usage(fmt::format(
        "`{}` cannot be a component's name: use lower-case letters, digits, `-` and `_`, and "
        "begin with a letter",
        name));
  }
  if (std::ranges::count(names_of_cmake, name) != 0) {
    return usage(fmt::format(
        "`{}` cannot be built by that name: CMake has a target `{}` of its own", name, name));
  }
  if (const auto taken = taken_by(name)) {
    return usage(fmt::format(
        "there is a {} `{}` already, in {}: a file that says `{}` would get whichever is found "
        "first, and installed there yours would overwrite it; choose another name",
        taken->first, name, taken->second.string(), name));
  }
  if (!proxy && !choices.kind.empty()) return usage("--kind is for proxies: a backend has none");
  if (choices.lang == "c" && !choices.kind.empty() && choices.kind != "raw") {
    return usage(
        fmt::format("a proxy in C overrides operations itself: --kind raw, not {}", choices.kind));
  }
  const std::string kind = choices.kind.empty() ? "observer" : choices.kind;
  const std::string which = choices.lang == "c" ? choices.role + "-c"
                            : proxy             ? "proxy-" + kind
                                                : "backend";

  const fs::path folder = choices.folder.empty() ? fs::path(name) : choices.folder;
  try {
    if (fs::exists(folder) && (!fs::is_directory(folder) || !fs::is_empty(folder))) {
      return usage(fmt::format("{} {}: choose another folder with --folder", folder.string(),
                               fs::is_directory(folder) ? "is not empty" : "is not a folder"));
    }
    const fs::path templates = template_folder();
    if (!fs::is_directory(templates / which)) {
      throw Error(Errc::config,
                  fmt::format("there are no templates in {}: is cairn installed completely?",
                              templates.string()));
    }
    std::string symbol = name;
    for (char& c : symbol) c = c == '-' ? '_' : c;
    const std::map<std::string, std::string> values{{"@name@", name},
                                                    {"@symbol@", symbol},
                                                    {"@Class@", class_name(name, choices.role)},
                                                    {"@role@", choices.role},
                                                    {"@ext@", choices.lang},
                                                    {"@id@", "org.example." + name}};
    copy_template(templates / (choices.lang == "c" ? "common-c" : "common"), folder, values);
    copy_template(templates / which, folder, values);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "cairn new: %s\n", error.what());
    return 3;
  }
  const std::string path = folder.string();
  std::printf(
      "%s is there. Try it:\n\n    cd %s\n    meson setup build && meson test -C build\n\n"
      "or with CMake: cmake -B build && cmake --build build && ctest --test-dir build\n",
      path.c_str(), path.c_str());
  return 0;
}

}  // namespace

void add_new(CLI::App& app, Globals& globals) {
  const auto choices = std::make_shared<Choices>();
  CLI::App* const command = app.add_subcommand(
      "new", "Begin a plugin: a project that builds and passes `cairn validate` at once");
  command->add_option("role", choices->role, "What to begin")
      ->required()
      ->check(CLI::IsMember({"backend", "proxy"}));
  command->add_option("name", choices->name, "What a config file will call it")->required();
  command
      ->add_option("--kind", choices->kind,
                   "Proxies: key rewrites keys, value rewrites payloads, observer watches, raw "
                   "overrides operations itself (default: observer)")
      ->check(CLI::IsMember({"key", "value", "observer", "raw"}));
  command->add_option("--lang", choices->lang, "Language of the source")
      ->check(CLI::IsMember({"cpp", "c"}))
      ->capture_default_str();
  command->add_option("--folder", choices->folder, "Where to put it (default: ./NAME)");
  command->footer(
      "Example: cairn new proxy shout --kind key && cd shout && meson setup build && meson test -C "
      "build");
  command->callback([choices, &globals] { globals.exit = static_cast<Exit>(run(*choices)); });
}

}  // namespace cairn::cli
