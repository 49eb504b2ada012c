// RegionCore: a region without types. Entries in, entries out; Region (region.hpp) adds the types.
//
// A hit pins the region's setup, reads, judges and is done: no lock, no allocation.
//
//   reading.cpp             reads and hits, and the judgement of what was read
//   writing.cpp             writes and removals
//   region_core.cpp         invalidating, replacing, closing
//   creation.cpp            get_or_create for one key that was no hit
//   multi_creation.cpp      for many
//   recreation.cpp          stale values, on a background thread
//
// Threads: any method, any thread, any time.
#pragma once

#include "background.hpp"
#include "counters.hpp"
#include "failed_keys.hpp"
#include "flights.hpp"
#include "freshness.hpp"
#include "lease.hpp"
#include "pin.hpp"
#include "region_log.hpp"
#include "services.hpp"
#include "setup.hpp"
#include "stamps.hpp"
#include "system_time.hpp"

#include <cairn/call.hpp>
#include <cairn/host/detail/creators.hpp>
#include <cairn/host/region_options.hpp>

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>

namespace cairn::hosting {

class RegionCore : public std::enable_shared_from_this<RegionCore> {
 public:
  /// `background` outlives every call. What may outlive the host, a job that a runner keeps, needs `leases`.
  RegionCore(std::string name, Setup setup, HostServices& services, Background& background,
             std::shared_ptr<LeaseKeeper> leases);
  RegionCore(const RegionCore&) = delete;
  RegionCore& operator=(const RegionCore&) = delete;
  ~RegionCore();

  /// What the store says of a key, and how good it is for get_or_create. One that is not missing has been
  /// accepted.
  struct Candidate {
    Entry entry;  // owned, unless missing
    Verdict verdict{State::missing, Reason::absent};
    bool negative = false;
  };

  const std::string& name() const noexcept { return name_; }
  std::uint32_t kinds() const noexcept { return kinds_.load(std::memory_order_relaxed); }
  const Clock& clock() const noexcept { return clock_; }

  /// True: `who` was given a value that is good.
  bool read(Key key, const GetOptions& options, const detail::Recipient& who);
  /// Calls `refuse(i)` for a value that was accepted and turned out not to be good.
  void read_multi(Keys keys, const GetOptions& options, detail::AcceptEach accept,
                  detail::FunctionRef<void(std::size_t)> refuse);
  void write(Key key, Entry entry, const SetOptions& options);
  /// With `began`, values whose making began then; void if they were invalidated meanwhile.
  void write_multi(Keys keys, std::span<Entry> entries, const SetOptions& options,
                   std::optional<Time> began = {});
  bool remove(Key key);
  std::size_t remove_multi(Keys keys);

  void create(Key key, const CreateOptions& options, const detail::Recipient& who,
              detail::Create create, const std::function<detail::DetachedCreate()>& detach);
  /// Calls `refuse(i)` for a key that the creator left out: whatever was accepted for it was too old.
  void create_multi(Keys keys, const CreateOptions& options, detail::AcceptEach accept,
                    detail::FunctionRef<void(std::size_t)> refuse, detail::CreateEach create,
                    const std::function<detail::DetachedCreateEach()>& detach);

  /// A time for a new value: not before the last invalidation that is known.
  Time stamp(const Setup& setup) { return stamps_.for_value(setup.invalidation->latest()); }

  void invalidate(Invalidation kind);
  bool key_is_locked(Key key);
  RegionStatistics statistics() const { return counters_.read(); }

  /// What the region is made of now.
  SetupPtr setup() const;
  /// Changes it. Calls under way finish on what they began with.
  void replace(const std::function<void(Setup&)>& change);
  /// Every later call finds the stack closed. True: nobody uses the old one any more.
  bool close(std::chrono::milliseconds patience);
  /// In the child of a fork.
  void after_fork();

 private:
  // The rest of get_or_create, in files of its own.
  friend class StoreLock;
  friend class Creation;
  friend class Recreation;
  friend class MultiCreation;
  friend class MultiRecreation;

  /// Calls `operation(table)` on the setup's stack, unless the region was closed: UNAVAILABLE then.
  template <class Operation>
  cairn_status on_stack(const Setup& setup, Operation&& operation) {
    const auto pin = current_.pin();
    return pin->stack == nullptr ? CAIRN_UNAVAILABLE : operation(*setup.top);
  }

  /// What create() found when it was no plain hit, and under which setup.
  struct Missed {
    SetupPtr setup;
    std::optional<Verdict> verdict;  // empty: there is an entry to be judged
  };

  // While something is to be done besides reading.
  [[gnu::noinline]] bool read_with_detours(Key key, const GetOptions& options,
                                           const detail::Recipient& who);
  [[gnu::noinline]] void create_with_detours(Key key, const CreateOptions& options,
                                             const detail::Recipient& who, detail::Create create,
                                             const std::function<detail::DetachedCreate()>& detach);
  // With the key as the store sees it. What is no plain hit goes on in the functions after it.
  bool read_as(Key key, const GetOptions& options, const detail::Recipient& who);
  [[gnu::noinline]] bool read_failed(const Setup& setup, cairn_status status,
                                     const cairn_call& call);
  [[gnu::noinline]] bool read_judged(const Setup& setup, Key key, const GetOptions& options,
                                     const detail::Recipient& who);
  // True: it was a plain hit.
  bool create_as(Key key, const CreateOptions& options, const detail::Recipient& who,
                 detail::Create create, const std::function<detail::DetachedCreate()>& detach);
  bool is_hit(Key key, const CreateOptions& options, const detail::Recipient& who, Missed& missed);
  [[gnu::noinline]] void create_missed(Missed missed, Key key, const CreateOptions& options,
                                       const detail::Recipient& who, detail::Create create,
                                       const std::function<detail::DetachedCreate()>& detach,
                                       std::uint64_t landings);
  /// The pinned setup, for longer than it is pinned.
  [[gnu::cold]] SetupPtr keep(const Setup& setup) const;
  /// The key as the store sees it; `name` keeps it.
  [[gnu::cold]] Key mangled(Key key, std::string& name) const;

