// A folder for what components on trial write, gone afterwards, however the process that made it ends:
// another one waits for that, and removes it.
//
// Threads: one, since the process forks. Errors: Error(internal) if no folder or process can be made.
#pragma once

#include <sys/types.h>

#include <filesystem>

namespace cairn::hosting {

class ScratchFolder {
 public:
  ScratchFolder();
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  ~ScratchFolder();

  /// An empty folder for the next case; what the last one left is removed.
  std::filesystem::path emptied() const;

 private:
  std::filesystem::path path_;
  pid_t sweeper_ = -1;
};

}  // namespace cairn::hosting
