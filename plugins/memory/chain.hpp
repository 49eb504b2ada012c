// Things that point at the one before and the one after. Zeros are an empty chain.
#pragma once

namespace cairn::memory {

template <class T>
struct Chain {
  T* first;

  bool empty() const noexcept { return first == nullptr; }
  void add_first(T& one) noexcept {
    one.previous = nullptr;
    one.next = first;
    if (first != nullptr) first->previous = &one;
    first = &one;
  }
  void remove(T& one) noexcept {
    (one.previous != nullptr ? one.previous->next : first) = one.next;
    if (one.next != nullptr) one.next->previous = one.previous;
  }
};

}  // namespace cairn::memory
