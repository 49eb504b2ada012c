#include "failed_keys.hpp"

#include <algorithm>
#include <memory>

namespace cairn::hosting {

bool FailedKeys::pausing(std::string_view key) const {
  if (count_.load(std::memory_order_relaxed) == 0) return false;
  const std::lock_guard lock(mutex_);
  const auto it = pauses_.find(key);
  return it != pauses_.end() && it->second.until > std::chrono::steady_clock::now();
}

std::chrono::milliseconds FailedKeys::failed(const std::string& key) {
  const std::lock_guard lock(mutex_);
  const auto now = std::chrono::steady_clock::now();
  if (pauses_.size() >= sweep_at_) {
    std::erase_if(pauses_, [&](const auto& pause) { return pause.second.until < now; });
    // Where few were over, the next look is far away: in an outage every stale hit waits for this lock.
    sweep_at_ = std::max(fewest_to_sweep, 2 * pauses_.size());
  }
  const auto [it, first] = pauses_.try_emplace(key);
  Pause& pause = it->second;
  pause.length = first ? shortest : std::min(pause.length * 2, longest);
  pause.until = now + pause.length;
  count_ = pauses_.size();
  return pause.length;
}

void FailedKeys::succeeded(const std::string& key) {
  if (count_.load(std::memory_order_relaxed) == 0) return;
  const std::lock_guard lock(mutex_);
  pauses_.erase(key);
  count_ = pauses_.size();
}

void FailedKeys::after_fork() {
  std::construct_at(&mutex_);
  // What another thread was in the middle of changing is left alone, not freed.
  std::construct_at(&pauses_);
  count_ = 0;
}

}  // namespace cairn::hosting
