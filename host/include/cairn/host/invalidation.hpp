// Invalidation: making all older values of a region void, without touching any of them.
//
// A *hard* invalidation makes them misses: callers wait for a new value. A *soft* one makes them stale:
// one caller recreates, the others get the old value meanwhile. The two are remembered apart, so that a
// soft one does not bring back what a hard one has buried.
//
// Where the stamps are kept is a strategy: in this process (the default), in the store so that every
// process obeys (`invalidation = "store"`), or wherever you like.
#pragma once

#include <cairn/entry.hpp>

#include <algorithm>
#include <atomic>
#include <string_view>

namespace cairn {

enum class Invalidation : std::uint8_t { none, soft, hard };

/// Threads: any method, any thread, any time; check() is called for every value that is read.
class InvalidationStrategy {
 public:
  InvalidationStrategy() = default;
  InvalidationStrategy(const InvalidationStrategy&) = delete;
  InvalidationStrategy& operator=(const InvalidationStrategy&) = delete;
  virtual ~InvalidationStrategy() = default;

  /// Makes every value created before `when` void. `kind` is soft or hard.
  virtual void invalidate(Invalidation kind, Time when) = 0;
  /// What has become of the value of `key` that was created at `created`.
  virtual Invalidation check(std::string_view key, Time created) const = 0;
  /// The latest `when` of an invalidation of all keys, as far as it is known; the zero point: none, or not
  /// to be told. Values that are made from now on are stamped no earlier, whatever the clock says: so they
  /// are good also where the clock that gave `when` was ahead.
  virtual Time latest() const { return {}; }
};

/// Two stamps in this process.
class LocalInvalidation final : public InvalidationStrategy {
 public:
  void invalidate(Invalidation kind, Time when) override {
    std::atomic<std::int64_t>& stamp = kind == Invalidation::hard ? hard_ : soft_;
    std::int64_t before = stamp.load(std::memory_order_relaxed);
    const std::int64_t now = when.time_since_epoch().count();
    while (before < now && !stamp.compare_exchange_weak(before, now)) {
    }
  }
  /// When it was last invalidated so; the zero point: never. `kind` is soft or hard.
  Time last(Invalidation kind) const noexcept {
    const std::atomic<std::int64_t>& stamp = kind == Invalidation::hard ? hard_ : soft_;
    return Time(std::chrono::nanoseconds(stamp.load(std::memory_order_acquire)));
  }
  Time latest() const override {
    return std::max(last(Invalidation::hard), last(Invalidation::soft));
  }
  Invalidation check(std::string_view, Time created) const override {
    const std::int64_t ns = created.time_since_epoch().count();
    if (ns < hard_.load(std::memory_order_acquire)) return Invalidation::hard;
    return ns < soft_.load(std::memory_order_acquire) ? Invalidation::soft : Invalidation::none;
  }

 private:
  std::atomic<std::int64_t> hard_{0};
  std::atomic<std::int64_t> soft_{0};
};

}  // namespace cairn
