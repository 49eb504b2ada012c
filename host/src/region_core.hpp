// RegionCore: a region without types. Entries in, entries out; Region (region.hpp) adds the types.
//
// What a region is made of (its Setup: stack, policy, key mangler) is immutable and replaced as a whole.
// A hit pins it, reads, judges and is done: no lock, no allocation. Whoever creates holds a reference to
// the setup it began with, so that a replaced stack lives until its last creator is through.
//
//   region_core.cpp     reads, writes, judging, statistics, replacing and closing
//   creation.cpp        get_or_create for one key
//   creation_multi.cpp  for many
//
// Threads: any method, any thread, any time.
#pragma once

#include "background.hpp"
#include "flights.hpp"
#include "freshness.hpp"
#include "lease.hpp"
#include "pin.hpp"
#include "services.hpp"
#include "stack.hpp"

#include <cairn/host/region.hpp>

#include <array>
#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>

namespace cairn::hosting {

/// One immutable make-up of a region.
struct Setup : std::enable_shared_from_this<Setup> {
  std::shared_ptr<const Stack> stack;  // null: closed
  const cairn_next* top = nullptr;
  RegionPolicy policy;
  Lifetime lifetime;
  std::shared_ptr<InvalidationStrategy> invalidation;
  const LocalInvalidation* local_invalidation = nullptr;  // the same, if it is one: no virtual call
  std::function<std::string(std::string_view)> mangler;   // empty: keys as they are
  BackgroundRunner runner;
  bool locks_in_store = false;
  std::chrono::nanoseconds lease{0};
};
using SetupPtr = std::shared_ptr<const Setup>;

/// What the policy's key mangler does; empty for none.
std::function<std::string(std::string_view)> make_mangler(const KeyMangler& mangler);

/// A key in a log line: control characters as \xNN, and at most 300 bytes of it.
std::string shown_key(std::string_view key);

/// The keys of a batch as the store sees them.
class MangledKeys {
 public:
  MangledKeys(const Setup& setup, Keys keys) : keys_(keys.begin(), keys.end()) {
    if (!setup.mangler) return;
    names_.reserve(keys.size());
    for (Key& key : keys_) key = names_.emplace_back(setup.mangler(key));
  }
  Key operator[](std::size_t i) const noexcept { return keys_[i]; }
  const cairn_bytes* raw() const noexcept {
    return reinterpret_cast<const cairn_bytes*>(keys_.data());
  }

 private:
  std::vector<std::string> names_;
  std::vector<Key> keys_;
};

/// Makes a call ready, touching only its head: nobody reads the text unless `error` says so.
inline void begin(cairn_call& call) noexcept {
  call.size = sizeof call;
  call.flags = 0;
  call.deadline_ns = 0;
  call.error = CAIRN_OK;
  call.system_error = 0;
  call.error_text[0] = '\0';
}

class RegionCore : public std::enable_shared_from_this<RegionCore> {
 public:
  /// `background` and `leases` outlive the region.
  RegionCore(std::string name, Setup setup, HostServices& services, Background& background,
             LeaseKeeper& leases);
  RegionCore(const RegionCore&) = delete;
  RegionCore& operator=(const RegionCore&) = delete;
  ~RegionCore();

  /// What the store and `accept` say of a key, and how good it is for get_or_create.
  struct Candidate {
    Entry entry;  // owned, unless missing
    Verdict verdict{State::missing, Reason::absent};
    bool refresh_due = false;
    bool negative = false;
  };

  const std::string& name() const noexcept { return name_; }
  std::uint32_t kinds() const noexcept { return kinds_.load(std::memory_order_relaxed); }
  const Clock& clock() const noexcept { return services_.clock(); }

  /// True: `accept` was given a value that is good.
  bool read(Key key, const GetOptions& options, detail::Accept accept);
  /// Calls `refuse(i)` for a value that was accepted and turned out not to be good.
  void read_multi(Keys keys, const GetOptions& options, detail::AcceptEach accept,
                  detail::FunctionRef<void(std::size_t)> refuse);
  void write(Key key, Entry entry, const SetOptions& options);
  /// With `began`, values whose making began then; void if they were invalidated meanwhile.
  void write_multi(Keys keys, std::span<Entry> entries, const SetOptions& options,
                   std::optional<Time> began = {});
  bool remove(Key key);
  std::size_t remove_multi(Keys keys);

  void create(Key key, const CreateOptions& options, detail::Accept accept, detail::Create create,
              const std::function<detail::DetachedCreate()>& detach);
  /// A key that nobody creates is left alone: accept is not called for it.
  void create_multi(Keys keys, const CreateOptions& options, detail::AcceptEach accept,
                    detail::CreateEach create,
                    const std::function<detail::DetachedCreateEach()>& detach);

