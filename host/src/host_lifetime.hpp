// The ends of a process, for hosts: exit and fork.
//
// exit   Handlers run in the reverse order of their registration. Ours is registered after each loading of
//        plugins, hence runs before the plugins' statics are destroyed, and closes every stack.
// fork   In the child, every host forgets the locks, threads and sockets of the parent.
//
// Threads: any function, any thread.
#pragma once

namespace cairn::hosting {

/// What is told of the two ends.
class Mortal {
 public:
  virtual void close() noexcept = 0;
  virtual void after_fork() noexcept = 0;

 protected:
  ~Mortal() = default;
};

/// From now on `host` is told, until forget().
void remember(Mortal& host);
void forget(Mortal& host);
/// Call it after plugins were loaded.
void close_all_at_exit();
/// Whether exit() has closed all hosts. From then on other threads may still be in the middle of calls,
/// so what they use must not be freed any more.
bool exiting() noexcept;

}  // namespace cairn::hosting
