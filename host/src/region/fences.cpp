#include "fences.hpp"

#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace cairn::hosting {

constinit std::atomic<bool> Fences::asymmetric_{false};

bool Fences::prepare() noexcept {
  asymmetric_ = syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0) == 0;
  return asymmetric();
}

bool Fences::heavy() noexcept {
  return !asymmetric() || syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0) == 0;
}

namespace {

// Before anybody reads: who has begun without it does not learn of it.
[[maybe_unused]] const bool at_load = Fences::prepare();

}  // namespace

}  // namespace cairn::hosting
