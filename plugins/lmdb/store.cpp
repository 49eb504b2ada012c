#include "store.hpp"

#include "file_system.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <map>
#include <mutex>
#include <optional>

namespace cairn::lmdb {
namespace {

namespace fs = std::filesystem;

// The stores that are open in this process, by device and inode of the folder.
struct OpenStores {
  std::mutex mutex;
  std::map<std::pair<dev_t, ino_t>, std::weak_ptr<Store>> stores;
  const pid_t process = getpid();
};

// Never destroyed: a component may be destroyed by an exit handler. A forked child starts afresh,
// for LMDB must not be used there, and the mutex may be held by a thread that is not there.
OpenStores& open_stores() {
  static std::atomic<OpenStores*> current{nullptr};
  OpenStores* found = current.load();
  if (found != nullptr && found->process == getpid()) return *found;
  auto* fresh = new OpenStores;
  if (current.compare_exchange_strong(found, fresh)) return *fresh;
  delete fresh;
  return *found;
}

std::string boot_id() {
  std::string id(36, '\0');
  const int file = ::open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
  const ssize_t size = file < 0 ? -1 : read(file, id.data(), id.size());
  if (file >= 0) close(file);
  id.resize(size < 0 ? 0 : static_cast<std::size_t>(size));
  return id;
}

// Says that the file may hold what the machine has not written to the disk yet, and since which
// start of the machine. Only with Sync::none.
class UnsyncedMark {
 public:
  explicit UnsyncedMark(const std::string& folder) : path_(folder + "/unsynced") {}

  bool is_of_earlier_boot() const {
    const std::optional<std::string> found = content();
    return found && *found != boot_id();
  }
  bool is_of_this_boot() const { return content() == boot_id(); }
  void set(unsigned permissions) const {
    const int file = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, permissions);
    const std::string id = boot_id();
    const bool written = file >= 0 &&
                         write(file, id.data(), id.size()) == static_cast<ssize_t>(id.size()) &&
                         fsync(file) == 0;
    const int error = errno;
    if (file >= 0) ::close(file);
    if (!written) {
      throw Error(Errc::config, "cannot write " + path_ + ": " + std::strerror(error), error);
    }
  }
  void clear() const noexcept { ::unlink(path_.c_str()); }

 private:
  std::optional<std::string> content() const {
    char text[64];
    const int file = ::open(path_.c_str(), O_RDONLY | O_CLOEXEC);
    if (file < 0) return std::nullopt;
    const ssize_t size = ::read(file, text, sizeof text);
    ::close(file);
    if (size < 0) return std::nullopt;
    return std::string(text, static_cast<std::size_t>(size));
  }

  std::string path_;
};

void remove_database(const std::string& folder) {
  for (const char* name : {"/data.mdb", "/lock.mdb"}) ::unlink((folder + name).c_str());
}

// LMDB maps its table of readers with holes, and filling one on a full disk would end the program.
// So it finds the file with its full size. Precondition: nobody has it open, for closing it drops
// LMDB's locks.
void reserve_reader_table(const Settings& settings) {
  const std::string path = settings.folder + "/lock.mdb";
  constexpr off_t per_reader = 64, header = 256;
  const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, settings.permissions);
  const int error =
      file < 0 ? errno
               : posix_fallocate(file, 0,
                                 header + per_reader * static_cast<off_t>(settings.max_readers));
  if (file >= 0) ::close(file);
  if (error != 0) {
    throw Error(Errc::config, "cannot reserve room for " + path + ": " + std::strerror(error),
                error);
  }
}

// "`max_bytes` and `sync`"; the folder may be the same by another name.
std::string differing_options(const Settings& a, const Settings& b) {
  std::vector<const char*> names;
  if (a.max_bytes != b.max_bytes) names.push_back("max_bytes");
  if (a.sync != b.sync) names.push_back("sync");
  if (a.max_readers != b.max_readers) names.push_back("max_readers");
  if (a.permissions != b.permissions) names.push_back("permissions");
  if (a.start_empty_when_damaged != b.start_empty_when_damaged) names.push_back("when_damaged");
  if (a.timeout != b.timeout) names.push_back("timeout");
  std::string text;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (i > 0) text += i + 1 < names.size() ? ", " : " and ";
    text += std::string("`") + names[i] + "`";
  }
  return text;
}

