// Where the records of a shard wait that have left its index, until nobody can be looking at them any more
// (see pins.hpp).
//
// When a hundred records or some kilobytes have come, they wait together for a fence, until as many others
// have come: mostly one that another shard needed serves them too. If not, a writer is asked for one shortly
// before, for when he has given the lock back. What is small and not pinned after that
// goes one by one, as others come, so that whoever sets a record takes up memory that he has just
// given back. The rest goes at once; and when very much has come at once, all of it, as memory that is
// given back in part serves nobody.
//
// Records are destroyed after the lock is given back, since a program's own object may do anything in its
// destructor, such as to use the cache.
//
// Threads: under the lock of the shard, but for destroy(). Lifetime: empty when it is destroyed.
#pragma once

#include "pins.hpp"
#include "prefetch.hpp"
#include "record.hpp"

#include <cstdint>
#include <utility>

namespace cairn::memory {

class Limbo {
 public:
  /// `bytes_limit`: of records that wait for others to come.
  explicit Limbo(std::uint64_t bytes_limit) noexcept : bytes_limit_(bytes_limit) {}
  Limbo(const Limbo&) = delete;
  Limbo& operator=(const Limbo&) = delete;

  bool empty() const noexcept {
    return arrivals_.first == nullptr && waiting_.first == nullptr && spent_.first == nullptr;
  }

  void add(Record& record, std::uint64_t bytes) noexcept {
    record.set_next(arrivals_.first);
    arrivals_.first = &record;
    arrivals_.size +=
        (record.layout & Record::shared) != 0 ? 4 : 1;  // others may wait for an object
    arrivals_.bytes += bytes;
    arrivals_.may_be_spent = arrivals_.may_be_spent && is_small(record);
  }

  /// What a writer does once he has given the lock back.
  struct Leftovers {
    Record* garbage = nullptr;  // to destroy(), chained by next()
    bool fence = false;         // a heavy one, that others need
  };
  /// Once per writer.
  Leftovers take_leftovers() noexcept {
    Leftovers left;
    // A destructor that came back here often enough leaves what it has let go of to a later writer: or else
    // a chain of objects, each of which removes the next, would take as much stack as it is long.
    if (nested_ >= deepest_nesting) return left;
    if (hurry_ || arrivals_.bytes >= 2 * bytes_limit_) {
      left.garbage = drain();
    } else if (arrivals_.size >= limit || arrivals_.bytes >= bytes_limit_) {
      left.garbage = move_on();
    } else if ((arrivals_.size >= limit / 4 * 3 || arrivals_.bytes >= bytes_limit_ / 4 * 3) &&
               !fence_is_due_ && !may_move_on()) {
      left.fence = fence_is_due_ = true;  // in good time
    }
    if (spent_.first != nullptr) {
      move_first(spent_.first, left.garbage);
      --spent_.size;
      // A second one, if they would not all be gone by the time the next come.
      if (spent_.first != nullptr && spent_.size + arrivals_.size > limit) {
        move_first(spent_.first, left.garbage);
        --spent_.size;
      }
      if (spent_.first != nullptr) fetch_to_write(spent_.first);  // for the next writer
    }
    return left;
  }

  /// The next writer is to have all of them at once, without waiting for more to come.
  void hurry() noexcept { hurry_ = true; }

  /// Everything that nobody holds.
  Record* drain() noexcept {
    hurry_ = false;
    Record* garbage = nullptr;
    for (int stage = 0; stage < 3; ++stage) {  // from arrivals on to waiting, to spent, to garbage
      for (Record* more = move_on(); more != nullptr;) move_first(more, garbage);
    }
    return garbage;
  }

  /// Without the lock.
  static void destroy(Record* garbage) noexcept {
    if (garbage == nullptr) return;
    ++nested_;
    do {
      Record* next = garbage->next();
      garbage->let_go();
      garbage = next;
    } while (garbage != nullptr);
    --nested_;
  }

 private:
  static constexpr std::size_t limit = 128;  // records

  struct Leavers {
    Record* first = nullptr;  // chained by next()
    std::uint64_t bytes = 0;
    std::uint32_t size = 0;
    bool may_be_spent = true;  // all are small
  };

  /// Its memory may as well be kept a while, for a record to come.
  static bool is_small(const Record& record) noexcept {
    return (record.layout & Record::shared) == 0 && record.key_size + record.value_size < 1024;
  }

  bool may_move_on() const noexcept {
    return waiting_.first == nullptr || Fences::passed(waiting_since_);
  }
  // Has the arrivals wait, and is done with those that waited: some of what is small is spent, the rest is
  // returned.
  [[gnu::noinline]] Record* move_on() noexcept {
    if (!may_move_on() && !(Fences::asymmetric() && Fences::heavy())) [[unlikely]] {
      // The kernel has come to refuse the fence, and a pin on these may never have been seen: they stay
      // for ever, this once.
      waiting_ = arrivals_ = {};
      return std::exchange(spent_, {}).first;
    }
    Leavers done = std::exchange(waiting_, std::exchange(arrivals_, {}));
    waiting_since_ = Fences::moment();
    fence_is_due_ = false;
    Record* garbage = std::exchange(spent_, {}).first;
    const bool looked = done.first != nullptr && pinned_.look();
    if (looked && pinned_.nothing() && done.may_be_spent && done.size <= limit) {
      spent_ = done;  // as a whole: a look at each would be waited for
      return garbage;
    }
    while (done.first != nullptr) {
      Record* record = done.first;
      if (!looked || !pinned_.adopt(record)) {
        arrivals_.may_be_spent = false;  // how many come back is not counted
        move_first(done.first, arrivals_.first);
      } else if (is_small(*record) && spent_.size < limit) {
        move_first(done.first, spent_.first);
        ++spent_.size;
      } else {
        move_first(done.first, garbage);
      }
    }
    if (looked) pinned_.settle();
    return garbage;
  }

  static void move_first(Record*& from, Record*& to) noexcept {
    Record* record = from;
    from = record->next();
    record->set_next(to);
    to = record;
  }

  static constexpr int deepest_nesting = 8;
  [[gnu::tls_model("initial-exec")]] static inline constinit thread_local int nested_ = 0;

  const std::uint64_t bytes_limit_;
  Leavers arrivals_;
  Leavers waiting_;  // until the moment has passed
  std::uint64_t waiting_since_ = 0;
  bool fence_is_due_ = false;  // a writer was asked for it
  bool hurry_ = false;
  Leavers spent_;  // small, and not pinned any more
  Pinned pinned_;
};

}  // namespace cairn::memory
