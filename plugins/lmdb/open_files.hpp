// LMDB must not have a file open twice in one process: closing one of the two drops the locks of both,
// and then other processes take this one's readers for dead. Within this copy of the plugin,
// Store::open sees to it; another copy of the plugin, or a program that uses LMDB itself, is found by
// its descriptor.
//
// Threads: any function, any thread, any time.
#pragma once

#include <sys/stat.h>

#include <array>
#include <atomic>
#include <charconv>
#include <filesystem>
#include <string>
#include <vector>

namespace cairn::lmdb {

/// The descriptors that this copy of the plugin opened; in a forked child, the parent's too.
class OwnFiles {
 public:
  static void add(int file) noexcept {
    for (std::atomic<int>& slot : files()) {
      int free = none;
      if (slot.compare_exchange_strong(free, file)) return;
    }
  }
  static void remove(int file) noexcept {
    for (std::atomic<int>& slot : files()) {
      int found = file;
      if (slot.compare_exchange_strong(found, none)) return;
    }
  }
  static bool has(int file) noexcept {
    for (const std::atomic<int>& slot : files()) {
      if (slot == file) return true;
    }
    return false;
  }

 private:
  static constexpr int none = 0;  // standard input, and so never one of them
  static std::array<std::atomic<int>, 256>& files() noexcept {
    static constinit std::array<std::atomic<int>, 256> files{};
    return files;
  }
};

/// The descriptors of this process for the file that this copy of the plugin did not open.
inline std::vector<int> foreign_files(const std::string& path) {
  std::vector<int> files;
  struct stat wanted {};
  if (stat(path.c_str(), &wanted) != 0) return files;
  std::error_code ignored;
  for (const auto& link : std::filesystem::directory_iterator("/proc/self/fd", ignored)) {
    const std::string number = link.path().filename().string();
    int file = -1;
    std::from_chars(number.data(), number.data() + number.size(), file);
    struct stat found {};
    if (file > 0 && fstat(file, &found) == 0 && found.st_dev == wanted.st_dev &&
        found.st_ino == wanted.st_ino && !OwnFiles::has(file)) {
      files.push_back(file);
    }
  }
  return files;
}

}  // namespace cairn::lmdb