  static bool is_of_version(const Setup& setup, const Entry& entry) noexcept {
    return entry.value_version() == setup.value_version && entry.raw().created_ns > 0;
  }
  /// Whether an entry is good by the region's own rules, as far as can be told at a glance.
  [[gnu::always_inline]] bool surely_good(const Setup& setup, Key key, const Entry& entry) const {
    const Lifetime& lifetime = setup.lifetime;
    const std::int64_t created = entry.raw().created_ns;
    return (is_seconds_from_its_end(lifetime, created) ||
            age_of(lifetime, created) <= lifetime.surely_fresh()) &&
           setup.invalidated(key, entry.created()) == Invalidation::none;
  }
  /// Whether whole seconds tell that it is surely fresh, as they do until the last one. False: or they are
  /// not to be asked.
  bool is_seconds_from_its_end(const Lifetime& lifetime, std::int64_t created_ns) const noexcept {
    return has_system_clock_ && lifetime.clock() == Lifetime::Asks::coarse &&
           // On this side, as a store may say anything of when it was.
           created_ns >= end_of_this_second().time_since_epoch().count() - lifetime.surely_fresh();
  }
  /// The age of what was created then; the exact clock where a few milliseconds matter.
  std::int64_t age_of(const Lifetime& lifetime, std::int64_t created_ns) const {
    if (lifetime.clock() == Lifetime::Asks::nothing) return 0;
    const bool coarse = lifetime.clock() == Lifetime::Asks::coarse;
    const Time now = !coarse             ? clock_.now()
                     : has_system_clock_ ? system_time(CLOCK_REALTIME_COARSE)
                                         : clock_.coarse_now();
    return age_at(now, created_ns);
  }
  /// Judges an entry that was read, by the rules of get_or_create.
  Verdict judge(const Setup& setup, const Lifetime& lifetime, Key key, const Entry& entry,
                bool negative) const;
  /// Judges candidate.entry, and has it accepted unless it is missing.
  void consider(const Setup& setup, const Lifetime& lifetime, Key key, detail::Accept accept,
                Candidate& candidate);
  /// Reads and considers.
  Candidate look(const Setup& setup, const Lifetime& lifetime, Key key, detail::Accept accept);
  /// Whether the value that somebody else's creator made will do for a caller who waited for it: not
  /// if the region was invalidated after that creator had begun.
  bool accept_landed(const Setup& setup, Key key, detail::Accept accept, const Entry& entry);
  /// Calls accept, and turns Error(corrupt) into nothing; raises it if strict.
  std::optional<detail::Found> try_accept(const Setup& setup, detail::Accept accept,
                                          Entry&& entry) {
    try {
      return accept(std::move(entry));
    } catch (const Error& error) {
      note_unreadable(setup, error);
      return std::nullopt;
    }
  }
  /// In a handler: counts and logs what could not be read, or raises it again.
  [[gnu::cold]] void note_unreadable(const Setup& setup, const Error& error);
  /// The verdict over a key that the store did not answer with an entry; counted and logged.
  Verdict nothing_there(const Setup& setup, Key key, cairn_status status, const cairn_call& call,
                        const char* doing);
  /// What to do about a status below 0: count and log, or raise.
  void on_store_error(const Setup& setup, cairn_status status, const cairn_call& call,
                      const char* doing);

  /// After an operation that did not fail: says so if it was said to fail before.
  void note_store_works(const char* doing) {
    if (log_.is_anything_down()) [[unlikely]]
      store_works(doing);
  }
  [[gnu::cold]] void store_works(const char* doing);
  /// Of a batch that ended with `status`, and each of its keys with one of `statuses`: fails or works.
  void note_batch(const Setup& setup, cairn_status status, std::span<const cairn_status> statuses,
                  const cairn_call& call, const char* doing);
  /// Whether hits are to tell that get works.
  void watch_for_hits();

  /// At the end of a creation: what other processes have invalidated meanwhile becomes known.
  static void learn_invalidations(const Setup& setup);
  /// Then, when a value counts as made that was created from `began` until now: now, unless it was
  /// invalidated meanwhile, in which case it must not survive.
  Time created_since(const Setup& setup, Key key, Time began);

  static std::chrono::nanoseconds ttl_of(const Setup& setup, const SetOptions& options) noexcept;

  mutable std::mutex setup_mutex_;
  SetupPtr setup_;  // guarded by setup_mutex_; keeps *current_ alive

  // What a hit reads, together; written by replace() alone.
  alignas(64) Pinned<Setup> current_;
  std::atomic<std::uint32_t> kinds_;
  // Why a call has more to do than to read, as few do: 0, and a hit is only that.
  enum Detour : unsigned { mangles = 1, awaits_store = 2 };
  std::atomic<unsigned> detours_;
  const Clock& clock_;
  const bool has_system_clock_;  // it is the system's: no virtual call

  alignas(64) Counters counters_;
  const std::string name_;
  HostServices& services_;
  Background& background_;
  const std::shared_ptr<LeaseKeeper> leases_;
  const RegionLog log_;

  Flights flights_;
  FailedKeys failed_keys_;
  Stamps stamps_;
  // Invalidations whose stamp is taken but perhaps not in force yet.
  std::atomic<int> invalidating_{0};
};

}  // namespace cairn::hosting
