// Invalidation stamps that live in the region's store, so that every process obeys.
//
// The two stamps are one entry under a reserved key, `cairn:invalidated`, seen through the region's own
// stack and so subject to its key prefix. invalidate() writes it at once; check() uses a copy that is at
// most `delay` old, refreshed by whoever finds it due, at the cost of one read, and at the end of each
// creation: what was begun before an invalidation of another process must not survive it. A store that
// cannot be reached leaves the last known stamps in force; an entry that the store has evicted does not
// take them back either, for as long as some process remembers.
// Two processes that invalidate at the same time both take effect: the later stamp of each kind wins.
#pragma once

#include "setup.hpp"

#include <cairn/host/invalidation.hpp>

#include <atomic>
#include <memory>

namespace cairn::hosting {

class StoreInvalidation final : public InvalidationStrategy {
 public:
  /// `hard` and `soft` are when it was last invalidated so, as far as this process knows.
  StoreInvalidation(std::shared_ptr<const Stack> stack, const Clock& clock,
                    std::chrono::nanoseconds delay, int value_version, Time hard = {},
                    Time soft = {});

  void invalidate(Invalidation kind, Time when) override;
  Invalidation check(std::string_view key, Time created) const override;
  /// Reads the stamps, however old the copy is: for the end of a creation, of which nobody will ask later
  /// what it had been made of.
  void refresh() const;
  Time latest() const override;
  /// When it was last invalidated so, as far as this process knows. `kind` is soft or hard.
  Time last(Invalidation kind) const noexcept;

  static constexpr std::string_view key = "cairn:invalidated";

 private:
  void refresh_if_due() const;
  std::int64_t next_due(std::int64_t now) const noexcept;
  /// The stamps in the store join those that are known. False: there are none, or no answer.
  bool read() const;
  void write() const;

  const std::shared_ptr<const Stack> stack_;
  const Clock& clock_;
  const std::chrono::nanoseconds delay_;
  const int value_version_;
  mutable std::atomic<std::int64_t> hard_{0};
  mutable std::atomic<std::int64_t> soft_{0};
  mutable std::atomic<std::int64_t> due_;  // steady, nanoseconds
};

}  // namespace cairn::hosting
