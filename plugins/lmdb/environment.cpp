#include "environment.hpp"

#include "open_files.hpp"
#include "record.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <thread>
#include <utility>

namespace cairn::lmdb {
namespace {

// The records of the unnamed tree that are no entries: ours begin with StoredKey::reserved. The
// first says that the file is ours and how it is laid out, the second is only written.
constexpr std::string_view mark_key = "\1format";
constexpr std::string_view room_key = "\1room";
constexpr const char* ages_name = "\1ages";
constexpr const char* expiries_name = "\1expiries";
constexpr std::size_t own_records = 4;
constexpr std::string_view mark = "lmdb 1";

// Where a thread looks for a free slot first: each its own, so that they do not meet.
std::size_t home() noexcept {
  static std::atomic<std::size_t> next{1};
  constinit static thread_local std::size_t mine = 0;
  if (mine == 0) mine = next.fetch_add(1, std::memory_order_relaxed);
  return mine;
}

std::size_t round_up(std::size_t size, std::size_t unit) noexcept {
  return (size + unit - 1) / unit * unit;
}

}  // namespace

Error to_error(int code, const std::string& doing) {
  const std::string text = doing + ": " + mdb_strerror(code);
  switch (code) {
    case ENOSPC:
    case EDQUOT:
    case EFBIG: return Error(Errc::unavailable, text + " (nothing was written)", code);
    case EACCES:
    case EPERM:
    case EROFS: return Error(Errc::rejected, text, code);
    case ENOMEM: return Error(Errc::internal, text, code);
    case MDB_CORRUPTED:
    case MDB_PAGE_NOTFOUND:
    case MDB_INVALID:
    case MDB_PANIC:
      return Error(Errc::corrupt, text + " (stop the programs that use it and remove the folder)");
    case MDB_READERS_FULL: return Error(Errc::unavailable, text + " (raise `max_readers`)");
    default: return Error(Errc::unavailable, text, code > 0 ? code : 0);
  }
}

Environment::Environment(const Settings& settings, const Services& services)
    : settings_(settings), services_(services), file_(settings.folder + "/data.mdb") {
  try {
    open();
  } catch (...) {
    close();
    throw;
  }
}

Environment::~Environment() {
  close();
}

void Environment::open() {
  struct stat before {};
  const bool existed = stat(file_.c_str(), &before) == 0 && before.st_size > 0;

  if (!foreign_files(file_).empty()) {
    throw Error(Errc::config, file_ +
                                  " is open in this program already, by another copy of this "
                                  "plugin or by LMDB itself, which must not have it open twice: "
                                  "load the plugin from one path only");
  }
  if (const int code = mdb_env_create(&env_); code != 0) throw to_error(code, "cannot start LMDB");
  page_size_ = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  mdb_env_set_mapsize(env_, round_up(settings_.max_bytes, page_size_));
  mdb_env_set_maxdbs(env_, 3);
  mdb_env_set_maxreaders(env_, settings_.max_readers);
  const unsigned flags = MDB_NOTLS | (settings_.sync == Sync::none   ? MDB_NOSYNC
                                      : settings_.sync == Sync::meta ? MDB_NOMETASYNC
                                                                     : 0);
  const int code = mdb_env_open(env_, settings_.folder.c_str(), flags, settings_.permissions);
  if (code == MDB_INVALID || code == MDB_VERSION_MISMATCH || code == MDB_CORRUPTED) {
    throw Damaged(file_ + " is damaged or is no LMDB file (" + mdb_strerror(code) +
                  "). It was left alone: remove it, or choose another path");
  }
  if (code != 0) {
    const char* remedy = code == ENOMEM ? " (`max_bytes` is more than can be mapped)" : "";
    throw Error(Errc::config, "cannot open " + file_ + ": " + mdb_strerror(code) + remedy,
                code > 0 ? code : 0);
  }
  own_files_ = foreign_files(file_);  // LMDB opens it twice
  for (const int file : own_files_) OwnFiles::add(file);
  if (mdb_env_get_maxkeysize(env_) < static_cast<int>(StoredKey::hashed_size)) {
    throw Error(Errc::config, "this build of LMDB takes keys of " +
                                  std::to_string(mdb_env_get_maxkeysize(env_)) +
                                  " bytes only; cairn needs 511");
  }
  check_file(existed);
  clear_dead_readers();
  open_trees();
}

// LMDB trusts the file: a page that it names and that is not there would end the program. So the
// file always has the size of the map (with holes), and one that is shorter than its content was
// cut off.
void Environment::check_file(bool existed) const {
  MDB_envinfo info{};
  MDB_stat tree{};
  mdb_env_info(env_, &info);
  mdb_env_stat(env_, &tree);
  int file = -1;
  mdb_env_get_fd(env_, &file);
  struct stat now {};
  if (fstat(file, &now) != 0) throw to_error(errno, "cannot look at " + file_);
  const auto size = static_cast<std::size_t>(now.st_size);
  if (existed && size < (info.me_last_pgno + 1) * tree.ms_psize) {
    throw Damaged(file_ + " was cut off: it has " + std::to_string(size) + " bytes of " +
                  std::to_string((info.me_last_pgno + 1) * tree.ms_psize) +
                  ". It was left alone: remove it, or choose another path");
  }
  const FileSizeSignalHeld held;
  if (size < info.me_mapsize && ftruncate(file, static_cast<off_t>(info.me_mapsize)) != 0) {
    const int error = errno;
    held.take();
    throw Error(Errc::config,
                "cannot give " + file_ + " the size of `max_bytes`: " + std::strerror(error),
                error);
  }
}

void Environment::open_trees() {
  Writing writing(*this);
  MDB_txn* txn = writing.txn();
  const auto check = [&](int code) {
    if (code != 0) throw to_error(code, "cannot read " + file_);
  };
  check(mdb_dbi_open(txn, nullptr, 0, &entries_));
  MDB_stat stat{};
  check(mdb_stat(txn, entries_, &stat));
  MDB_val key = to_val(mark_key), value;
  const int found = mdb_get(txn, entries_, &key, &value);
  if (found != 0 && found != MDB_NOTFOUND) check(found);
  if (found == MDB_NOTFOUND && stat.ms_entries != 0) {
    throw Error(Errc::config, file_ +
                                  " is an LMDB database of another program. It was left alone: "
                                  "choose another path");
  }
  if (found == 0 && to_view(value) != mark) {
    throw Error(Errc::config, file_ + " was written by another version of cairn (layout \"" +
                                  std::string(to_view(value)) + "\", this one knows \"" +
                                  std::string(mark) + "\"): remove it, or choose another path");
  }
  if (found == MDB_NOTFOUND) {
    value = to_val(mark);
    check(mdb_put(txn, entries_, &key, &value, 0));
    key = to_val(room_key);
    check(mdb_put(txn, entries_, &key, &value, 0));
  }
  check(mdb_dbi_open(txn, ages_name, MDB_CREATE | MDB_INTEGERKEY, &ages_));
  check(mdb_dbi_open(txn, expiries_name, MDB_CREATE, &expiries_));
  check(writing.commit());
}

void Environment::close() noexcept {
  if (env_ == nullptr) return;
  for (Slot& slot : slots_) {
    if (slot.txn != nullptr) mdb_txn_abort(slot.txn);
    slot.txn = nullptr;
  }
  for (const int file : own_files_) OwnFiles::remove(file);
  mdb_env_close(env_);
  env_ = nullptr;
}

int Environment::clear_dead_readers() noexcept {
  int dead = 0;
  mdb_reader_check(env_, &dead);
  return dead;
}

std::size_t Environment::used_bytes(MDB_txn* txn) const noexcept {
  constexpr MDB_dbi free_pages = 0;
  std::size_t pages = 2;
  for (const MDB_dbi tree : {free_pages, entries_, ages_, expiries_}) {
    MDB_stat stat{};
    if (mdb_stat(txn, tree, &stat) != 0) continue;
    pages += stat.ms_branch_pages + stat.ms_leaf_pages + stat.ms_overflow_pages;
  }
  return pages * page_size_;
}

std::size_t Environment::entry_count(MDB_txn* txn) const noexcept {
  MDB_stat stat{};
  return mdb_stat(txn, entries_, &stat) == 0 ? stat.ms_entries - own_records : 0;
}

int Environment::pass_turn() {
  Writing writing(*this);
  std::uint64_t id = mdb_txn_id(writing.txn());
  MDB_val key = to_val(room_key), value{sizeof id, &id};
  const int code = mdb_put(writing.txn(), entries_, &key, &value, 0);
  return code == 0 ? writing.commit() : code;
}

// ---- reading ----

std::size_t Environment::take_slot() noexcept {
  const std::size_t first = home();
  for (unsigned round = 0;; ++round) {
    for (std::size_t i = 0; i < slot_count; ++i) {
      const std::size_t slot = (first + i) % slot_count;
      std::atomic<bool>& taken = slots_[slot].taken;
      if (!taken.load(std::memory_order_relaxed) &&
          !taken.exchange(true, std::memory_order_acquire)) {
        return slot;
      }
    }
    // More than 64 reads at once wait for the disk, or the map is being changed.
    if (round < 16) {
      std::this_thread::yield();
    } else {
      std::this_thread::sleep_for(std::chrono::microseconds(50));
    }
  }
}

MDB_txn* Environment::begin_reading(std::size_t slot) {
  MDB_txn*& txn = slots_[slot].txn;
  if (txn != nullptr) [[likely]] {
    const int code = mdb_txn_renew(txn);
    if (code == 0) return txn;
    if (code == MDB_MAP_RESIZED) return nullptr;
    throw to_error(code, "cannot read " + file_);
  }
  int code = mdb_txn_begin(env_, nullptr, MDB_RDONLY, &txn);
  while (code == MDB_READERS_FULL && (clear_dead_readers() > 0 || end_an_idle_reader())) {
    code = mdb_txn_begin(env_, nullptr, MDB_RDONLY, &txn);
  }
  if (code == 0) return txn;
  txn = nullptr;
  if (code == MDB_MAP_RESIZED) return nullptr;
  throw to_error(code, "cannot read " + file_);
}

// Whether one of our readers that nobody uses could be given back to LMDB.
bool Environment::end_an_idle_reader() noexcept {
  for (std::size_t slot = 0; slot < slot_count; ++slot) {
    if (slots_[slot].taken.exchange(true, std::memory_order_acquire)) continue;
    MDB_txn* const idle = std::exchange(slots_[slot].txn, nullptr);
    if (idle != nullptr) mdb_txn_abort(idle);
    give_back(slot);
    if (idle != nullptr) return true;
  }
  return false;
}

Environment::Reading::Reading(Environment& environment)
    : environment_(environment), slot_(environment.take_slot()) {
  for (;;) {
    try {
      txn_ = environment_.begin_reading(slot_);
    } catch (...) {
      environment_.give_back(slot_);
      throw;
    }
    if (txn_ != nullptr) [[likely]]
      return;
    environment_.give_back(slot_);  // another process has grown the file
    {
      const std::lock_guard lock(environment_.mutex_);
      environment_.adopt_size();
    }
    slot_ = environment_.take_slot();
  }
}

Environment::Reading::~Reading() {
  mdb_txn_reset(txn_);
  environment_.give_back(slot_);
}

Environment::Reads Environment::reads() const noexcept {
  Reads sum;
  for (const Slot& slot : slots_) {
    sum.hits += slot.hits.load(std::memory_order_relaxed);
    sum.misses += slot.misses.load(std::memory_order_relaxed);
  }
  return sum;
}

void Environment::adopt_size() {
  for (Slot& slot : slots_) {
    while (slot.taken.exchange(true, std::memory_order_acquire)) std::this_thread::yield();
  }
  const int code = mdb_env_set_mapsize(env_, 0);
  for (Slot& slot : slots_) slot.taken.store(false, std::memory_order_release);
  if (code != 0) throw to_error(code, "cannot follow the growth of " + file_);
}

// ---- writing ----

Environment::Writing::Writing(Environment& environment) : lock_(environment.mutex_) {
  for (;;) {
    const int code = mdb_txn_begin(environment.env_, nullptr, 0, &txn_);
    if (code == 0) return;
    txn_ = nullptr;
    if (code != MDB_MAP_RESIZED) throw to_error(code, "cannot write " + environment.file_);
    environment.adopt_size();
  }
}

Environment::Writing::~Writing() {
  if (txn_ != nullptr) mdb_txn_abort(txn_);
}

int Environment::Writing::commit() noexcept {
  MDB_txn* txn = txn_;
  txn_ = nullptr;
  return mdb_txn_commit(txn);
}

}  // namespace cairn::lmdb
