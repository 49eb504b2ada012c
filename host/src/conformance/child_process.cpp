#include "conformance/child_process.hpp"

#include "loading/file_descriptor.hpp"

#include <cairn/error.hpp>

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <vector>

namespace cairn::hosting {

namespace {

using SteadyClock = std::chrono::steady_clock;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool reserves_much_memory = true;
#else
constexpr bool reserves_much_memory = false;
#endif

struct Pipe {
  FileDescriptor read_end, write_end;

  Pipe() {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) throw Error(Errc::internal, "no pipe can be made", errno);
    read_end = FileDescriptor(ends[0]);
    write_end = FileDescriptor(ends[1]);
  }
};

// Of the memory that is its own, which is what a runaway allocates. Mapped files do not count: a
// store may map more than there is memory.
void limit_memory(std::size_t bytes) {
  if (reserves_much_memory) return;
  std::ifstream statm("/proc/self/statm");
  std::size_t all = 0, resident = 0, shared = 0, text = 0, library = 0, data = 0;
  if (!(statm >> all >> resident >> shared >> text >> library >> data)) return;
  const rlim_t limit = data * static_cast<std::size_t>(sysconf(_SC_PAGESIZE)) + bytes;
  const rlimit most{limit, limit};
  setrlimit(RLIMIT_DATA, &most);
  const rlimit no_core{0, 0};
  setrlimit(RLIMIT_CORE, &no_core);
}

bool write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t n = write(fd, text.data(), text.size());
    if (n < 0 && errno != EINTR) return false;
    if (n > 0) text.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

// Reads what is there; false at the end.
bool read_some(int fd, std::string& into, std::size_t most) {
  std::array<char, 65536> part;
  const ssize_t n = read(fd, part.data(), part.size());
  if (n > 0) into.append(part.data(), static_cast<std::size_t>(n));
  if (into.size() > most) into.erase(0, into.size() - most);
  return n > 0 || (n < 0 && (errno == EINTR || errno == EAGAIN));
}

// Our children, dead ones that nobody waited for included.
std::vector<pid_t> children() {
  std::vector<pid_t> found;
  std::error_code none;
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task", none)) {
    std::ifstream list(task.path() / "children");
    for (pid_t child = 0; list >> child;) found.push_back(child);
  }
  return found;
}

// Ends what the child left behind. It comes to us when its own parent is gone, since we asked for
// it; `ours` were here before.
void end_orphans(const std::vector<pid_t>& ours) {
  // Each round may bring up the children of those that it ended.
  for (int rounds = 0; rounds < 1000; ++rounds) {
    bool any = false;
    for (const pid_t child : children()) {
      if (std::find(ours.begin(), ours.end(), child) != ours.end()) continue;
      any = true;
      kill(child, SIGKILL);
      waitpid(child, nullptr, 0);
    }
    if (!any) return;
  }
}

// Of the child that this process is, for the handler below, which takes no arguments.
Stage* stage_here = nullptr;

void after_fork_in_child() {
  if (stage_here != nullptr && !stage_here->may_fork()) _exit(0);
}

// In the child. The answer begins with a mark, so that a child which exits half way has not
// answered.
[[noreturn]] void be_child(const std::function<std::string(Stage&)>& work, Stage& stage,
                           const ChildLimits& limits, int answer_fd, int error_fd) {
  const pid_t self = getpid();
  stage_here = &stage;
  pthread_atfork(nullptr, nullptr, &after_fork_in_child);
  setpgid(0, 0);
  dup2(error_fd, STDERR_FILENO);
  dup2(error_fd, STDOUT_FILENO);
  limit_memory(limits.memory_bytes);
  std::string answer;
  try {
    answer = work(stage);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    _exit(1);
  }
  if (getpid() != self) _exit(0);  // a copy that the plugin made of us answers for nobody
  if (write_all(answer_fd, "=" + answer)) _exit(0);
  stage.enter("closing files that are not its own");
  _exit(1);
}

}  // namespace