  /// A time for a new value: not before any that was given out.
  Time stamp();

  void invalidate(Invalidation kind);
  bool key_is_locked(Key key);
  RegionStatistics statistics() const;

  /// What the region is made of now.
  SetupPtr setup() const;
  /// Changes it. Calls under way finish on what they began with.
  void replace(const std::function<void(Setup&)>& change);
  /// Every later call finds the stack closed. True: nobody uses the old one any more.
  bool close(std::chrono::milliseconds patience);
  /// In the child of a fork.
  void after_fork();

 private:
  friend class StoreLock;
  friend class Creation;
  friend class Recreation;
  friend class MultiCreation;
  friend class MultiRecreation;

  // One counter per stripe for what happens on every hit, one for all for the rest.
  struct alignas(64) HitStripe {
    std::atomic<std::uint64_t> hits{0};
  };
  struct Counters {
    std::atomic<std::uint64_t> absent{0}, expired{0}, invalidated{0}, other_version{0},
        unreadable{0}, store_errors{0}, stale_served{0}, creations{0}, creation_errors{0},
        creation_ns{0}, refreshes{0}, waits{0}, wait_timeouts{0}, wait_ns{0}, locks_lost{0},
        lock_errors{0};
  };
  static void count(std::atomic<std::uint64_t>& counter, std::uint64_t by = 1) noexcept {
    counter.fetch_add(by, std::memory_order_relaxed);
  }
  void count_miss(Reason reason) noexcept;

  /// Calls `operation(table)` on the setup's stack, unless the region was closed: UNAVAILABLE then.
  template <class Operation>
  cairn_status on_stack(const Setup& setup, Operation&& operation) {
    const auto pin = current_.pin();
    return pin->stack == nullptr ? CAIRN_UNAVAILABLE : operation(*setup.top);
  }

  /// The age of what was created then; the exact clock where a few milliseconds matter.
  std::int64_t age_of(const Lifetime& lifetime, std::int64_t created_ns) const;
  Invalidation invalidated(const Setup& setup, Key key, const Entry& entry) const;
  /// Judges an entry that was read, by the rules of get_or_create.
  Verdict judge(const Setup& setup, const Lifetime& lifetime, Key key, const Entry& entry,
                bool negative, bool& refresh_due) const;
  /// Whether the value that somebody else's creator made will do for a caller who waited for it: not
  /// if the region was invalidated after that creator had begun.
  bool accept_landed(const Setup& setup, Key key, detail::Accept accept, const Entry& entry);
  /// Reads and judges; a candidate that is not missing has been accepted.
  Candidate look(const Setup& setup, const Lifetime& lifetime, Key key, detail::Accept accept);
  Candidate consider(const Setup& setup, const Lifetime& lifetime, Key key, Entry entry,
                     detail::Accept accept);
  /// Calls accept, and turns Error(corrupt) into nothing; raises it if strict.
  std::optional<detail::Found> try_accept(const Setup& setup, detail::Accept accept,
                                          const Entry& entry);
  /// What to do about a status of the store: nothing, count and log, or raise.
  void on_store_error(const Setup& setup, cairn_status status, const cairn_call& call,
                      const char* doing);

  /// A time for an invalidation: after all that were given out.
  Time invalidation_stamp();
  /// When a value counts as made that was created from `began` until now: now, unless it was
  /// invalidated meanwhile, in which case it must not survive.
  Time created_since(const Setup& setup, Key key, Time began);

  static std::chrono::nanoseconds ttl_of(const Setup& setup, const SetOptions& options) noexcept;

  /// At level debug, why a creator is needed.
  void log_miss(Key key, Reason reason) const;
  void log(LogLevel level, const std::string& text) const { services_.log(level, who_, text); }

  const std::string name_;
  const std::string who_;  // "region users"
  HostServices& services_;
  Background& background_;
  LeaseKeeper& leases_;

  Pinned<Setup> current_;
  std::atomic<std::uint32_t> kinds_{0};
  mutable std::mutex setup_mutex_;
  SetupPtr setup_;  // guarded by setup_mutex_; keeps *current_ alive

  Flights flights_;
  std::atomic<std::int64_t> last_stamp_{0};
  std::atomic<int> invalidating_{
      0};  // invalidations whose stamp is taken but perhaps not in force yet
  std::atomic<std::int64_t> last_error_log_ns_{INT64_MIN};

  // Keys whose background creator failed lately, and until when (steady) nobody tries again.
  std::mutex failures_mutex_;
  struct Failure {
    std::chrono::steady_clock::time_point until;
    std::chrono::milliseconds pause;
  };
  std::unordered_map<std::string, Failure> failures_;

  std::array<HitStripe, stripe_count> hits_;
  Counters counters_;
};

}  // namespace cairn::hosting
