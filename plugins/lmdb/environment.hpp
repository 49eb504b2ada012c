// The database file: opened with every check that can be made, grown when another process grew it,
// and read through a pool of read transactions.
//
// A read borrows one of 64 reader slots, so that the number of LMDB readers is bounded by what runs
// at once and not by how many threads there ever were. A slot keeps its reader for the next read,
// until LMDB has none left for another slot. Taking all of them is how the map is
// changed: then nobody reads. Threads: any method, any thread, any time. Errors: Error, with the
// file's name and the remedy.
#pragma once

#include <cairn/error.hpp>
#include <cairn/options.hpp>

#include <lmdb.h>
#include <signal.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <ctime>
#include <mutex>
#include <string>
#include <vector>

namespace cairn::lmdb {

enum class Sync { none, meta, full };

struct Settings {
  std::string folder;
  std::size_t max_bytes;
  Sync sync;
  unsigned max_readers;
  unsigned permissions;
  bool start_empty_when_damaged;
  std::chrono::nanoseconds timeout;
};

/// What LMDB answered, as an Error: `doing` what, in which file.
Error to_error(int code, const std::string& doing);

// A write beyond the program's file-size limit is an error here, not the end of the program.
class FileSizeSignalHeld {
 public:
  FileSizeSignalHeld() noexcept {
    sigemptyset(&signal_);
    sigaddset(&signal_, SIGXFSZ);
    pthread_sigmask(SIG_BLOCK, &signal_, &before_);
  }
  FileSizeSignalHeld(const FileSizeSignalHeld&) = delete;
  FileSizeSignalHeld& operator=(const FileSizeSignalHeld&) = delete;
  ~FileSizeSignalHeld() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

  void take() const noexcept {
    const timespec at_once{0, 0};
    sigtimedwait(&signal_, nullptr, &at_once);
  }

 private:
  sigset_t signal_, before_;
};

/// The file is not what it was when it was written.
struct Damaged : Error {
  explicit Damaged(const std::string& text) : Error(Errc::config, text) {}
};

class Environment {
 public:
  /// Errors: Damaged; Error(config) for a file of another program, or one that cannot be opened.
  Environment(const Settings& settings, const Services& services);
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;
  ~Environment();

  /// In a forked child: forgets the environment, which LMDB forbids to touch there.
  void abandon() noexcept { env_ = nullptr; }

  MDB_env* raw() const noexcept { return env_; }
  MDB_dbi entries() const noexcept { return entries_; }
  MDB_dbi ages() const noexcept { return ages_; }
  MDB_dbi expiries() const noexcept { return expiries_; }
  std::size_t page_size() const noexcept { return page_size_; }

  /// A view of the database as it is at this moment, until destruction.
  class Reading {
   public:
    explicit Reading(Environment& environment);
    Reading(const Reading&) = delete;
    Reading& operator=(const Reading&) = delete;
    ~Reading();
    MDB_txn* txn() const noexcept { return txn_; }
    void count(std::uint64_t hits, std::uint64_t misses) noexcept {
      Slot& slot = environment_.slots_[slot_];
      slot.hits.store(slot.hits.load(std::memory_order_relaxed) + hits, std::memory_order_relaxed);
      slot.misses.store(slot.misses.load(std::memory_order_relaxed) + misses,
                        std::memory_order_relaxed);
    }

   private:
    Environment& environment_;
    std::size_t slot_;
    MDB_txn* txn_;
  };
  struct Reads {
    std::uint64_t hits = 0, misses = 0;
  };
  /// What was counted.
  Reads reads() const noexcept;

  /// A write transaction, aborted unless committed. Precondition: the caller has the turn to write.
  class Writing {
   public:
    explicit Writing(Environment& environment);
    Writing(const Writing&) = delete;
    Writing& operator=(const Writing&) = delete;
    ~Writing();
    MDB_txn* txn() const noexcept { return txn_; }
    /// LMDB's code; 0: done.
    int commit() noexcept;

   private:
    std::unique_lock<std::mutex> lock_;
    MDB_txn* txn_ = nullptr;
  };

  /// Takes the size that another process has given the file.
  void follow_growth() {
    const std::lock_guard lock(mutex_);
    adopt_size();
  }
  /// Frees what readers that died left behind. How many there were.
  int clear_dead_readers() noexcept;
  /// The bytes in use, of all trees.
  std::size_t used_bytes(MDB_txn* txn) const noexcept;
  std::size_t entry_count(MDB_txn* txn) const noexcept;
  /// Commits a transaction that changes nothing of note: pages that one frees can be used by the
  /// next but one. LMDB's code.
  int pass_turn();
  /// Whether everything is on the disk now.
  bool sync() noexcept { return mdb_env_sync(env_, 1) == 0; }

 private:
  static constexpr std::size_t slot_count = 64;
  struct alignas(64) Slot {
    std::atomic<bool> taken{false};
    MDB_txn* txn = nullptr;
    std::atomic<std::uint64_t> hits{0}, misses{0};  // written by whoever has taken it
  };

  void open();
  void close() noexcept;
  void check_file(bool existed) const;
  void open_trees();
  std::size_t take_slot() noexcept;
  void give_back(std::size_t slot) noexcept {
    slots_[slot].taken.store(false, std::memory_order_release);
  }
  MDB_txn* begin_reading(std::size_t slot);
  bool end_an_idle_reader() noexcept;
  // Precondition: mutex_ is held, and no write transaction is open.
  void adopt_size();

  const Settings& settings_;
  const Services services_;
  const std::string file_;
  MDB_env* env_ = nullptr;
  std::vector<int> own_files_;  // its descriptors
  MDB_dbi entries_ = 0, ages_ = 0, expiries_ = 0;
  std::size_t page_size_ = 4096;
  std::mutex mutex_;  // held while a write transaction is open, and while the map changes
  std::array<Slot, slot_count> slots_;
};

}  // namespace cairn::lmdb
