// One folder, open in this process: the database, its writer and its locks. LMDB must not open a
// file twice in one process, so every component on the same folder shares one Store.
//
// Threads: any method, any thread, any time. Lifetimes: what get() hands out is a copy, and
// outlives it.
#pragma once

#include "creation_locks.hpp"
#include "environment.hpp"
#include "writer.hpp"

#include <cairn/backend.hpp>

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace cairn::lmdb {

class Store {
 public:
  /// The store of the folder. Errors: Error(config) saying what is wrong with the folder or file,
  /// or that it is open in this process with other settings.
  static std::shared_ptr<Store> open(const Settings& settings, const Services& services);
  /// Lets go of it. The last one closes it, and nobody opens it again before that is done.
  static void release(std::shared_ptr<Store>& store) noexcept;

  Store(const Settings& settings, const Services& services);
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;
  ~Store();

  OptionalEntry get(Key key);
  void get_multi(Keys keys, Results results);
  void apply(std::span<Change> changes, Writer::Clock::time_point deadline) {
    writer_->apply(changes, deadline);
  }
  struct Found {
    std::string key;
    Entry entry;
  };
  /// The next entries, `limit` at most and fewer if they are large, in the order of their keys. A
  /// cursor of 0 begins, and is 0 again at the end. Errors: Error(rejected) for a cursor that is
  /// not, or no longer, one: of many scans at once the oldest are forgotten.
  std::vector<Found> scan(std::uint64_t& cursor, std::size_t limit);
  CreationLocks& locks() noexcept { return *locks_; }
  Environment& environment() noexcept { return *environment_; }
  const Writer& writer() const noexcept { return *writer_; }
  const Settings& settings() const noexcept { return settings_; }

 private:
  OptionalEntry read(const Environment::Reading& reading, Key key);
  // Reading the clock costs a tenth of a get, and most entries that are read have no expiry.
  bool has_expired(const Record& record) const noexcept {
    return record.expires() && record.has_expired(services_.now().time_since_epoch().count());
  }
  static Entry to_entry(const Record& record);
  void open_first();
  void open_next();

  const Settings settings_;
  const Services services_;
  const int process_;
  std::unique_ptr<CreationLocks> locks_;
  std::unique_ptr<Environment> environment_;
  std::unique_ptr<Writer> writer_;

  std::mutex scans_mutex_;
  std::uint64_t last_scan_ = 0;  // guarded by scans_mutex_
  std::map<std::uint64_t, std::string>
      scans_;  // guarded by scans_mutex_: the stored key to go on after
};

}  // namespace cairn::lmdb
