// What the processes on one folder share besides the database: the turn to write, and the creation
// locks. Both lie in the mapped file `creation-locks`, whose content means nothing once nobody has
// it open: whoever opens it first writes it anew.
//
// A holder that dies loses what it held. The turn is a robust mutex, which the kernel gives on. A
// lock is a record that names its owner; every owner keeps a byte of the file locked while it lives
// (an open file description lock, so that neither threads nor a reused process number matter), and
// a record whose owner's byte is free counts as no lock.
//
// Nobody waits without a bound, even for a process that was stopped in a critical section.
// Threads: any method, any thread, any time. Errors: Error(unavailable), Error(timeout).
#pragma once

#include <cairn/backend.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace cairn::lmdb {

struct CreationLocksFile;  // what is mapped; creation_locks.cpp

class CreationLocks {
 public:
  using Clock = std::chrono::steady_clock;
  using Nanoseconds = std::chrono::nanoseconds;
  using Token = Backend::Token;

  /// Joins those who have `folder` open. If there are none, calls `first` before anybody else may
  /// join.
  CreationLocks(const std::string& folder, unsigned permissions, Nanoseconds timeout,
                const std::function<void()>& first);
  CreationLocks(const CreationLocks&) = delete;
  CreationLocks& operator=(const CreationLocks&) = delete;
  ~CreationLocks();

  /// Leaves, after a call of `closing(alone)`: if alone, nobody may join before it returns. Not in
  /// a forked child: use abandon().
  void leave(const std::function<void(bool alone)>& closing) noexcept;
  /// In a forked child: lets go of the parent's file without touching the parent's locks.
  void abandon() noexcept;

  // Times are Unix nanoseconds of the host's clock.

  std::optional<Token> lock(std::string_view key, Nanoseconds lease, std::int64_t now_ns);
  bool renew(std::string_view key, Token token, Nanoseconds lease, std::int64_t now_ns);
  bool unlock(std::string_view key, Token token, std::int64_t now_ns);
  /// Waits until `deadline` for the lock to be free; wakes when it is released. True: it is free.
  bool await_unlock(std::string_view key, Clock::time_point deadline,
                    const std::function<std::int64_t()>& now_ns);

  /// The turn to write, of all threads of all processes. Errors: Error(timeout).
  class Turn {
   public:
    Turn(CreationLocks& locks, Clock::time_point deadline);
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;
    ~Turn();

   private:
    CreationLocks& locks_;
  };

 private:
  class Table;
  bool owner_lives(std::uint64_t owner) const noexcept;
  void join(const std::function<void()>& first, Nanoseconds timeout);
  void initialise();
  [[noreturn]] void fail(const char* doing) const;

  std::string path_;
  int file_ = -1;
  CreationLocksFile* shared_ = nullptr;
  std::uint64_t self_ = 0;  // which byte of the file says that we live
};

}  // namespace cairn::lmdb
