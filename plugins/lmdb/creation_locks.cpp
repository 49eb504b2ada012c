#include "creation_locks.hpp"

#include "futex.hpp"
#include "record.hpp"

#include <fcntl.h>
#include <pthread.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <thread>

namespace cairn::lmdb {
namespace {

constexpr char magic[8] = {'c', 'a', 'i', 'r', 'n', 'l', 'k', '1'};
constexpr std::size_t bucket_count = 1024;
constexpr std::size_t slots_per_bucket = 16;
// A waiter looks this often whether the holder still lives: nobody wakes it then.
constexpr std::chrono::milliseconds look_every{20};
// The table's mutex is held for less than a microsecond, unless its holder was stopped just then.
constexpr std::chrono::milliseconds table_patience{200};

timespec to_timespec(std::chrono::nanoseconds time) noexcept {
  timespec result;
  result.tv_sec = static_cast<time_t>(time.count() / 1'000'000'000);
  result.tv_nsec = static_cast<long>(time.count() % 1'000'000'000);
  return result;
}

// Errno of a timed lock; 0 when it is ours, also when its last holder died: every change that the
// mutex guards is sound at each of its steps.
int lock_until(pthread_mutex_t& mutex, CreationLocks::Clock::time_point deadline) noexcept {
  int error = pthread_mutex_trylock(&mutex);
  if (error == EBUSY) {
#if defined(__SANITIZE_THREAD__)  // gcc 12's does not know clocklock
    const auto left = deadline - CreationLocks::Clock::now();
    const timespec until = to_timespec(std::chrono::system_clock::now().time_since_epoch() + left);
    error = pthread_mutex_timedlock(&mutex, &until);
#else
    const timespec until = to_timespec(deadline.time_since_epoch());
    error = pthread_mutex_clocklock(&mutex, CLOCK_MONOTONIC, &until);
#endif
  }
  if (error == EOWNERDEAD) error = pthread_mutex_consistent(&mutex);
  return error;
}

void make_robust(pthread_mutex_t& mutex) noexcept {
  pthread_mutexattr_t attributes;
  pthread_mutexattr_init(&attributes);
  pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
  pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
  pthread_mutex_init(&mutex, &attributes);
  pthread_mutexattr_destroy(&attributes);
}

std::uint64_t random_number() noexcept {
  std::uint64_t number = 0;
  while (number == 0) {
    if (getrandom(&number, sizeof number, 0) != sizeof number) {
      number =
          static_cast<std::uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count()) ^
          (static_cast<std::uint64_t>(getpid()) << 40);
    }
  }
  return number;
}

// When a lease that begins now is over; 0: when it is unlocked, also if it outlasts the clock.
std::int64_t end_of(std::chrono::nanoseconds lease, std::int64_t now_ns) noexcept {
  const bool endless = lease.count() == 0 || lease.count() > INT64_MAX - now_ns;
  return endless ? 0 : now_ns + lease.count();
}

// One byte, far beyond the content: 62 bits, so that its end can be expressed too.
struct flock byte_of(std::uint64_t owner, short type) noexcept {
  struct flock byte {};
  byte.l_type = type;
  byte.l_whence = SEEK_SET;
  byte.l_start = static_cast<off_t>(owner);
  byte.l_len = 1;
  return byte;
}

struct Slot {
  std::uint64_t token;  // 0: free. Written last, cleared first
  std::uint64_t key_hash;
  std::uint64_t owner;
  std::int64_t expires_ns;  // 0: when it is unlocked
};

struct Bucket {
  std::atomic<std::uint32_t> releases;  // a futex: moves with every unlock
  std::uint32_t reserved;
  Slot slots[slots_per_bucket];
};

}  // namespace

struct CreationLocksFile {
  char written_magic[sizeof magic];
  pthread_mutex_t turn;
  pthread_mutex_t table;
  Bucket buckets[bucket_count];
};

// The table of locks, for as long as this lives.
class CreationLocks::Table {
 public:
  Table(const CreationLocks& locks, std::string_view key)
      : locks_(locks),
        shared_(*locks.shared_),
        hash_(hash_of(key, 0) | 1),
        bucket_(shared_.buckets[(hash_ >> 20) % bucket_count]) {
    if (const int error = lock_until(shared_.table, Clock::now() + table_patience); error != 0) {
      throw Error(
          Errc::timeout,
          "the table of creation locks is held by a process that does not go on: " + locks.path_,
          error);
    }
  }
  Table(const Table&) = delete;
  Table& operator=(const Table&) = delete;
  ~Table() { pthread_mutex_unlock(&shared_.table); }

