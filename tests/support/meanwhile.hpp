// For tests in which other threads do something meanwhile: when they do it is said, not slept for.
//
//     Gate gate;
//     auto slow = std::async([&] { return region.get_or_create("k", [&] { return gate(7); }); });
//     gate.wait_for_entry();   // the creator is at work
//     ...
//     gate.open();
//     CHECK(slow.get() == 7);
#pragma once

#include <chrono>
#include <future>
#include <thread>

/// How long to wait for what must come: no busy machine needs as long.
constexpr std::chrono::seconds long_enough{60};

/// Waits until `done()` holds; false if it does not within `long_enough`.
template <class Condition>
bool eventually(Condition done) {
  const auto deadline = std::chrono::steady_clock::now() + long_enough;
  while (!done()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::yield();
  }
  return true;
}

/// Stops the one who comes in, until it is opened.
class Gate {
 public:
  /// Returns `value` once the gate is open. To be called once.
  template <class T>
  T operator()(T value) {
    entered_.set_value();
    opened_.get_future().wait();
    return value;
  }
  void wait_for_entry() { entered_.get_future().wait(); }
  void open() { opened_.set_value(); }

 private:
  std::promise<void> entered_;
  std::promise<void> opened_;
};
