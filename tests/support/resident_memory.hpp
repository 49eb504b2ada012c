// What the memory of this process takes up, as the kernel sees it.
#pragma once

#include "catch.hpp"

#include <malloc.h>

#include <cstddef>
#include <fstream>
#include <string>

/// Bytes of memory that is not a file's, also of what was swapped out, without what malloc can give back. 0: the
/// kernel does not say.
inline std::size_t resident_bytes() {
  malloc_trim(0);
  std::size_t kilobytes = 0;
  std::ifstream facts("/proc/self/smaps_rollup");
  for (std::string line; std::getline(facts, line);) {
    for (const char* fact : {"Anonymous:", "Swap:"}) {
      const std::string name(fact);
      if (line.compare(0, name.size(), name) == 0)
        kilobytes += std::stoul(line.substr(name.size()));
    }
  }
  return kilobytes * 1024;
}

/// Whether it can be compared with what was asked for. Sanitizers have memory of their own.
inline bool sees_resident_bytes() {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  return false;
#else
  if (resident_bytes() != 0) return true;
  WARN("this kernel has no /proc/self/smaps_rollup");
  return false;
#endif
}