  Bucket& bucket() noexcept { return bucket_; }

  // The lock of the key, if somebody has it who lives and whose lease is not over.
  Slot* held(std::int64_t now_ns) noexcept {
    for (Slot& slot : bucket_.slots) {
      if (slot.token != 0 && slot.key_hash == hash_)
        return in_force(slot, now_ns) ? &slot : nullptr;
    }
    return nullptr;
  }
  Slot* take(std::uint64_t owner, Token token, std::int64_t expires_ns,
             std::int64_t now_ns) noexcept {
    Slot* free = nullptr;
    for (Slot& slot : bucket_.slots) {
      if (slot.token != 0 && (slot.key_hash == hash_ || free == nullptr) &&
          !in_force(slot, now_ns)) {
        slot.token = 0;
      }
      if (slot.token == 0 && free == nullptr) free = &slot;
    }
    if (free == nullptr) return nullptr;
    free->key_hash = hash_;
    free->owner = owner;
    free->expires_ns = expires_ns;
    std::atomic_signal_fence(std::memory_order_release);
    free->token = token;
    return free;
  }

 private:
  bool in_force(const Slot& slot, std::int64_t now_ns) const noexcept {
    if (slot.expires_ns != 0 && slot.expires_ns <= now_ns) return false;
    return slot.owner == locks_.self_ || locks_.owner_lives(slot.owner);
  }

