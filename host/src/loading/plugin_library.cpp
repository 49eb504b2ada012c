// The one file that knows Boost.DLL.
#include "plugin_library.hpp"

#include "plugin_contract.hpp"

#include <cairn/error.hpp>

#define BOOST_DLL_USE_STD_FS
#include <boost/dll/shared_library.hpp>
#include <dlfcn.h>
#include <fmt/format.h>

#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <system_error>
#include <utility>

namespace cairn::hosting {

namespace {

// What became of one file: a plugin, or the reason why its library lies unused in memory.
struct Loaded {
  boost::dll::shared_library library;
  const cairn_plugin* plugin = nullptr;
  std::string refusal;
};

struct Registry {
  using FileId = std::pair<dev_t, ino_t>;

  std::mutex mutex;
  std::map<FileId, Loaded> by_file;  // an inode number stays taken as long as its library is mapped
  std::map<std::filesystem::path, FileId> by_path;
};

// Never destroyed: the plugins' own destructors may still run when those of this library are done.
Registry& registry() {
  static Registry& instance = *new Registry;
  return instance;
}

std::string remedy(std::string_view linker_text) {
  if (linker_text.find("undefined symbol") != std::string_view::npos) {
    return "link the plugin with everything it uses (-Wl,-z,defs finds this when it is built)";
  }
  if (linker_text.find("cannot open shared object file") != std::string_view::npos) {
    return "install the library that it needs (`ldd` lists them)";
  }
  return "build the plugin again for this system";
}

// Opens everything now, since a missing symbol must not surface at the first miss in production;
// keeps its symbols to itself; and stays.
boost::dll::shared_library open_library(const std::filesystem::path& path) {
  namespace mode = boost::dll::load_mode;
  const auto flags = mode::rtld_now | mode::rtld_local | static_cast<mode::type>(RTLD_NODELETE);
  boost::dll::shared_library library;
  std::error_code error;
  library.load(path, flags, error);
  if (!library.is_loaded()) {  // the code means nothing; the linker knows
    const char* text = dlerror();
    const std::string why = text != nullptr ? text : error.message();
    throw Error(Errc::config,
                fmt::format("{}: cannot be loaded: {}; {}", path.string(), why, remedy(why)));
  }
  return library;
}

// Runs the plugin's first code of its own. The reason why it is refused; empty: it is `plugin`.
std::string start(const boost::dll::shared_library& library, const PluginNote& note,
                  const cairn_host& host, const cairn_plugin*& plugin) {
  if (!library.has(CAIRN_ENTRY_SYMBOL)) {
    return "does not export `" CAIRN_ENTRY_SYMBOL
           "`: a plugin says CAIRN_PLUGIN(...) once, and its version "
           "script keeps that symbol global";
  }
  const auto entry = &library.get<const cairn_plugin*(const cairn_host*)>(CAIRN_ENTRY_SYMBOL);
  const cairn_plugin* offered = entry(&host);
  if (offered == nullptr) {
    return fmt::format(
        "refuses this host (cairn {}, ABI {}.{}): use a version of the plugin for it", host.version,
        host.abi_major, host.abi_minor);
  }
  if (const std::string fault = find_contract_fault(*offered, note); !fault.empty()) {
    return fmt::format("breaks the plugin contract: {}; this is the plugin author's to mend",
                       fault);
  }
  plugin = offered;
  return {};
}

const cairn_plugin& plugin_or_throw(const Loaded& loaded, const std::filesystem::path& path) {
  if (loaded.plugin != nullptr) return *loaded.plugin;
  throw Error(Errc::config, fmt::format("{}: {}", path.string(), loaded.refusal));
}

[[noreturn]] void refuse_replaced(const std::filesystem::path& path, std::string_view when) {
  throw Error(Errc::config,
              fmt::format("{}: was replaced {}: start the program again to use the new file",
                          path.string(), when));
}

}  // namespace

const cairn_plugin& load_plugin(const PluginFile& file, const PluginNote& note,
                                const cairn_host& host) {
  require_supported_abi(note, file.path());
  Registry& all = registry();
  const Registry::FileId id(file.device(), file.inode());
  const std::scoped_lock lock(all.mutex);

  if (const auto it = all.by_file.find(id); it != all.by_file.end()) {
    return plugin_or_throw(it->second, file.path());
  }
  // The dynamic linker knows libraries by name too, and would hand out the old one again.
  if (all.by_path.contains(file.path())) refuse_replaced(file.path(), "after it was loaded");
  if (!file.is_still_in_place()) refuse_replaced(file.path(), "while it was being loaded");

  Loaded loaded{open_library(file.path()), nullptr, {}};
  all.by_path.emplace(file.path(), id);
  if (file.is_still_in_place()) {
    loaded.refusal = start(loaded.library, note, host, loaded.plugin);
  } else {
    loaded.refusal = "was replaced while it was being loaded: start the program again";
  }
  return plugin_or_throw(all.by_file.emplace(id, std::move(loaded)).first->second, file.path());
}

}  // namespace cairn::hosting
