#include "conformance/scratch_folder.hpp"

#include <cairn/error.hpp>

#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <string>

namespace cairn::hosting {

namespace {

namespace fs = std::filesystem;

constexpr int sweep = SIGUSR1;

// In the child. In a session of its own, so that what ends the terminal's whole group leaves it alive.
[[noreturn]] void be_sweeper(const fs::path& folder, pid_t parent, const sigset_t& awaited) {
  setsid();
  prctl(PR_SET_PDEATHSIG, sweep);
  int received = 0;
  if (getppid() == parent)
    sigwait(&awaited, &received);  // else it was gone before that could be said
  std::error_code ignored;
  fs::remove_all(folder, ignored);
  _exit(0);
}

}  // namespace

ScratchFolder::ScratchFolder() {
  std::string name = (fs::temp_directory_path() / "cairn-validate-XXXXXX").string();
  if (mkdtemp(name.data()) == nullptr)
    throw Error(Errc::internal, "no temporary folder can be made", errno);
  path_ = name;
  // Blocked before the fork: the child must not meet the signal before it waits for it.
  sigset_t awaited, before;
  sigemptyset(&awaited);
  sigaddset(&awaited, sweep);
  sigprocmask(SIG_BLOCK, &awaited, &before);
  const pid_t parent = getpid();
  sweeper_ = fork();
  const int error = errno;
  if (sweeper_ == 0) be_sweeper(path_, parent, awaited);
  sigprocmask(SIG_SETMASK, &before, nullptr);
  if (sweeper_ < 0) {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
    throw Error(Errc::internal, "no process can be made", error);
  }
}

ScratchFolder::~ScratchFolder() {
  kill(sweeper_, sweep);
  waitpid(sweeper_, nullptr, 0);
}

fs::path ScratchFolder::emptied() const {
  const fs::path folder = path_ / "case";
  std::error_code ignored;
  fs::remove_all(folder, ignored);
  fs::create_directories(folder, ignored);
  return folder;
}

}  // namespace cairn::hosting