  const CreationLocks& locks_;
  CreationLocksFile& shared_;
  const std::uint64_t hash_;
  Bucket& bucket_;
};

CreationLocks::CreationLocks(const std::string& folder, unsigned permissions, Nanoseconds timeout,
                             const std::function<void()>& first)
    : path_(folder + "/creation-locks") {
  file_ = ::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, permissions);
  if (file_ < 0) fail("cannot open");
  try {
    join(first, timeout);
    self_ = random_number() >> 2 | 1;
    struct flock byte = byte_of(self_, F_WRLCK);
    if (fcntl(file_, F_OFD_SETLK, &byte) != 0) fail("cannot lock a byte of");
  } catch (...) {
    abandon();
    throw;
  }
}

CreationLocks::~CreationLocks() {
  abandon();
}

void CreationLocks::join(const std::function<void()>& first, Nanoseconds timeout) {
  const auto deadline = Clock::now() + timeout;
  for (;;) {
    if (flock(file_, LOCK_EX | LOCK_NB) == 0) {
      initialise();
      first();
      // Not atomic: in between another may come first too, and do all this once more. It finds
      // nobody inside, for we are not.
      while (flock(file_, LOCK_SH | LOCK_NB) != 0) {
        if (Clock::now() > deadline) throw Error(Errc::timeout, "somebody keeps opening " + path_);
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
      }
    } else if (flock(file_, LOCK_SH | LOCK_NB) != 0) {
      if (Clock::now() > deadline) {
        throw Error(Errc::timeout, "another process is opening " + path_ + " and does not go on");
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
      continue;
    }
    if (shared_ == nullptr) {
      void* memory =
          mmap(nullptr, sizeof(CreationLocksFile), PROT_READ | PROT_WRITE, MAP_SHARED, file_, 0);
      if (memory == MAP_FAILED) fail("cannot map");
      shared_ = static_cast<CreationLocksFile*>(memory);
    }
    if (lseek(file_, 0, SEEK_END) == static_cast<off_t>(sizeof(CreationLocksFile)) &&
        std::memcmp(shared_->written_magic, magic, sizeof magic) == 0) {
      return;
    }
    throw Error(Errc::config, path_ +
                                  " was not written by this version of cairn: stop the other "
                                  "program, or choose another path");
  }
}

// Alone with the file.
void CreationLocks::initialise() {
  const off_t size = lseek(file_, 0, SEEK_END);
  char found[sizeof magic] = {};
  if (size != 0 && (pread(file_, found, sizeof found, 0) != sizeof found ||
                    std::memcmp(found, magic, sizeof magic - 1) != 0)) {
    throw Error(Errc::config, path_ + " is there, and is not cairn's: choose another path");
  }
  // Ours from the first byte on, should we die on the way; cut off and grown again, the rest is
  // zero.
  if (pwrite(file_, magic, sizeof magic, 0) != sizeof magic ||
      ftruncate(file_, sizeof magic) != 0 ||
      ftruncate(file_, static_cast<off_t>(sizeof(CreationLocksFile))) != 0) {
    fail("cannot set the size of");
  }
  // Written in full now: a disk that is full says so here, and not by SIGBUS at the first lock.
  if (const int error = posix_fallocate(file_, 0, static_cast<off_t>(sizeof(CreationLocksFile)));
      error != 0) {
    errno = error;
    fail("cannot reserve room for");
  }
  void* memory =
      mmap(nullptr, sizeof(CreationLocksFile), PROT_READ | PROT_WRITE, MAP_SHARED, file_, 0);
  if (memory == MAP_FAILED) fail("cannot map");
  shared_ = static_cast<CreationLocksFile*>(memory);
  make_robust(shared_->turn);
  make_robust(shared_->table);
}

void CreationLocks::leave(const std::function<void(bool)>& closing) noexcept {
  if (file_ < 0) return;
  closing(flock(file_, LOCK_EX | LOCK_NB) == 0);
  // By name, not by closing: a child that was forked meanwhile has the file open too.
  struct flock byte = byte_of(self_, F_UNLCK);
  fcntl(file_, F_OFD_SETLK, &byte);
  flock(file_, LOCK_UN);
  abandon();
}

void CreationLocks::abandon() noexcept {
  if (shared_ != nullptr) munmap(shared_, sizeof(CreationLocksFile));
  if (file_ >= 0) close(file_);
  shared_ = nullptr;
  file_ = -1;
}

bool CreationLocks::owner_lives(std::uint64_t owner) const noexcept {
  struct flock byte = byte_of(owner, F_WRLCK);
  return fcntl(file_, F_OFD_GETLK, &byte) != 0 || byte.l_type != F_UNLCK;
}

void CreationLocks::fail(const char* doing) const {
  throw Error(Errc::unavailable, std::string(doing) + " " + path_ + ": " + std::strerror(errno),
              errno);
}

std::optional<CreationLocks::Token> CreationLocks::lock(std::string_view key, Nanoseconds lease,
                                                        std::int64_t now_ns) {
  Table table(*this, key);
  if (table.held(now_ns) != nullptr) return std::nullopt;
  const Token token = random_number();
  if (table.take(self_, token, end_of(lease, now_ns), now_ns) == nullptr) {
    throw Error(Errc::unavailable, "too many creation locks are held at once: " + path_);
  }
  return token;
}

bool CreationLocks::renew(std::string_view key, Token token, Nanoseconds lease,
                          std::int64_t now_ns) {
  Table table(*this, key);
  Slot* slot = table.held(now_ns);
  if (slot == nullptr || slot->token != token) return false;
  slot->expires_ns = end_of(lease, now_ns);
  return true;
}

bool CreationLocks::unlock(std::string_view key, Token token, std::int64_t now_ns) {
  Bucket* bucket = nullptr;
  {
    Table table(*this, key);
    Slot* slot = table.held(now_ns);
    if (slot == nullptr || slot->token != token) return false;
    slot->token = 0;
    bucket = &table.bucket();
    bucket->releases.fetch_add(1, std::memory_order_release);
  }
  futex_wake(&bucket->releases, Futex::between_processes);
  return true;
}

bool CreationLocks::await_unlock(std::string_view key, Clock::time_point deadline,
                                 const std::function<std::int64_t()>& now_ns) {
  for (;;) {
    Bucket* bucket = nullptr;
    std::uint32_t seen = 0;
    Nanoseconds nap = look_every;
    {
      const std::int64_t now = now_ns();
      Table table(*this, key);
      const Slot* slot = table.held(now);
      if (slot == nullptr) return true;
      if (slot->expires_ns != 0) nap = std::min(nap, Nanoseconds(slot->expires_ns - now));
      bucket = &table.bucket();
      seen = bucket->releases.load(std::memory_order_acquire);
    }
    const Nanoseconds left = deadline - Clock::now();
    if (left <= Nanoseconds(0)) return false;
    futex_wait(bucket->releases, seen, std::min(nap, left), Futex::between_processes);
  }
}

CreationLocks::Turn::Turn(CreationLocks& locks, Clock::time_point deadline) : locks_(locks) {
  if (const int error = lock_until(locks.shared_->turn, deadline); error != 0) {
    throw Error(Errc::timeout,
                error == ETIMEDOUT ? "another writer did not finish in time" : std::strerror(error),
                error);
  }
}

CreationLocks::Turn::~Turn() {
  pthread_mutex_unlock(&locks_.shared_->turn);
}

}  // namespace cairn::lmdb
