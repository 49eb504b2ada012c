// A history: threads that use a few keys of a region at random, and what must hold whatever they
// did.
//
// Every event takes a number from one counter, so that "before" has a meaning without a clock. Each
// value is the number of a Made, which knows when its creator began and when it was certainly in
// the store. The clock of the region is moved by the threads themselves.
//
// What is checked, where the policy promises it:
//   one creator     no two creators of a key at once
//   invalidation    a value whose making began before an invalidation is not given to a call that
//   began
//                   after it
//   age             a value is not given to a call that began after it had expired
//   serving stale   an expired value is given only while somebody may be making a new one
// A wake-up that is lost, and a deadlock, show as a history that does not end: see histories.cpp.
#pragma once

#include "test_host.hpp"

#include <array>
#include <atomic>
#include <limits>
#include <random>
#include <string>

/// What a policy promises, beyond its text.
struct Rules {
  const char* toml;
  bool one_creator = true;
  /// get_or_create gives no expired value.
  bool no_stale = false;
  /// It gives one only to callers who created in vain, or met another who may have been creating.
  bool stale_only_meanwhile = true;
  bool own_runner = false;
};

class History {
 public:
  /// `name` begins all its keys: a region can be used for many histories.
  History(TestHost& host, const Rules& rules, std::string name, std::uint64_t seed);

  void run();
  /// The first thing that went wrong; empty: nothing.
  std::string failure() const;

 private:
  static constexpr int thread_count = 4;
  static constexpr int steps = 7;
  static constexpr int key_count = 3;
  static constexpr int most_values = 512;
  static constexpr std::int64_t not_yet = std::numeric_limits<std::int64_t>::max();

  using Random = std::mt19937_64;
  struct Made {
    std::atomic<std::int64_t> began{not_yet};    // number of the event
    std::atomic<std::int64_t> made_by{not_yet};  // the clock, when it was certainly stamped
  };
  struct KeyState {
    std::atomic<int> creators{0};
    std::atomic<int> calls{0};              // that may create it
    std::atomic<std::int64_t> last_end{0};  // of such calls
  };
  /// What held when a call began.
  struct Call {
    std::int64_t began;
    std::int64_t clock;
    std::int64_t hard;  // the begin of the last invalidation that was over by then
    std::int64_t soft;
  };

  void thread(std::uint64_t seed);
  void step(Random& random);
  void create(Random& random);
  void create_many(Random& random);
  int make(int key, std::uint64_t choice);
  void check(const char* what, const Call& call, int key, int value, bool fresh_only);
  Call begin() const;
  Call begin_creating(const std::vector<int>& keys);
  void end_creating(const std::vector<int>& keys);
  void fail(const std::string& what);

  std::string key(int i) const { return name_ + std::to_string(i); }
  std::int64_t next() const { return events_.fetch_add(1) + 1; }
  std::int64_t clock() const { return host_.clock.now().time_since_epoch().count(); }

  TestHost& host_;
  cairn::Region& region_;
  const Rules& rules_;
  const std::string name_;
  const std::uint64_t seed_;
  mutable std::atomic<std::int64_t> events_{0};
  std::atomic<std::int64_t> hard_{0};
  std::atomic<std::int64_t> soft_{0};
  std::atomic<int> values_{0};
  std::array<Made, most_values> made_;
  std::array<KeyState, key_count> keys_;
  std::atomic<int> jobs_{0};  // that the runner has not finished
  mutable std::mutex failure_mutex_;
  std::string failure_;
};
