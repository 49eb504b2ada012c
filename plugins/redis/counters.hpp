// What one backend counts. Every member only grows; the values are read without a common moment.
#pragma once

#include <atomic>
#include <cstdint>

namespace cairn::redis {

class Counter {
 public:
  void add(std::uint64_t n = 1) noexcept { value_.fetch_add(n, std::memory_order_relaxed); }
  std::uint64_t value() const noexcept { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

struct Counters {
  Counter commands;  // sent to servers
  Counter writes;    // how often commands were sent together: commands / writes is the batching
  Counter connects;  // connections opened
  Counter connections_lost;
  Counter timeouts;  // calls that ended without an answer in time
  Counter retries;   // commands sent again on a new connection
  Counter refused;   // calls that were not made because the server is left alone
  Counter error_replies;
  Counter redirects;       // MOVED and ASK
  Counter topology_reads;  // slot maps and masters asked for
  Counter locks_taken;
  Counter locks_busy;
  Counter locks_lost;  // unlock or renew found somebody else's lock, or none
  Counter notified;    // waits that ended with the news that the lock is free
};

}  // namespace cairn::redis
