// Many keys at once: their names, the server of each, and the exchanges with the servers.
//
//     Batch batch(cluster, keys, call);
//     batch.get(results);
//
// Reads: every server is asked before any answer is taken, a thousand names at a time: one round trip
// for all. Writes: a server gets all of its requests without waiting, and answers the last, which
// proves the others.
//
// Threads: its caller's. Lifetimes: borrows the keys. Outcomes: by key; nothing is thrown for a server
// that fails.
#pragma once

#include "cluster.hpp"

#include <functional>
#include <span>
#include <string_view>
#include <vector>

namespace cairn::memcached {

class Batch {
 public:
  Batch(Cluster& cluster, Keys keys, Call call);
  Batch(const Batch&) = delete;
  Batch& operator=(const Batch&) = delete;

  void get(Results results);
  /// What a server has no room for it drops, and the old value with it, as it may at any time.
  void set(std::span<const Entry> entries, std::time_t exptime, Statuses statuses);
  /// Only the last key of each server says whether it was there; of the others it is taken for
  /// granted.
  void remove(Statuses statuses);

 private:
  // The keys of one server: their indexes, in order.
  struct Part {
    Server* server;
    std::vector<std::size_t> keys;
  };
  // Sends the request for one key. `quiet`: without an answer, if it can be.
  using Write = std::function<memcached_return_t(Connection&, std::size_t key, bool quiet)>;
  class Question;

  std::vector<Part> parts();
  bool get_some(const std::vector<Part>& parts, std::size_t first, Results results);
  void write(Statuses statuses, const Write& write);
  memcached_return_t write_part(Exchange& exchange, const Part& part, Statuses statuses,
                                const Write& write);

  Cluster& cluster_;
  const Call call_;
  std::vector<WireKey> wires_;
  std::vector<std::string_view> names_;  // views of wires_
  std::vector<bool> left_out_;           // rejected
};

}  // namespace cairn::memcached
