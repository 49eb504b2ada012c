// Lines that will be written to.
#pragma once

#include <cstddef>

namespace cairn::memory {

inline constexpr std::size_t cache_line = 64;

/// Starts fetching one. What GCC makes of __builtin_prefetch(at, 1) fetches for reading, without options that
/// not every x86-64 has; the instruction does nothing where it is not known.
inline void fetch_to_write(const void* at) noexcept {
#if defined(__x86_64__)
  asm volatile("prefetchw %0" : : "m"(*static_cast<const char*>(at)));
#else
  __builtin_prefetch(at, 1);
#endif
}
inline void fetch_to_write(const void* from, const void* to) noexcept {
  for (auto* at = static_cast<const char*>(from); at < to; at += cache_line) fetch_to_write(at);
}

}  // namespace cairn::memory
