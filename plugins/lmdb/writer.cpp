#include "writer.hpp"

#include "futex.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <thread>
#include <vector>

namespace cairn::lmdb {
namespace {

// A transaction holds about this share of the file at most, so that its copies of pages fit beside
// it.
constexpr std::size_t parts_of_file = 16;
constexpr std::size_t smallest_part = std::size_t{256} << 10;
// What a record costs in the three trees, beyond its bytes.
constexpr std::size_t overhead = 96;
constexpr std::size_t page = 4096;
// How long a leader serves others beside itself, before it wakes another to lead.
constexpr std::chrono::microseconds longest_lead{500};
// How long a follower gives way to others before it sleeps: a commit or two without a wait for the
// disk, which sleeping and waking would double.
constexpr std::chrono::microseconds longest_commit_awake{30};

std::size_t cost_of(std::size_t record, std::size_t key) noexcept {
  const std::size_t bytes = record + 2 * key + overhead;
  return record > page / 2 ? (bytes + 2 * page - 1) / page * page : bytes;  // pages of its own
}

}  // namespace

// What one caller asked for, on its stack: gone as soon as it sees that it is done.
class Writer::Request {
 public:
  explicit Request(std::span<Change> wanted) : changes(wanted) {}
  Request(const Request&) = delete;
  Request& operator=(const Request&) = delete;

  const std::span<Change> changes;
  std::exception_ptr error;

  /// Until it is done, or its caller is to lead. False: neither by then.
  bool wait_until(Clock::time_point deadline) noexcept {
    const auto sleepless = std::min(deadline, Clock::now() + longest_commit_awake);
    while (state() == waiting && Clock::now() < sleepless) std::this_thread::yield();
    for (;;) {
      std::uint32_t found = waiting;
      state_.compare_exchange_strong(found, asleep, std::memory_order_acq_rel);
      if (found != waiting && found != asleep) return true;
      const auto left = deadline - Clock::now();
      if (left <= Clock::duration::zero()) return false;
      futex_wait(state_, asleep, left, Futex::in_process);
    }
  }
  bool leads() const noexcept { return state() == leading; }
  void make_leader() noexcept { move_to(leading); }
  void finish() noexcept { move_to(done); }

 private:
  enum : std::uint32_t { waiting, asleep, leading, done };
  std::uint32_t state() const noexcept { return state_.load(std::memory_order_acquire); }
  void move_to(std::uint32_t next) noexcept {
    const auto* word = &state_;
    if (state_.exchange(next, std::memory_order_acq_rel) == asleep) {
      futex_wake(word, Futex::in_process);  // where *this was: it may be gone already
    }
  }

