#include "plugin_paths.hpp"

#include <cairn/error.hpp>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <system_error>

#ifndef CAIRN_PLUGIN_DIR
#error "the build says where plugins are installed: -DCAIRN_PLUGIN_DIR"
#endif

namespace cairn::hosting {

namespace {

namespace fs = std::filesystem;

[[noreturn]] void refuse(const fs::path& path, std::string_view why) {
  throw Error(Errc::config, fmt::format("{}: {}", path.string(), why));
}

[[noreturn]] void refuse_missing(const fs::path& path, const std::error_code& error) {
  refuse(path, fmt::format("cannot be opened: {}", error.message()));
}

enum class Holds { file_itself, plugin_directly, folders };

// A sticky folder of root's lets nobody rename or remove what belongs to somebody else, and the
// owner of every step below is checked. But anybody may add a file, so it may not hold plugins
// directly.
void check_rights(const fs::path& plugin, const fs::path& step, const struct stat& status,
                  Holds holds) {
  const char* const what = holds == Holds::file_itself ? "the file" : "the folder";
  if (status.st_uid != 0 && status.st_uid != geteuid()) {
    refuse(
        plugin,
        fmt::format("not loaded, because {0} {1} belongs to user {2}, not to root or to user {3} "
                    "who runs this program: `chown {3} {1}` if you trust it",
                    what, step.string(), status.st_uid, geteuid()));
  }
  const bool kept_by_sticky =
      holds == Holds::folders && (status.st_mode & S_ISVTX) != 0 && status.st_uid == 0;
  if ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0 && !kept_by_sticky) {
    refuse(plugin, fmt::format("not loaded, because others may write to {0} {1} (mode {2:04o}): "
                               "`chmod go-w {1}`, after a look at what it holds",
                               what, step.string(), status.st_mode & 07777u));
  }
}

// The folder that holds `plugin`, and all above it. `folder` is canonical.
void check_folders(const fs::path& plugin, const fs::path& folder) {
  Holds holds = Holds::plugin_directly;
  for (fs::path step = folder;; step = step.parent_path(), holds = Holds::folders) {
    struct stat status {};
    if (lstat(step.c_str(), &status) != 0) refuse_missing(step, {errno, std::generic_category()});
    check_rights(plugin, step, status, holds);
    if (step == step.parent_path()) return;
  }
}

}  // namespace

PluginFile::PluginFile(const fs::path& path) {
  if (!path.is_absolute()) {
    refuse(
        path,
        "a plugin is loaded only by its absolute path: write it from the root, beginning with /");
  }
  std::error_code error;
  const fs::path folder = fs::canonical(path.parent_path(), error);
  if (error) refuse_missing(path, error);
  path_ = fs::canonical(path, error);
  if (error) refuse_missing(path, error);

  check_folders(path, folder);
  if (path_.parent_path() != folder) check_folders(path, path_.parent_path());

  fd_ = FileDescriptor(
      open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW));
  struct stat status {};
  if (!fd_ || fstat(fd_.get(), &status) != 0)
    refuse_missing(path, {errno, std::generic_category()});
  if (!S_ISREG(status.st_mode)) refuse(path, "not a regular file: a plugin is a shared library");
  check_rights(path, path_, status, Holds::file_itself);
  device_ = status.st_dev;
  inode_ = status.st_ino;
}

bool PluginFile::is_still_in_place() const noexcept {
  struct stat status {};
  return lstat(path_.c_str(), &status) == 0 && status.st_dev == device_ && status.st_ino == inode_;
}

std::vector<PluginDirectory> plugin_directories(const std::vector<fs::path>& configured) {
  std::vector<PluginDirectory> directories;
  for (const fs::path& path : configured) directories.push_back({path, "configuration"});
  if (const char* list = secure_getenv("CAIRN_PLUGIN_PATH")) {
    std::string_view left = list;
    while (!left.empty()) {
      const std::string_view path = left.substr(0, left.find(':'));
      left.remove_prefix(std::min(path.size() + 1, left.size()));
      if (!path.empty()) directories.push_back({path, "CAIRN_PLUGIN_PATH"});
    }
  }
  if (const char* replaced = secure_getenv("CAIRN_PLUGIN_DIR");
      replaced != nullptr && *replaced != '\0') {
    directories.push_back({replaced, "CAIRN_PLUGIN_DIR"});
  } else {
    directories.push_back({CAIRN_PLUGIN_DIR, "built in"});
  }
  return directories;
}

}  // namespace cairn::hosting