void make_folder(const Settings& settings) {
  std::error_code error;
  if (fs::is_directory(settings.folder, error)) return;
  if (const fs::path parent = fs::path(settings.folder).parent_path(); !parent.empty()) {
    fs::create_directories(parent, error);
  }
  // Whoever may read or write the files may enter the folder.
  const unsigned mode = settings.permissions | (settings.permissions & 0444) >> 2;
  if (mkdir(settings.folder.c_str(), mode) != 0 && errno != EEXIST) {
    throw Error(Errc::config,
                "cannot make the folder " + settings.folder + ": " + std::strerror(errno), errno);
  }
  if (!fs::is_directory(settings.folder, error)) {
    throw Error(Errc::config, settings.folder +
                                  " is not a folder: `path` names a folder, in which the "
                                  "files are made");
  }
}

}  // namespace

std::shared_ptr<Store> Store::open(const Settings& settings, const Services& services) {
  make_folder(settings);
  if (const auto name = network_file_system_of(settings.folder)) {
    throw Error(Errc::config,
                settings.folder + " lies on " + std::string(*name) +
                    ", which several machines share: LMDB maps the file, and needs a local "
                    "disk. Choose a `path` on one");
  }
  struct stat folder {};
  if (stat(settings.folder.c_str(), &folder) != 0) {
    throw Error(Errc::config, "cannot look at " + settings.folder + ": " + std::strerror(errno),
                errno);
  }
  OpenStores& open = open_stores();
  const std::lock_guard lock(open.mutex);
  std::weak_ptr<Store>& known = open.stores[{folder.st_dev, folder.st_ino}];
  if (std::shared_ptr<Store> store = known.lock()) {
    if (const std::string differing = differing_options(settings, store->settings_);
        !differing.empty()) {
      throw Error(Errc::config,
                  settings.folder +
                      " is already open in this program with other settings: give both "
                      "the same " +
                      differing);
    }
    return store;
  }
  auto store = std::make_shared<Store>(settings, services);
  known = store;
  return store;
}

void Store::release(std::shared_ptr<Store>& store) noexcept {
  if (store == nullptr) return;
  const std::lock_guard lock(open_stores().mutex);
  store.reset();
}

Store::Store(const Settings& settings, const Services& services)
    : settings_(settings), services_(services), process_(getpid()) {
  locks_ = std::make_unique<CreationLocks>(settings_.folder, settings_.permissions,
                                           settings_.timeout, [this] { open_first(); });
  if (environment_ == nullptr) open_next();
  writer_ = std::make_unique<Writer>(settings_, services_, *environment_, *locks_);
}

// Nobody else has the folder open.
void Store::open_first() {
  const UnsyncedMark unsynced(settings_.folder);
  if (unsynced.is_of_earlier_boot()) {
    services_.log(
        Services::warning,
        "the machine went down while " + settings_.folder +
            " was open with sync = \"none\": its content may be torn, so it starts empty");
    remove_database(settings_.folder);
  }
  // Before the first write, and only with `none`: with the others the disk is always sound.
  if (settings_.sync == Sync::none) {
    unsynced.set(settings_.permissions);
  } else {
    unsynced.clear();
  }
  reserve_reader_table(settings_);
  try {
    environment_ = std::make_unique<Environment>(settings_, services_);
  } catch (const Damaged& damage) {
    if (!settings_.start_empty_when_damaged) throw;
    services_.log(Services::warning,
                  std::string(damage.what()) + ": when_damaged = \"start_empty\"");
    remove_database(settings_.folder);
    reserve_reader_table(settings_);
    environment_ = std::make_unique<Environment>(settings_, services_);
  }
}

// Others have the folder open.
void Store::open_next() {
  // LMDB would make what is missing, and then two files would share one table of readers, or two
  // tables one file.
  for (const char* name : {"/data.mdb", "/lock.mdb"}) {
    struct stat ignored {};
    if (stat((settings_.folder + name).c_str(), &ignored) == 0 || errno != ENOENT) continue;
    throw Error(Errc::config, settings_.folder + name +
                                  " was removed while a program has it open: stop the programs "
                                  "that use the folder, or remove all of its files");
  }
  // They may sync what they write, and have made no mark.
  const UnsyncedMark unsynced(settings_.folder);
  if (settings_.sync == Sync::none && !unsynced.is_of_this_boot()) {
    unsynced.set(settings_.permissions);
  }
  environment_ = std::make_unique<Environment>(settings_, services_);
}

