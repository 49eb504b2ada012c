// What a region and the layers of its stack have done since they were made: a snapshot, read without
// stopping anybody.
#pragma once

#include <cairn/document.hpp>

#include <chrono>
#include <cstdint>
#include <string>

namespace cairn {

struct RegionStatistics {
  std::uint64_t hits = 0;  ///< served fresh

  // misses, by reason
  std::uint64_t absent = 0;
  std::uint64_t expired = 0;
  std::uint64_t invalidated = 0;
  std::uint64_t other_version = 0;
  std::uint64_t unreadable =
      0;  ///< stored, but neither envelope, codec nor type could make sense of it
  std::uint64_t store_errors = 0;  ///< reads and writes that failed

  std::uint64_t stale_served =
      0;                        ///< an old value, while somebody recreated or instead of an error
  std::uint64_t creations = 0;  ///< creators that returned
  std::uint64_t creation_errors = 0;  ///< creators that threw
  std::chrono::nanoseconds creation_time{0};
  std::uint64_t refreshes = 0;      ///< of the creations: ahead of time or in the background
  std::uint64_t waits = 0;          ///< callers that waited for another one's value
  std::uint64_t wait_timeouts = 0;  ///< of the waits: ended by `lock_wait`
  std::chrono::nanoseconds wait_time{0};
  std::uint64_t locks_lost = 0;   ///< creation locks in the store that ran out while creating
  std::uint64_t lock_errors = 0;  ///< the store could not lock: created without

  std::uint64_t misses() const noexcept {
    return absent + expired + invalidated + other_version + unreadable;
  }
};

/// What one layer says of itself: for a store of the project's, the page of its plugin has the names.
struct LayerStatistics {
  std::string layer;  ///< as in error texts: `memory`, `zstd`
  Document values;    ///< a map from names to counters, gauges or texts
};

}  // namespace cairn
