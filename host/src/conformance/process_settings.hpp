// What belongs to the program in a process, and not to a library that it loads.
//
// Threads: reads what belongs to the calling thread. Errors: none.
#pragma once

#include <array>
#include <csignal>
#include <filesystem>
#include <string>
#include <vector>

namespace cairn::hosting {

class ProcessSettings {
 public:
  /// As they are now.
  static ProcessSettings current();

  /// What differs, in words: "the handler of SIGPIPE", "the working directory" ...
  std::vector<std::string> differences(const ProcessSettings& other) const;

 private:
  std::array<void (*)(int), NSIG> handlers_{};
  sigset_t blocked_{};
  mode_t umask_ = 0;
  std::filesystem::path folder_;
  std::string locale_;
};

}  // namespace cairn::hosting
