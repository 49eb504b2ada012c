// Where plugins are looked for, and which files are trusted enough to be run.
//
// A plugin is code with all the rights of the process. The rules here stop accidents and planted
// files: whoever could replace the file could have changed the program. They do not make a hostile
// plugin safe.
//
// Errors: Error(config), one sentence: the path, the rule, what to do.
// Threads: any; but nobody may call setenv meanwhile.
#pragma once

#include "file_descriptor.hpp"

#include <sys/types.h>

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace cairn::hosting {

/// A plugin's file, found to obey the path rules and held open.
class PluginFile {
 public:
  /// The rules: an absolute path; a regular file; the file, its folder and every folder above are
  /// owned by root or the effective user and not writable by others. Links are followed, and both
  /// ends checked.
  explicit PluginFile(const std::filesystem::path& path);

  /// Absolute, without links.
  const std::filesystem::path& path() const noexcept { return path_; }
  int fd() const noexcept { return fd_.get(); }
  dev_t device() const noexcept { return device_; }
  ino_t inode() const noexcept { return inode_; }

  /// Whether path() still leads to the file that is open.
  bool is_still_in_place() const noexcept;

 private:
  std::filesystem::path path_;
  FileDescriptor fd_;
  dev_t device_ = 0;
  ino_t inode_ = 0;
};

/// One folder of the search.
struct PluginDirectory {
  std::filesystem::path path;
  std::string_view
      origin;  ///< "configuration", "CAIRN_PLUGIN_PATH", "CAIRN_PLUGIN_DIR", "built in"
};

/// The search order: `configured`, then CAIRN_PLUGIN_PATH (separated by colons), then the built-in
/// directory, which CAIRN_PLUGIN_DIR replaces. A program with raised rights (setuid) ignores both
/// variables.
std::vector<PluginDirectory> plugin_directories(
    const std::vector<std::filesystem::path>& configured);

}  // namespace cairn::hosting