Stage::Stage()
    : shared_(static_cast<Shared*>(mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE,
                                        MAP_SHARED | MAP_ANONYMOUS, -1, 0))) {
  if (shared_ == MAP_FAILED) throw Error(Errc::internal, "no shared memory can be made", errno);
}
Stage::~Stage() {
  munmap(shared_, sizeof(Shared));
}
void Stage::enter(const char* doing) noexcept {
  std::strncpy(shared_->text, doing, longest);
}
std::string Stage::current() const {
  return std::string(shared_->text, strnlen(shared_->text, longest));
}
bool Stage::may_fork() noexcept {
  return shared_->forks.fetch_add(1) < most_forks;
}

void end_with(pid_t parent) noexcept {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(1);  // it was gone before it could be said
}

ChildEnd run_in_child(const std::function<std::string(Stage&)>& work, const ChildLimits& limits) {
  Pipe answer, errors;
  Stage stage;
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  const std::vector<pid_t> ours = children();
  std::fflush(nullptr);
  const pid_t parent = getpid(), child = fork();
  if (child < 0) throw Error(Errc::internal, "no process can be made", errno);
  if (child == 0) end_with(parent);
  if (child == 0) be_child(work, stage, limits, answer.write_end.get(), errors.write_end.get());
  setpgid(child, child);  // in both, whoever comes first
  answer.write_end = FileDescriptor();
  errors.write_end = FileDescriptor();

  ChildEnd end;
  std::string answered;
  const auto deadline = SteadyClock::now() + limits.time;
  int status = 0;
  bool ended = false, answer_open = true;
  std::array<pollfd, 2> polled{pollfd{answer.read_end.get(), POLLIN, 0},
                               pollfd{errors.read_end.get(), POLLIN, 0}};
  while (!ended && SteadyClock::now() < deadline) {
    // A grandchild may keep the pipes open: the end of the child is what counts.
    poll(polled.data(), polled.size(), answer_open ? 20 : 1);
    if (polled[0].revents != 0 && !read_some(polled[0].fd, answered, std::size_t{1} << 24)) {
      polled[0].fd = -1;
      answer_open = false;
    }
    if (polled[1].revents != 0 && !read_some(polled[1].fd, end.errors, 2000)) polled[1].fd = -1;
    ended = waitpid(child, &status, WNOHANG) == child;
  }
  end.stage = stage.current();
  kill(-child, SIGKILL);  // the child, if it is late, and what it left behind
  if (!ended) {
    kill(child, SIGKILL);  // by itself too, should it have left its group
    waitpid(child, &status, 0);
  }
  end_orphans(ours);
  if (!ended) {
    end.how = ChildEnd::How::timed_out;
    return end;
  }
  // What was written just before the end; nobody writes any more.
  fcntl(answer.read_end.get(), F_SETFL, O_NONBLOCK);
  fcntl(errors.read_end.get(), F_SETFL, O_NONBLOCK);
  for (std::size_t before = answered.size() + 1; polled[0].fd != -1 && before != answered.size();) {
    before = answered.size();
    if (!read_some(polled[0].fd, answered, std::size_t{1} << 24)) break;
  }
  if (polled[1].fd != -1) read_some(polled[1].fd, end.errors, 2000);

  if (WIFSIGNALED(status)) {
    end.how = ChildEnd::How::killed;
    end.code = WTERMSIG(status);
  } else if (WEXITSTATUS(status) != 0 || answered.empty()) {
    end.how = ChildEnd::How::exited;
    end.code = WEXITSTATUS(status);
  } else {
    end.answer = answered.substr(1);
  }
  return end;
}

std::string describe(const ChildEnd& end, const ChildLimits& limits) {
  switch (end.how) {
    case ChildEnd::How::answered: return "answered";
    case ChildEnd::How::timed_out:
      return fmt::format("did not come back within {} s",
                         std::chrono::duration<double>(limits.time).count());
    case ChildEnd::How::killed:
      return fmt::format("crashed with SIG{} ({})", sigabbrev_np(end.code), sigdescr_np(end.code));
    case ChildEnd::How::exited: return fmt::format("ended the process with exit code {}", end.code);
  }
  return "ended";
}

}  // namespace cairn::hosting
