// without-membarrier PROGRAM [ARGUMENT...]: runs it where the kernel refuses membarrier(2).
#include "refuse_membarrier.hpp"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  if (!refuse_membarrier()) {
    std::puts("skipped: no seccomp filter may be set here");
    return 77;
  }
  setenv("CAIRN_WITHOUT_MEMBARRIER", "1", 1);
  execv(argv[1], argv + 1);
  std::perror(argv[1]);
  return 3;
}
