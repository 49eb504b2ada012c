// Changes, grouped: whoever comes first leads. It commits its own changes, then what the others have
// asked for meanwhile in one transaction, and so on, a few times; then another leads. No thread of
// its own.
//
// The file never overflows for the caller. Above three quarters of `max_bytes` every write removes
// a little more than it adds, what has expired first, then what is oldest; if LMDB finds no room
// all the same (its free pages are scattered, or an old reader holds them), ever larger shares are
// removed. Threads: any method, any thread, any time. Outcomes: apply() returns when the changes
// are committed. Errors: Error(timeout), Error(unavailable); then none, or only a first part of the
// changes, was made.
#pragma once

#include "creation_locks.hpp"
#include "environment.hpp"
#include "record.hpp"

#include <cairn/backend.hpp>

#include <atomic>
#include <deque>
#include <exception>
#include <mutex>
#include <span>
#include <vector>

namespace cairn::lmdb {

/// Put `payload` under `key`, or remove the key.
struct Change {
  Key key;
  const Entry* payload = nullptr;  // null: remove
  std::int64_t expires_ns = 0;     // 0: never
  bool was_there = false;          // answered: there was such an entry, which had not expired
};

struct WriteCounters {
  std::atomic<std::uint64_t> changes{0}, commits{0}, expired{0}, evicted{0}, dead_readers{0};
};

class Writer {
 public:
  using Clock = CreationLocks::Clock;

  Writer(const Settings& settings, const Services& services, Environment& environment,
         CreationLocks& locks)
      : settings_(settings), services_(services), environment_(environment), locks_(locks) {}
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  void apply(std::span<Change> changes, Clock::time_point deadline);

  /// The largest record that is taken: so that it fits beside others, and evicting for it makes
  /// sense.
  std::size_t largest_record() const noexcept { return settings_.max_bytes / 8; }
  const WriteCounters& counters() const noexcept { return counters_; }

 private:
  class Request;

  void give_up(Request& request);
  void lead(Request& own, Clock::time_point deadline);
  bool commit_group(Request& own, Clock::time_point deadline, std::vector<Request*>& group);
  void commit(std::span<Request* const> requests);
  void commit_part(std::span<Change* const> changes, std::size_t bytes);
  int try_part(std::span<Change* const> changes, std::size_t bytes);
  int put(MDB_txn* txn, const Change& change, std::uint64_t sequence);
  int remove(MDB_txn* txn, Change& change, std::int64_t now_ns);
  int remove_from_indexes(MDB_txn* txn, const Header& header);
  int make_room(MDB_txn* txn, std::size_t bytes, std::size_t count);
  int remove_expired(MDB_txn* txn, std::size_t at_most);
  int remove_oldest(MDB_txn* txn, std::size_t bytes);
  int remove_by_age(MDB_txn* txn, std::uint64_t sequence, std::size_t& freed);
  int make_much_room(std::size_t bytes);
  std::int64_t now_ns() const noexcept { return services_.now().time_since_epoch().count(); }

  const Settings& settings_;
  const Services services_;
  Environment& environment_;
  CreationLocks& locks_;
  WriteCounters counters_;

  std::mutex mutex_;
  std::deque<Request*> queue_;  // guarded by mutex_: that nobody has begun with
  bool has_leader_ = false;     // guarded by mutex_
};

}  // namespace cairn::lmdb
