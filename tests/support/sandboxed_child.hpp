// A check in a process of its own, whose sandbox cannot be taken off again.
#pragma once

#include "catch.hpp"

#include <sys/wait.h>
#include <unistd.h>

/// What `body` returns when no sandbox may be set up here: then there is nothing to check.
inline constexpr int no_sandbox = 77;

/// Runs `body`, an int(), in a child. It is to return 0; another number says what was not well.
template <class Body>
void check_in_child(Body body) {
  const pid_t child = fork();
  if (child == 0) {
    int code = 1;
    try {
      code = body();
    } catch (...) {
    }
    _exit(code);
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  REQUIRE(WIFEXITED(status));
  if (WEXITSTATUS(status) == no_sandbox) {
    WARN("no seccomp filter may be set here");
    return;
  }
  CHECK(WEXITSTATUS(status) == 0);
}
