// What the memory of this process takes up, as the kernel sees it.
#pragma once

#include <malloc.h>

#include <cstddef>
#include <fstream>
#include <stdexcept>
#include <string>

/// Bytes of memory that is not a file's and not in swap, without what malloc could give back.
inline std::size_t resident_bytes() {
  malloc_trim(0);
  std::ifstream facts("/proc/self/smaps_rollup");
  for (std::string line; std::getline(facts, line);) {
    if (line.rfind("Anonymous:", 0) == 0) return std::stoul(line.substr(10)) * 1024;
  }
  throw std::runtime_error("/proc/self/smaps_rollup does not say how much is anonymous");
}
