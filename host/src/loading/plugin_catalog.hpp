// Which plugins there are, and which component is meant by a name.
//
// Making a catalog reads the notes of all files and runs none of them; a plugin is loaded when one
// of its components is first asked for. Nothing is skipped silently: each file that cannot be used
// says why.
//
// Threads: after construction, any. Lifetimes: components live as long as the process.
#pragma once

#include "plugin_note.hpp"
#include "plugin_paths.hpp"

#include <cairn/abi.h>

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace cairn::hosting {

class PluginCatalog {
 public:
  /// A component that is not used because an earlier file offers one of the same name.
  struct Shadowed {
    OfferedComponent component;
    std::filesystem::path by;
  };
  struct File {
    std::filesystem::path path;
    std::optional<PluginNote> note;  ///< what it says about itself, if that could be read
    std::string skipped;             ///< why it cannot be used, a whole sentence; empty: it can
    std::vector<Shadowed> shadowed;
  };
  struct Directory {
    PluginDirectory searched;
    std::string problem;  ///< why nothing in it was read; empty: it was
  };

  /// Searches in this order, the first offer of a name wins; see plugin_directories(). `host` lives
  /// as long as the process.
  PluginCatalog(const std::vector<PluginDirectory>& directories, const cairn_host& host);

  /// Every directory searched and every file *.so found, in search order, by name within a
  /// directory.
  const std::vector<Directory>& directories() const noexcept { return directories_; }
  const std::vector<File>& files() const noexcept { return files_; }

  /// The component called `name`; loads its plugin. Throws Error(config) that says what there is
  /// instead, where it was looked for, and why a file that might offer it was not used.
  const cairn_component& find(Role role, std::string_view name) const;

  /// The file that find() would load; null: nobody offers it.
  const File* file_of(Role role, std::string_view name) const noexcept;
  /// What find() says of a component that nobody offers; each line after the first is where it was
  /// looked for, or a file that was skipped.
  std::string explain_missing(Role role, std::string_view name) const;

 private:
  void scan(const PluginDirectory& directory);
  void add(std::filesystem::path path);

  const cairn_host& host_;
  std::vector<Directory> directories_;
  std::vector<File> files_;
  std::map<std::pair<Role, std::string>, std::size_t, std::less<>> offers_;  // indices into files_
};

}  // namespace cairn::hosting
