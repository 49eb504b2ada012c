// How readers use records without a lock while writers throw records away: hazard pointers (Maged
// Michael, 2004) that are handed out with the entry.
//
// The problem: a reader finds a pointer in the index, and before it has counted its reference a
// writer unlinks the record and frees it. So every thread has some pins, that only it takes:
//
//   reader   1. loads the pointer p from its slot in the index
//            2. takes a free pin of its own and stores p there
//            3. loads the slot again: if it no longer says p, takes the pin off and starts over
//            4. hands out the record, owned by the *pin*: whoever has the entry may keep it for as
//               long as he likes, and takes the pin off by letting go of it (from any thread)
//   writer   a. takes p out of the index (under the lock of its shard)
//            b. later looks at the pins of all threads. A record that no pin holds is done with. For
//               one that is held, it *adopts*: counts a reference on the record, and leaves that for
//               whoever takes the pin off to give back. Either way the writer is rid of it.
//
// So a hit writes to nothing that another thread reads in its hits, not even to the record: any
// number of threads may hit one key. A thread whose pins are all given out counts its references on
// the record instead, until one comes back.
//
// Of 2 before 3, and a before b, both sides must see the other's store if the other misses theirs.
// A full fence per hit would do, and cost as much as the rest of the hit; so writers pay for both,
// with membarrier(2), which makes every running thread of the process execute one, once for many
// records (Dice, Huang, Yang: "Asymmetric Dekker Synchronization", 2001). Taking a pin off and
// adopting meet in the same way. Without membarrier (an old kernel, a strict seccomp filter, also one that
// is set later) readers do execute the fence.
//
// Threads: any. Readers are never destroyed; a new thread takes over that of one that has ended.
#pragma once

#include <cairn/abi.h>

#include <linux/membarrier.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <vector>

namespace cairn::memory {

/// A fence in two halves: cheap for readers, dear for writers.
class Fences {
 public:
#if defined(__SANITIZE_THREAD__)  // it does not know membarrier
  static bool asymmetric() noexcept {
    return false;
  }
#else
  static bool asymmetric() noexcept {
    return asymmetric_.load(std::memory_order_relaxed);
  }
#endif
  /// The heavy half. Of a store in each of two threads, each followed by its half and a look at what
  /// the other stores, at least one is seen. False: the kernel has come to refuse it, so that what a
  /// reader stored shortly before may not show yet; from now on readers execute their own.
  static bool heavy() noexcept {
    if (!asymmetric()) return true;  // all that is stored from now on is sequentially consistent
    const std::uint64_t number = begun_.fetch_add(1) + 1;
    if (syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0) != 0) [[unlikely]] {
      asymmetric_ = false;
      return false;
    }
    std::uint64_t ended = ended_.load();
    while (ended < number && !ended_.compare_exchange_weak(ended, number)) {
    }
    return true;
  }
  /// One fence serves all who have been waiting for one: take the moment after the store, and go on
  /// when it has passed, that is when some heavy fence began after it and has ended.
  //
  // A read-modify-write, so that whoever begins a fence after it has seen the store.
  static std::uint64_t moment() noexcept {
    return asymmetric() ? begun_.fetch_add(0) : always;
  }
  static bool passed(std::uint64_t moment) noexcept {
    return moment == always || ended_.load() > moment;
  }

  /// A store, and the light half; or, by a writer, one that heavy() comes after. Releases.
  template <class T>
  static void store(std::atomic<T>& where, T what) noexcept {
    if (asymmetric()) [[likely]] {
      where.store(what, std::memory_order_release);
      std::atomic_signal_fence(std::memory_order_seq_cst);
    } else {
      where.exchange(what, std::memory_order_seq_cst);
    }
  }
  /// Once per process, and after a fork.
  static void prepare() noexcept {
    asymmetric_ = syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0) == 0;
  }

 private:
  static constexpr std::uint64_t always = ~std::uint64_t{0};  // where readers fence for themselves

  static inline std::atomic<bool> asymmetric_{false};
  alignas(64) static inline std::atomic<std::uint64_t> begun_{0};
  static inline std::atomic<std::uint64_t> ended_{0};
};

/// As an owner it is what a hit hands out. Its count is `unused` while it is free.
class Pin : public cairn_owner {
 public:
  Pin() noexcept : cairn_owner{unused, &let_go} {}
  Pin(const Pin&) = delete;
  Pin& operator=(const Pin&) = delete;

  // By the thread that it belongs to.

  bool free() const noexcept { return __atomic_load_n(&refs, __ATOMIC_ACQUIRE) == unused; }
  void put_on(cairn_owner* record) noexcept { Fences::store(record_, record); }
  /// From now on it is taken off by letting go of it.
  void give_out() noexcept { __atomic_store_n(&refs, 1, __ATOMIC_RELAXED); }
  /// Instead of giving it out.
  void take_off() noexcept {
    Fences::store<cairn_owner*>(record_, nullptr);
    if (adopted_.load(std::memory_order_seq_cst) != nullptr) [[unlikely]]
      give_back();
  }

  /// What `owner` holds, if it is a pin that was given out; else itself.
  static cairn_owner* behind(cairn_owner* owner) noexcept {
    return owner->destroy == &let_go ? static_cast<Pin*>(owner)->record() : owner;
  }

  // By writers.

  cairn_owner* record() const noexcept { return record_.load(std::memory_order_seq_cst); }
  /// Counts a reference on `record`, which it seemed to hold. False: somebody else is at it. Then a
  /// heavy fence, then reconsider().
  bool adopt(cairn_owner* record) noexcept {
    cairn_retain(record);
    cairn_owner* already = nullptr;
    if (adopted_.compare_exchange_strong(already, record)) return true;
    cairn_release(record);
    return already == record;
  }
  /// If it does not hold it any more, takes the reference back, unless whoever took it off did.
  void reconsider(cairn_owner* record) noexcept {
    if (this->record() == record) return;
    cairn_owner* expected = record;
    if (adopted_.compare_exchange_strong(expected, nullptr)) cairn_release(record);
  }

