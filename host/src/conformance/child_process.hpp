// A function run in a process of its own, with a time limit: it may hang, crash, fork, print or use
// up its memory, and only its answer is lost.
//
// Threads: the caller should have only one, since a child of fork has only that one. Errors:
// Error(internal) if no process can be made.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>
#include <string>

namespace cairn::hosting {

/// What a child is doing at the moment, so that its parent can tell what it was doing when it ended.
/// Lives in memory that both share, and that the child's own children share too.
class Stage {
 public:
  static constexpr std::size_t longest = 127;
  /// How often a child and all that come from it may fork: enough for any rule, too few for a bomb.
  static constexpr int most_forks = 30;

  Stage();
  Stage(const Stage&) = delete;
  Stage& operator=(const Stage&) = delete;
  ~Stage();

  /// Empty: nothing in particular. Longer texts are cut.
  void enter(const char* doing) noexcept;
  std::string current() const;
  /// In the process that a fork made: whether it may live.
  bool may_fork() noexcept;

 private:
  struct Shared {
    char text[longest + 1];
    std::atomic<int> forks;
  };
  Shared* const shared_;
};

struct ChildEnd {
  enum class How { answered, exited, killed, timed_out };

  How how = How::answered;
  int code = 0;        ///< exited: its exit code; killed: the signal
  std::string answer;  ///< what it returned
  std::string errors;  ///< the end of what it wrote to standard output and error
  std::string stage;   ///< the stage that it was in
};

struct ChildLimits {
  std::chrono::milliseconds time{20'000};
  std::size_t memory_bytes = std::size_t{1} << 30;  ///< beyond what it begins with
};

/// In the child of a fork: ends this process when the thread of `parent` that made it does, also if
/// that was killed.
void end_with(pid_t parent) noexcept;

/// Calls `work` in a child and returns its answer, or how the child ended without one. Everything
/// that the child started is gone when this returns, whatever session or group it moved to. The
/// child does not outlive this process.
ChildEnd run_in_child(const std::function<std::string(Stage&)>& work, const ChildLimits& limits);

/// "crashed with SIGSEGV (Segmentation fault)", "ended the process with exit code 3" ...
std::string describe(const ChildEnd& end, const ChildLimits& limits);

}  // namespace cairn::hosting
