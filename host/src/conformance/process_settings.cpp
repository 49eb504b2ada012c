#include "conformance/process_settings.hpp"

#include <sys/stat.h>

#include <clocale>
#include <cstring>

namespace cairn::hosting {

ProcessSettings ProcessSettings::current() {
  ProcessSettings now;
  for (int signal = 1; signal < NSIG; ++signal) {
    struct sigaction action {};
    // The kernel refuses some numbers, and so nobody can set them.
    if (sigaction(signal, nullptr, &action) == 0) {
      now.handlers_[static_cast<std::size_t>(signal)] = action.sa_handler;
    }
  }
  pthread_sigmask(SIG_SETMASK, nullptr, &now.blocked_);
  now.umask_ = umask(077);
  umask(now.umask_);
  std::error_code gone;
  now.folder_ = std::filesystem::current_path(gone);
  now.locale_ = std::setlocale(LC_ALL, nullptr);
  return now;
}

std::vector<std::string> ProcessSettings::differences(const ProcessSettings& other) const {
  std::vector<std::string> found;
  const auto called = [](int signal) {
    const char* name = sigabbrev_np(signal);
    return name != nullptr ? "SIG" + std::string(name) : "signal " + std::to_string(signal);
  };
  for (int signal = 1; signal < NSIG; ++signal) {
    const auto i = static_cast<std::size_t>(signal);
    if (handlers_[i] != other.handlers_[i]) found.push_back("the handler of " + called(signal));
    if (sigismember(&blocked_, signal) != sigismember(&other.blocked_, signal)) {
      found.push_back("whether " + called(signal) + " is blocked");
    }
  }
  if (umask_ != other.umask_) found.emplace_back("the umask");
  if (folder_ != other.folder_) found.emplace_back("the working directory");
  if (locale_ != other.locale_) found.emplace_back("the locale");
  return found;
}

}  // namespace cairn::hosting