 private:
  static constexpr std::int64_t unused = -1;

  // Not free before the adopted reference is given back: until then an adoption is for this use.
  static void let_go(cairn_owner* self) noexcept {
    auto* pin = static_cast<Pin*>(self);
    pin->take_off();
    __atomic_store_n(&pin->refs, unused, __ATOMIC_RELEASE);
  }
  [[gnu::cold, gnu::noinline]] void give_back() noexcept {
    cairn_release(adopted_.exchange(nullptr));
  }

  std::atomic<cairn_owner*> record_{nullptr};   // what it holds
  std::atomic<cairn_owner*> adopted_{nullptr};  // has a reference for it
};
static_assert(sizeof(Pin) == 32);

/// The pins of one thread.
class alignas(128) Reader {
 public:
  /// Of this thread. Errors: std::bad_alloc, at the first call in a thread.
  static Reader& mine() {
    Reader* reader = current_;
    return reader != nullptr ? *reader : enlist();
  }
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  /// A free pin; if all are given out, the one that never is.
  Pin& pin() noexcept {
    for (Pin& pin : pins_) {
      if (pin.free()) [[likely]]
        return pin;
    }
    return spare_;
  }
  bool may_give_out(const Pin& pin) const noexcept { return &pin != &spare_; }
  /// 0, 1, 2... in the order in which so many threads ran at once.
  unsigned number() const noexcept { return number_; }

  /// Calls `visit(pin)` for all pins of all threads.
  template <class Visit>
  static void for_each_pin(Visit visit) {
    for (Reader* reader = first_.load(std::memory_order_acquire); reader != nullptr;
         reader = reader->next_.load(std::memory_order_acquire)) {
      for (Pin& pin : reader->pins_) visit(pin);
      visit(reader->spare_);
    }
  }

 private:
  explicit Reader(unsigned number) noexcept : number_(number) {}

  [[gnu::cold, gnu::noinline]] static Reader& enlist() {
    // A key's destructor runs after those of all thread_local objects, which may use the cache.
    static const pthread_key_t at_exit = [] {
      pthread_key_t key{};
      const int error = pthread_key_create(&key, [](void* reader) {
        current_ = nullptr;
        static_cast<Reader*>(reader)->taken_.store(false, std::memory_order_release);
      });
      return error == 0 ? key : ~pthread_key_t{};  // without one, readers are not taken over
    }();
    Reader* reader = nullptr;
    Reader* fresh = nullptr;
    unsigned number = 0;
    for (std::atomic<Reader*>* link = &first_;; link = &reader->next_, ++number) {
      reader = link->load(std::memory_order_acquire);
      if (reader == nullptr) {
        fresh = new Reader(number);
        if (link->compare_exchange_strong(reader, fresh)) {
          reader = fresh;
          break;
        }
        delete fresh;
      }
      // A look first: a thread that starts among thousands must not take all their lines.
      if (!reader->taken_.load(std::memory_order_relaxed) &&
          !reader->taken_.exchange(true, std::memory_order_acquire)) {
        break;
      }
    }
    pthread_setspecific(at_exit, reader);
    current_ = reader;
    return *reader;
  }

  static constexpr unsigned pins = 8;  // what a program holds at once, mostly

  Pin pins_[pins];
  Pin spare_;
  std::atomic<Reader*> next_{nullptr};
  const unsigned number_;
  std::atomic<bool> taken_{true};

  static inline std::atomic<Reader*> first_{nullptr};
  // The initial-exec model makes it one load: eight bytes of the room that the C library keeps for
  // libraries loaded later.
  [[gnu::tls_model("initial-exec")]] static inline constinit thread_local Reader* current_ =
      nullptr;
};

/// What was pinned at one moment: good for all that was taken out of the index before the last heavy
/// fence before it.
class Pinned {
 public:
  /// False: no memory for it.
  bool look() noexcept try {
    held_.clear();
    Reader::for_each_pin([&](Pin& pin) {
      if (cairn_owner* record = pin.record(); record != nullptr) held_.push_back({record, &pin});
    });
    std::sort(held_.begin(), held_.end(),
              [](const Held& a, const Held& b) { return a.record < b.record; });
    return true;
  } catch (const std::bad_alloc&) {
    return false;
  }

  /// After look(): no pin held anything.
  bool nothing() const noexcept { return held_.empty(); }
  /// Has all pins that hold `record` keep it alive by themselves. False: not all of them could be.
  bool adopt(cairn_owner* record) noexcept {
    const auto before = [](const Held& a, const cairn_owner* b) { return a.record < b; };
    bool all = true;
    for (auto it = std::lower_bound(held_.begin(), held_.end(), record, before);
         it != held_.end() && it->record == record; ++it) {
      it->adopted = it->pin->adopt(record);
      all = all && it->adopted;
    }
    return all;
  }
  /// After all that is to be adopted was, and before the store's own references are given up.
  void settle() noexcept {
    if (std::none_of(held_.begin(), held_.end(), [](const Held& one) { return one.adopted; })) {
      return;
    }
    if (!Fences::heavy()) return;  // they stay adopted: some may never go, once
    for (const Held& one : held_) {
      if (one.adopted) one.pin->reconsider(one.record);
    }
  }

 private:
  struct Held {
    cairn_owner* record;
    Pin* pin;
    bool adopted = false;
  };
  std::vector<Held> held_;
};

}  // namespace cairn::memory
