#include "thread_line.hpp"

#include <pthread.h>

#include <algorithm>
#include <utility>

namespace cairn::hosting {

namespace {

// A key's destructor runs after those of all thread_local objects, which may use a region. Made when the
// library is loaded, since a lock on the first use could be left locked in the child of a fork.
pthread_key_t make_key() noexcept {
  pthread_key_t key{};
  // Without one, lines are not taken over.
  return pthread_key_create(&key, &ThreadLine::thread_ended) == 0 ? key : ~pthread_key_t{};
}
const pthread_key_t at_end = make_key();

}  // namespace

static_assert(sizeof(ThreadLine) == 128);

constinit std::atomic<ThreadLine*> ThreadLine::first_{nullptr};
constinit thread_local ThreadLine* ThreadLine::mine_ = nullptr;

ThreadLine& ThreadLine::take_mine() {
  ThreadLine& line = take_any();
  pthread_setspecific(at_end, &line);
  mine_ = &line;
  return line;
}

ThreadLine& ThreadLine::take_any() {
  unsigned number = 0;
  for (std::atomic<ThreadLine*>* link = &first_;; ++number) {
    ThreadLine* line = link->load();
    if (line == nullptr) {
      auto* fresh = new ThreadLine(number);
      if (link->compare_exchange_strong(line, fresh)) return *fresh;
      delete fresh;
    }
    // What its last owner wrote, he wrote before.
    if (!line->taken_.exchange(true, std::memory_order_acquire)) return *line;
    link = &line->next_;
  }
}

ThreadLine::Slot& ThreadLine::another_slot() {
  for (Slot& slot : slots_) {
    if (slot.load(std::memory_order_relaxed) == nullptr) return slot;
  }
  if (more_ == nullptr) more_ = &take_any();
  return more_->free_slot();
}

void ThreadLine::thread_ended(void* line) noexcept {
  mine_ = nullptr;
  for (auto* one = static_cast<ThreadLine*>(line); one != nullptr;) {
    ThreadLine* const next = std::exchange(one->more_, nullptr);
    one->taken_.store(false, std::memory_order_release);
    one = next;
  }
}

bool ThreadLine::holds(const void* what) const noexcept {
  return std::any_of(slots_.begin(), slots_.end(),
                     [&](const Slot& slot) { return slot.load() == what; });
}

ThreadLine::Holder ThreadLine::holder_of(const void* what) noexcept {
  for (const ThreadLine* line = mine_; line != nullptr; line = line->more_) {
    if (line->holds(what)) return Holder::this_thread;
  }
  for (const ThreadLine* line = first_.load(); line != nullptr; line = line->next_.load()) {
    if (line->holds(what)) return Holder::another;
  }
  return Holder::nobody;
}

void ThreadLine::after_fork() noexcept {
  for (ThreadLine* line = first_; line != nullptr; line = line->next_) line->taken_ = false;
  for (ThreadLine* line = mine_; line != nullptr; line = line->more_) line->taken_ = true;
  for (ThreadLine* line = first_; line != nullptr; line = line->next_) {
    if (line->taken_) continue;
    line->more_ = nullptr;
    for (Slot& slot : line->slots_) slot = nullptr;
  }
}

}  // namespace cairn::hosting
