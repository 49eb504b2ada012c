// What `cairn bench` does to a region: threads that read and write keys, or many callers on one
// cold key. The results are plain values; bench.cpp shows them.
#pragma once

#include "histogram.hpp"

#include <cairn/host/region.hpp>

#include <chrono>
#include <cstdint>

namespace cairn::cli {

struct Load {
  std::chrono::nanoseconds duration = std::chrono::seconds(5);
  int threads = 4;
  std::uint64_t keys = 100'000;
  std::uint64_t value_size = 100;  // bytes
  double zipf = 0.99;              // 0: every key as often as any other
  double reads = 0.95;             // share of operations that are get_or_create; the rest are set
};
struct LoadResult {
  std::chrono::nanoseconds took{0};
  Histogram reads, writes;
  RegionStatistics statistics;
};
/// Fills nothing beforehand: a missing key is created, as a program would. The keys are
/// "cairn-bench:NUMBER". What the store refuses is counted by the region; errors come out.
LoadResult run_load(Region& region, const Load& load);

struct Stampede {
  int callers = 200;
  std::chrono::nanoseconds creator = std::chrono::milliseconds(50);  // how long it takes
  std::uint64_t value_size = 100;
};
struct StampedeResult {
  std::uint64_t creator_calls = 0;
  // From when the value was ready until a caller had it.
  std::chrono::nanoseconds first{0}, median{0}, last{0};
};
/// One key that is new for every run.
StampedeResult run_stampede(Region& region, const Stampede& stampede);

}  // namespace cairn::cli