  std::atomic<std::uint32_t> state_{waiting};
};

void Writer::apply(std::span<Change> changes, Clock::time_point deadline) {
  if (changes.empty()) return;
  Request request(changes);
  bool leads = false;
  {
    const std::lock_guard lock(mutex_);
    queue_.push_back(&request);
    leads = !has_leader_;
    has_leader_ = true;
  }
  if (!leads) {
    if (!request.wait_until(deadline)) give_up(request);
    leads = request.leads();
  }
  if (leads) lead(request, deadline);
  if (request.error) std::rethrow_exception(request.error);
}

// Throws, unless somebody has begun with the request, or it was made the leader meanwhile.
void Writer::give_up(Request& request) {
  {
    const std::lock_guard lock(mutex_);
    if (!request.leads() && std::erase(queue_, &request) != 0) {
      throw Error(Errc::timeout, "the write did not get its turn in time");
    }
  }
  request.wait_until(Clock::time_point::max());
}

void Writer::lead(Request& own, Clock::time_point deadline) {
  const auto begin = Clock::now();
  std::vector<Request*> group;
  for (;;) {
    const bool had_turn = commit_group(own, deadline, group);
    for (Request* one : group) {
      if (one != &own) one->finish();
    }
    group.clear();
    const bool goes_on = had_turn && Clock::now() - begin < longest_lead;
    const std::lock_guard lock(mutex_);
    if (queue_.empty()) {
      has_leader_ = false;
      return;
    }
    if (!goes_on) {
      queue_.front()->make_leader();
      return;
    }
  }
}

// What is in the queue now, in one transaction. False: another process kept the turn.
bool Writer::commit_group(Request& own, Clock::time_point deadline, std::vector<Request*>& group) {
  try {
    const CreationLocks::Turn turn(locks_, deadline);
    {
      const std::lock_guard lock(mutex_);
      group.assign(queue_.begin(), queue_.end());
      queue_.clear();
    }
    try {
      commit(group);
    } catch (...) {
      const std::exception_ptr error = std::current_exception();
      for (Request* one : group) one->error = error;
    }
    return true;
  } catch (...) {  // only this caller's patience is over, and only if it still waits
    const std::lock_guard lock(mutex_);
    if (std::erase(queue_, &own) != 0) own.error = std::current_exception();
    return false;
  }
}

void Writer::commit(std::span<Request* const> requests) {
  const std::size_t part = std::max(settings_.max_bytes / parts_of_file, smallest_part);
  std::vector<Change*> changes;
  std::size_t bytes = 0;
  const auto flush = [&] {
    if (!changes.empty()) commit_part(changes, bytes);
    changes.clear();
    bytes = 0;
  };
  for (Request* request : requests) {
    for (Change& change : request->changes) {
      const std::size_t payload = change.payload == nullptr ? 0 : change.payload->size();
      const std::size_t cost = cost_of(payload + sizeof(Header), change.key.size());
      if (bytes + cost > part || changes.size() == 100'000) flush();
      changes.push_back(&change);
      bytes += cost;
    }
  }
  flush();
}

void Writer::commit_part(std::span<Change* const> changes, std::size_t bytes) {
  int code = 0;
  for (std::size_t share = 8; share >= 1; share /= 2) {
    // What was removed can be used when no reader sees it any more: in a moment, unless one was
    // stopped.
    const auto until =
        Clock::now() + (share > 1 ? std::chrono::milliseconds(10) : settings_.timeout / 2);
    for (bool has_room_made = false;; has_room_made = true) {
      code = try_part(changes, bytes);
      if (code == 0) {
        counters_.changes.fetch_add(changes.size(), std::memory_order_relaxed);
        counters_.commits.fetch_add(1, std::memory_order_relaxed);
        return;
      }
      if (code != MDB_MAP_FULL && code != MDB_TXN_FULL) {
        throw to_error(code, "cannot write to " + settings_.folder);
      }
      if (!has_room_made) {
        counters_.dead_readers += static_cast<std::uint64_t>(environment_.clear_dead_readers());
        environment_.follow_growth();
        const int made = make_much_room(std::max(settings_.max_bytes / share, 2 * bytes));
        if (made != 0 && made != MDB_MAP_FULL) {
          throw to_error(made, "cannot write to " + settings_.folder);
        }
      } else if (Clock::now() > until) {
        break;
      } else {
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
      }
    }
  }
  if (code == MDB_MAP_FULL) {
    throw Error(Errc::unavailable,
                settings_.folder +
                    " is full, and what was removed cannot be used again yet: a process "
                    "that stopped while it was reading keeps the old pages");
  }
  throw to_error(code, "cannot write to " + settings_.folder);
}

int Writer::try_part(std::span<Change* const> changes, std::size_t bytes) {
  Environment::Writing writing(environment_);
  MDB_txn* txn = writing.txn();
  const FileSizeSignalHeld held;
  int code = make_room(txn, bytes, changes.size());
  // Grows from one transaction to the next, also when the file was emptied in between.
  std::uint64_t sequence = static_cast<std::uint64_t>(mdb_txn_id(txn)) << 20;
  const std::int64_t now = now_ns();
  for (Change* change : changes) {
    if (code != 0) break;
    code = remove(txn, *change, now);
    if (code == 0 && change->payload != nullptr) code = put(txn, *change, ++sequence);
  }
  if (code == 0) code = writing.commit();
  if (code == EFBIG) held.take();
  return code;
}

int Writer::remove(MDB_txn* txn, Change& change, std::int64_t now_ns) {
  const StoredKey stored(change.key);
  MDB_val key = to_val(stored.view()), value;
  const int found = mdb_get(txn, environment_.entries(), &key, &value);
  change.was_there = false;
  if (found == MDB_NOTFOUND) return 0;
  if (found != 0) return found;
  const Record record(to_view(value), stored.is_hashed());
  const bool same_key = !stored.is_hashed() || record.key() == change.key.view();
  change.was_there = record.is_sound() && same_key && !record.has_expired(now_ns);
  if (!same_key && change.payload == nullptr) return 0;
  const Header header = record.header();
  if (const int code = remove_from_indexes(txn, header); code != 0) return code;
  // A put replaces it in place.
  return change.payload != nullptr ? 0 : mdb_del(txn, environment_.entries(), &key, nullptr);
}

int Writer::remove_from_indexes(MDB_txn* txn, const Header& header) {
  std::uint64_t sequence = header.sequence;
  MDB_val age{sizeof sequence, &sequence};
  int code = mdb_del(txn, environment_.ages(), &age, nullptr);
  if (code != 0 && code != MDB_NOTFOUND) return code;
  if (header.expires_ns == 0) return 0;
  ExpiryKey expiry(header.expires_ns, header.sequence);
  MDB_val val = expiry.val();
  code = mdb_del(txn, environment_.expiries(), &val, nullptr);
  return code == MDB_NOTFOUND ? 0 : code;
}

int Writer::put(MDB_txn* txn, const Change& change, std::uint64_t sequence) {
  const StoredKey stored(change.key);
  const std::string_view payload = change.payload->bytes();
  MDB_val key = to_val(stored.view());
  MDB_val value{Record::size_of(stored, change.key, payload.size()), nullptr};
  int code = mdb_put(txn, environment_.entries(), &key, &value, MDB_RESERVE);
  if (code != 0) return code;
  Record::write(static_cast<char*>(value.mv_data), {change.expires_ns, sequence}, stored,
                change.key, payload);
  MDB_val age{sizeof sequence, &sequence};
  MDB_val of = to_val(stored.view());
  code = mdb_put(txn, environment_.ages(), &age, &of, MDB_APPEND);
  if (code != 0 || change.expires_ns == 0) return code;
  ExpiryKey expiry(change.expires_ns, sequence);
  MDB_val expiry_val = expiry.val();
  MDB_val nothing{0, nullptr};
  return mdb_put(txn, environment_.expiries(), &expiry_val, &nothing, 0);
}

// ---- making room ----

int Writer::make_room(MDB_txn* txn, std::size_t bytes, std::size_t count) {
  if (const int code = remove_expired(txn, 2 * count + 2); code != 0) return code;
  const std::size_t used = environment_.used_bytes(txn) + bytes;
  const std::size_t room = settings_.max_bytes;
  if (used < room / 4 * 3) return 0;
  // Removing single records empties no page at once, but leaves holes that the next records fill:
  // so a little more than comes in is enough, and more only nearer to the end.
  std::size_t wanted = bytes + bytes / 2;
  if (used > room / 16 * 13) wanted = 4 * bytes;
  if (used > room / 16 * 15) wanted = std::max(wanted, room / 16);
  return remove_oldest(txn, wanted);
}

int Writer::remove_expired(MDB_txn* txn, std::size_t at_most) {
  const std::int64_t now = now_ns();
  for (std::size_t i = 0; i < at_most; ++i) {
    MDB_cursor* cursor = nullptr;
    if (const int code = mdb_cursor_open(txn, environment_.expiries(), &cursor); code != 0)
      return code;
    MDB_val key, value;
    const int found = mdb_cursor_get(cursor, &key, &value, MDB_FIRST);
    const bool due =
        found == 0 && key.mv_size == sizeof(ExpiryKey) && ExpiryKey(key).expires_ns() <= now;
    const std::uint64_t sequence = due ? ExpiryKey(key).sequence() : 0;
    const int code = due ? mdb_cursor_del(cursor, 0) : 0;
    mdb_cursor_close(cursor);
    if (found != 0) return found == MDB_NOTFOUND ? 0 : found;
    if (code != 0 || !due) return code;
    std::size_t freed = 0;
    if (const int removed = remove_by_age(txn, sequence, freed); removed != 0) return removed;
    counters_.expired.fetch_add(1, std::memory_order_relaxed);
  }
  return 0;
}

int Writer::remove_oldest(MDB_txn* txn, std::size_t bytes) {
  for (std::size_t freed = 0; freed < bytes;) {
    MDB_cursor* cursor = nullptr;
    if (const int code = mdb_cursor_open(txn, environment_.ages(), &cursor); code != 0) return code;
    MDB_val key, value;
    const int found = mdb_cursor_get(cursor, &key, &value, MDB_FIRST);
    std::uint64_t sequence = 0;
    if (found == 0 && key.mv_size == sizeof sequence) {
      std::memcpy(&sequence, key.mv_data, sizeof sequence);
    }
    mdb_cursor_close(cursor);
    if (found != 0) return found == MDB_NOTFOUND ? 0 : found;
    if (const int code = remove_by_age(txn, sequence, freed); code != 0) return code;
    counters_.evicted.fetch_add(1, std::memory_order_relaxed);
  }
  return 0;
}

// Removes the entry that was written with this sequence from all three trees; adds what it cost.
int Writer::remove_by_age(MDB_txn* txn, std::uint64_t sequence, std::size_t& freed) {
  MDB_val age{sizeof sequence, &sequence}, stored;
  int code = mdb_get(txn, environment_.ages(), &age, &stored);
  if (code != 0) return code == MDB_NOTFOUND ? 0 : code;
  char copy[StoredKey::hashed_size];  // the pages move under us
  const std::size_t size = std::min(stored.mv_size, sizeof copy);
  std::memcpy(copy, stored.mv_data, size);
  MDB_val key{size, copy}, value;
  code = mdb_get(txn, environment_.entries(), &key, &value);
  if (code != 0 && code != MDB_NOTFOUND) return code;
  Header header{0, sequence};
  if (code == 0) {
    const Record record(to_view(value), false);
    if (record.is_sound() && record.header().sequence == sequence) {
      header = record.header();
      freed += cost_of(value.mv_size, size);
      if (const int removed = mdb_del(txn, environment_.entries(), &key, nullptr); removed != 0) {
        return removed;
      }
    }
  }
  freed += overhead;
  return remove_from_indexes(txn, header);
}

// In a transaction of its own: pages that it frees can be used by the next but one.
int Writer::make_much_room(std::size_t bytes) {
  const FileSizeSignalHeld held;
  {
    Environment::Writing writing(environment_);
    int code = remove_oldest(writing.txn(), bytes);
    if (code == 0) code = writing.commit();
    if (code == EFBIG) held.take();
    if (code != 0) return code;
  }
  return environment_.pass_turn();
}

}  // namespace cairn::lmdb
