// What the policies keep, on loads whose optimum or rival is known. Everything runs through the plugin,
// with one shard, so that the figures are those of the policy.

#include "catch.hpp"
#include "component_under_test.hpp"
#include "traces.hpp"

using namespace cairn;

namespace {

double hit_ratio(const char* policy, const traces::Trace& trace, std::size_t entries,
                 const char* shards = "1") {
  ComponentUnderTest memory("memory", {{"policy", policy},
                                       {"max_bytes", "1GiB"},
                                       {"max_entries", std::to_string(entries)},
                                       {"shards", shards}});
  std::size_t hits = 0;
  for (const std::uint32_t number : trace) {
    const std::string_view key(reinterpret_cast<const char*>(&number), sizeof number);
    if (memory->get(key, Call())) {
      ++hits;
    } else {
      memory->set(key, Entry::borrow("v"), {}, Call());
    }
  }
  return static_cast<double>(hits) / static_cast<double>(trace.size());
}

constexpr double point = 0.01;

}  // namespace

TEST_CASE("lru with second chance is within two points of an exact LRU", "[memory]") {
  for (const auto& [trace, entries] :
       {std::pair(traces::zipf(200'000, 20'000, 0.99), 1000), std::pair(traces::recency(200'000, 1000), 500),
        std::pair(traces::bursts(200'000, 20'000, 0.5), 1000)}) {
    const double exact = traces::lru_hit_ratio(trace, static_cast<std::size_t>(entries));
    CHECK(hit_ratio("lru", trace, static_cast<std::size_t>(entries)) > exact - 2 * point);
  }
}
