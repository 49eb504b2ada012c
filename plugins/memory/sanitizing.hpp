// What an address sanitizer cannot know of memory that does not come from malloc.
#pragma once

#include <cstddef>

#if defined(__has_feature)
#define CAIRN_HAS_FEATURE(feature) __has_feature(feature)
#else
#define CAIRN_HAS_FEATURE(feature) 0
#endif

#if defined(__SANITIZE_ADDRESS__) || CAIRN_HAS_FEATURE(address_sanitizer)
#include <sanitizer/asan_interface.h>
#include <sanitizer/lsan_interface.h>

namespace cairn::memory {

/// Nobody may look there until it is in_use() again.
inline void not_in_use(void* at, std::size_t bytes) noexcept {
  __asan_poison_memory_region(at, bytes);
}
inline void in_use(void* at, std::size_t bytes) noexcept {
  __asan_unpoison_memory_region(at, bytes);
}
/// There are pointers in it, to what would seem lost without them.
inline void has_pointers(void* at, std::size_t bytes) {
  __lsan_register_root_region(at, bytes);
}
inline void is_gone(void* at, std::size_t bytes) {
  __lsan_unregister_root_region(at, bytes);
}

}  // namespace cairn::memory

#else

namespace cairn::memory {

inline void not_in_use(void*, std::size_t) noexcept {}
inline void in_use(void*, std::size_t) noexcept {}
inline void has_pointers(void*, std::size_t) noexcept {}
inline void is_gone(void*, std::size_t) noexcept {}

}  // namespace cairn::memory

#endif
#undef CAIRN_HAS_FEATURE
