// Backends with one fault each, for the conformance kit to find. All else about them is right.

#include <cairn/plugin.hpp>
#include <cairn/testing/map_backend.hpp>

#include <list>
#include <thread>
#include <unordered_map>

namespace {

using namespace cairn;
using testing::MapBackend;

#define NAMED(text)                  \
  static constexpr auto name = text; \
  static constexpr auto help = "Has a fault.";

struct LeaksReference final : MapBackend {
  NAMED("leaks-reference")
  OptionalEntry get(Key key, Call call) override {
    auto found = MapBackend::get(key, call);
    if (found) cairn_retain(found->raw().owner);  // for nobody
    return found;
  }
};

struct ReleasesTwice final : MapBackend {
  NAMED("releases-twice")
  bool remove(Key key, Call call) override {
    if (auto found = MapBackend::get(key, call)) cairn_release(found->raw().owner);
    return MapBackend::remove(key, call);
  }
};

struct ReturnsBorrowed final : MapBackend {
  NAMED("returns-borrowed")
  OptionalEntry get(Key key, Call call) override {
    const auto found = MapBackend::get(key, call);
    if (!found || !found->is_bytes()) return found;
    return Entry::borrow(found->bytes());
  }
};

struct KeepsBorrowed final : MapBackend {
  NAMED("keeps-borrowed")
  static constexpr auto accepts = Kinds::bytes;
  void set(Key key, const Entry& entry, const SetOptions& options, Call call) override {
    // An owner that owns nothing.
    MapBackend::set(key, Entry::part_of(entry.bytes(), new detail::Holder<Entry>(entry)), options,
                    call);
  }
};

struct MixesUpBatches final : MapBackend {
  NAMED("mixes-up-batches")
  void get_multi(Keys keys, Results results, Call call) override {
    std::size_t place = 0;  // hits first
    for (const Key key : keys) {
      if (auto found = get(key, call)) results.hit(place++, std::move(*found));
    }
  }
};

struct CutsKeys final : MapBackend {
  NAMED("cuts-keys")
  static Key until_zero(Key key) { return key.view().substr(0, key.view().find('\0')); }
  OptionalEntry get(Key key, Call call) override { return MapBackend::get(until_zero(key), call); }
  void set(Key key, const Entry& entry, const SetOptions& options, Call call) override {
    MapBackend::set(until_zero(key), entry, options, call);
  }
  bool remove(Key key, Call call) override { return MapBackend::remove(until_zero(key), call); }
};

struct CutsValues final : MapBackend {
  NAMED("cuts-values")
  static constexpr auto accepts = Kinds::bytes;
  void set(Key key, const Entry& entry, const SetOptions& options, Call call) override {
    MapBackend::set(key, Entry::copy(entry.bytes().substr(0, 65535)), options, call);
  }
};

struct ForgetsMetadata final : MapBackend {
  NAMED("forgets-metadata")
  void set(Key key, const Entry& entry, const SetOptions& options, Call call) override {
    Entry kept = entry.to_owned();
    MapBackend::set(key, kept.with_metadata_of(Entry()), options, call);
  }
};

struct IgnoresTtl final : MapBackend {
  NAMED("ignores-ttl")
  void set(Key key, const Entry& entry, const SetOptions&, Call call) override {
    MapBackend::set(key, entry, {}, call);
  }
};

struct OverflowsTtl final : MapBackend {
  NAMED("overflows-ttl")
  void set(Key key, const Entry& entry, const SetOptions& options, Call call) override {
    const bool overflows = options.ttl > std::chrono::hours(24 * 365 * 200);
    MapBackend::set(key, entry, overflows ? SetOptions{Nanoseconds(1)} : options, call);
  }
};

struct IgnoresDeadlines final : MapBackend {
  NAMED("ignores-deadlines")
  OptionalEntry get(Key key, Call call) override {
    if (call.has_deadline()) std::this_thread::sleep_for(std::chrono::milliseconds(1100));
    return MapBackend::get(key, call);
  }
};

struct GivesLocksAway final : MapBackend {
  NAMED("gives-locks-away")
  std::optional<Token> lock(Key, Nanoseconds, Call) override { return 1; }
};

struct IgnoresTokens final : MapBackend {
  NAMED("ignores-tokens")
  std::optional<Token> lock(Key key, Nanoseconds lease, Call call) override {
    return token_ = MapBackend::lock(key, lease, call);
  }
  bool unlock(Key key, Token, Call call) override {
    return MapBackend::unlock(key, token_.value_or(0), call);
  }
  std::optional<Token> token_;
};

struct OverflowsLeases final : MapBackend {
  NAMED("overflows-leases")
  std::optional<Token> lock(Key key, Nanoseconds lease, Call call) override {
    if (lease == Nanoseconds::max()) lease = Nanoseconds::min();
    return MapBackend::lock(key, lease, call);
  }
};

struct OverflowsRenewals final : MapBackend {
  NAMED("overflows-renewals")
  bool renew(Key key, Token token, Nanoseconds lease, Call call) override {
    if (lease == Nanoseconds::max()) lease = Nanoseconds::min();
    return MapBackend::renew(key, token, lease, call);
  }
};

struct WaitsForLocks final : MapBackend {
  NAMED("waits-for-locks")
  std::optional<Token> lock(Key key, Nanoseconds lease, Call call) override {
    for (;;) {
      if (auto token = MapBackend::lock(key, lease, call)) return token;
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
  }
};

struct DeadlocksOnReentry final : Backend {
  NAMED("deadlocks-on-reentry")
  OptionalEntry get(Key key, Call) override {
    const std::lock_guard guard(mutex_);
    const auto it = items_.find(std::string(key.view()));
    return it == items_.end() ? std::nullopt : std::optional(it->second);
  }
  void set(Key key, const Entry& entry, const SetOptions&, Call) override {
    const std::lock_guard guard(mutex_);
    items_[std::string(key.view())] = entry.to_owned();  // the old entry ends under the lock
  }
  bool remove(Key key, Call) override {
    const std::lock_guard guard(mutex_);
    return items_.erase(std::string(key.view())) > 0;
  }
  std::mutex mutex_;
  std::unordered_map<std::string, Entry> items_;
};

struct Races final : MapBackend {
  NAMED("races")
  OptionalEntry get(Key key, Call call) override {
    set_wanted(std::string(key.view()));
    std::this_thread::sleep_for(std::chrono::microseconds(1));  // and another may come
    return MapBackend::get(wanted(), call);
  }
  void set_wanted(std::string key) {
    const std::lock_guard guard(mutex_);
    wanted_ = std::move(key);
  }
  std::string wanted() {
    const std::lock_guard guard(mutex_);
    return wanted_;
  }
  std::mutex mutex_;
  std::string wanted_;  // by one thread: it belongs into the call
};
struct KeepsLocksInChildren final : MapBackend {
  NAMED("keeps-locks-in-children")
  OptionalEntry get(Key key, Call call) override {
    const std::lock_guard guard(slow_);
    std::this_thread::sleep_for(std::chrono::microseconds(300));
    return MapBackend::get(key, call);
  }
  void after_fork() override {}  // and forgets nothing
  std::mutex slow_;
};

struct ThrowsWhenDestroyed final : MapBackend {
  NAMED("throws-when-destroyed")
  ~ThrowsWhenDestroyed() override { close(); }
  void close() { throw std::runtime_error("not now"); }
};

struct LeavesThreads final : MapBackend {
  NAMED("leaves-threads")
  LeavesThreads() {
    std::thread([] { std::this_thread::sleep_for(std::chrono::minutes(1)); }).detach();
  }
};

struct GrowsForEver final : MapBackend {
  NAMED("grows-for-ever")
  void set(Key key, const Entry& entry, const SetOptions& options, Call call) override {
    {
      const std::lock_guard guard(mutex_);
      history_.push_back(entry.to_owned());
    }
    MapBackend::set(key, entry, options, call);
  }
  std::mutex mutex_;
  std::list<Entry> history_;
};

struct GrowsSlowly final : MapBackend {
  NAMED("grows-slowly")
  OptionalEntry get(Key key, Call call) override {
    {
      const std::lock_guard guard(mutex_);
      history_.emplace_back(2000, 'x');
    }
    return MapBackend::get(key, call);
  }
  std::mutex mutex_;
  std::list<std::string> history_;
};

struct StatsAreNoMap final : MapBackend {
  NAMED("stats-are-no-map")
  Document stats(Call) override {
    return Document::build([](Writer out) { out.text("fine, thanks"); });
  }
};

struct OffersEveryExtension final : MapBackend {
  NAMED("offers-every-extension")
  const void* extension(const char*) override { return this; }
};

struct CannotBeCreated final : MapBackend {
  NAMED("cannot-be-created")
  CannotBeCreated() { throw Error(Errc::unavailable, "no server at 127.0.0.1:1"); }
};

}  // namespace

CAIRN_PLUGIN("org.example.wrong-backends", "1.0.0", LeaksReference, ReleasesTwice, ReturnsBorrowed,
             KeepsBorrowed, MixesUpBatches, CutsKeys, CutsValues, ForgetsMetadata, IgnoresTtl,
             OverflowsTtl, IgnoresDeadlines, GivesLocksAway, IgnoresTokens, OverflowsLeases,
             OverflowsRenewals, WaitsForLocks, DeadlocksOnReentry, Races, KeepsLocksInChildren,
             ThrowsWhenDestroyed, LeavesThreads, GrowsForEver, GrowsSlowly, StatsAreNoMap,
             OffersEveryExtension, CannotBeCreated);