Store::~Store() {
  if (process_ != getpid()) {  // a forked child: all this is the parent's
    environment_->abandon();
    locks_->abandon();
    return;
  }
  locks_->leave([&](bool alone) {
    if (alone && environment_->sync()) UnsyncedMark(settings_.folder).clear();
    environment_.reset();
  });
}

OptionalEntry Store::get(Key key) {
  Environment::Reading reading(*environment_);
  OptionalEntry found = read(reading, key);
  reading.count(found ? 1 : 0, found ? 0 : 1);
  return found;
}

void Store::get_multi(Keys keys, Results results) {
  Environment::Reading reading(*environment_);
  std::uint64_t hits = 0;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    try {
      if (OptionalEntry entry = read(reading, keys[i])) {
        results.hit(i, std::move(*entry));
        ++hits;
      }
    } catch (const Error& error) {  // a damaged record is its key's affair
      results.fail(i, error.code());
    }
  }
  reading.count(hits, keys.size() - hits);
}

OptionalEntry Store::read(const Environment::Reading& reading, Key key) {
  const StoredKey stored(key);
  MDB_val stored_key = to_val(stored.view()), value;
  const int code = mdb_get(reading.txn(), environment_->entries(), &stored_key, &value);
  if (code == MDB_NOTFOUND) return std::nullopt;
  if (code != 0) throw to_error(code, "cannot read " + settings_.folder);
  const Record record(to_view(value), stored.is_hashed());
  if (!record.is_sound()) throw Error(Errc::corrupt, "a record is shorter than its header");
  if (has_expired(record)) return std::nullopt;
  if (stored.is_hashed() && record.key() != key.view()) return std::nullopt;
  return to_entry(record);
}

Entry Store::to_entry(const Record& record) {
  // Copied, for a view into the map would keep its transaction open, and with it every page that
  // was in use then: one entry that is held for an hour would fill the file.
  Entry entry = Entry::copy(record.payload());
  entry.raw().expires_ns = record.header().expires_ns;
  entry.raw().cas = record.header().sequence;
  return entry;
}

std::vector<Store::Found> Store::scan(std::uint64_t& cursor, std::size_t limit) {
  constexpr std::size_t most = 1000, most_bytes = 16 << 20, most_scans = 64;
  std::string after;
  if (cursor != 0) {
    const std::lock_guard lock(scans_mutex_);
    const auto known = scans_.find(cursor);
    if (known == scans_.end())
      throw Error(Errc::rejected, "this scan is not, or no longer, under way");
    after = std::move(known->second);
    scans_.erase(known);
  }
  cursor = 0;

  // All copied before anybody sees it: who visits may write, and writing may need every reader
  // gone.
  std::vector<Found> found;
  bool at_end = true;
  {
    const Environment::Reading reading(*environment_);
    MDB_cursor* raw = nullptr;
    if (const int code = mdb_cursor_open(reading.txn(), environment_->entries(), &raw); code != 0) {
      throw to_error(code, "cannot read " + settings_.folder);
    }
    const std::unique_ptr<MDB_cursor, decltype(&mdb_cursor_close)> position(raw, &mdb_cursor_close);
    MDB_val key = to_val(after), value;
    int code = mdb_cursor_get(raw, &key, &value, after.empty() ? MDB_FIRST : MDB_SET_RANGE);
    if (code == 0 && to_view(key) == after) code = mdb_cursor_get(raw, &key, &value, MDB_NEXT);
    for (std::size_t bytes = 0; code == 0; code = mdb_cursor_get(raw, &key, &value, MDB_NEXT)) {
      if (found.size() >= std::clamp<std::size_t>(limit, 1, most) || bytes > most_bytes) {
        at_end = false;
        break;
      }
      const std::string_view stored = to_view(key);
      after = stored;
      if (stored[0] == StoredKey::reserved && stored.size() != StoredKey::hashed_size) continue;
      const bool hashed = stored.size() == StoredKey::hashed_size;
      const Record record(to_view(value), hashed);
      if (!record.is_sound() || has_expired(record)) continue;
      found.push_back({std::string(hashed ? record.key() : stored), to_entry(record)});
      bytes += value.mv_size;
    }
    if (code != 0 && code != MDB_NOTFOUND) throw to_error(code, "cannot read " + settings_.folder);
  }
  if (!at_end) {
    const std::lock_guard lock(scans_mutex_);
    cursor = ++last_scan_;
    scans_.emplace(cursor, std::move(after));
    if (scans_.size() > most_scans) scans_.erase(scans_.begin());
  }
  return found;
}

}  // namespace cairn::lmdb
