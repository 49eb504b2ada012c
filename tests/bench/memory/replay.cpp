// Replays traces through the memory backend and prints hit ratios.
//
//     replay [--shards N] [--policies w-tinylfu,s3-fifo,lru] [--sizes 100,1000] FILE...
//     replay --synthetic
//
// A trace is a text file with one key per line, or such a file compressed by gzip. Sizes are
// entries. `exact LRU` is a simulation, everything else is the plugin.

#include "component_under_test.hpp"
#include "traces.hpp"

#include <fmt/format.h>
#include <zlib.h>

#include <cstdio>
#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

namespace {

using namespace cairn;

std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> parts;
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t end = std::min(text.find(',', at), text.size());
    parts.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return parts;
}

double hit_ratio(const std::string& policy, const traces::Trace& trace, std::size_t entries,
                 const std::string& shards) {
  ComponentUnderTest memory("memory", {{"policy", policy},
                                       {"max_bytes", "4GiB"},
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

// zlib reads plain files as they are.
traces::Trace read_trace(const std::string& file) {
  const std::unique_ptr<gzFile_s, int (*)(gzFile)> in(gzopen(file.c_str(), "rb"), gzclose);
  if (in == nullptr) throw std::runtime_error(file + ": cannot be opened");
  traces::Trace trace;
  std::unordered_map<std::string, std::uint32_t> numbers;
  std::string line;
  const auto take = [&] {
    if (!line.empty() && line.back() == '\r') line.pop_back();
    if (!line.empty() && line != "*") {  // a lone star is a marker in traces of LIRS
      const auto fresh = static_cast<std::uint32_t>(numbers.size());
      trace.push_back(numbers.emplace(line, fresh).first->second);
    }
    line.clear();
  };
  char block[1 << 16];
  int size = 0;
  while ((size = gzread(in.get(), block, sizeof block)) > 0) {
    for (int i = 0; i < size; ++i) {
      if (block[i] == '\n') {
        take();
      } else {
        line += block[i];
      }
    }
  }
  int error = Z_OK;
  const char* text = gzerror(in.get(), &error);
  if (size < 0 || (error != Z_OK && error != Z_STREAM_END)) {
    throw std::runtime_error(text);  // which names the file
  }
  take();
  if (trace.empty()) throw std::runtime_error(file + ": no keys found");
  return trace;
}

}  // namespace

int main(int argc, char** argv) try {
  std::vector<std::string> policies{"w-tinylfu", "s3-fifo", "lru"}, sizes{"100", "1000", "10000"},
      files;
  std::string shards = "1";
  bool synthetic = false;
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    if (argument == "--synthetic") {
      synthetic = true;
    } else if (argument.rfind("--", 0) == 0 && i + 1 < argc) {
      const std::string value = argv[++i];
      if (argument == "--policies")
        policies = split(value);
      else if (argument == "--sizes")
        sizes = split(value);
      else if (argument == "--shards")
        shards = value;
      else
        throw std::runtime_error("no such option: " + argument);
    } else {
      files.push_back(argument);
    }
  }

  fmt::print("{:36} {:>8} {:>10}", "trace", "entries", "exact LRU");
  for (const std::string& policy : policies) fmt::print(" {:>10}", policy);
  fmt::print("\n");
  const auto row = [&](const std::string& name, const traces::Trace& trace, std::size_t entries) {
    fmt::print("{:36} {:>8} {:>10.2f}", name, entries, 100 * traces::lru_hit_ratio(trace, entries));
    for (const std::string& policy : policies) {
      fmt::print(" {:>10.2f}", 100 * hit_ratio(policy, trace, entries, shards));
    }
    fmt::print("\n");
    std::fflush(stdout);
  };
  for (const std::string& file : files) {
    const traces::Trace trace = read_trace(file);
    for (const std::string& size : sizes) row(file, trace, std::stoull(size));
  }
  if (synthetic) {
    const std::size_t n = 1'000'000;
    row("zipf 0.99, 100 k keys", traces::zipf(n, 100000, 0.99), 1000);
    row("zipf 0.99, 100 k keys", traces::zipf(n, 100000, 0.99), 10000);
    row("zipf 0.7, 100 k keys", traces::zipf(n, 100000, 0.7), 10000);
    row("shifting zipf 0.99, 9 shifts", traces::shifting_zipf(n, 100000, 0.99, 9), 1000);
    row("shifting zipf 0.99, 9 shifts", traces::shifting_zipf(n, 100000, 0.99, 9), 10000);
    row("shifting zipf 0.99, 99 shifts", traces::shifting_zipf(n, 100000, 0.99, 99), 1000);
    row("loop of 1011 (as lirs/loop)", traces::loop(505500, 1011), 512);
    row("two pools (as lirs/2_pools)", traces::two_pools(100'000, 100, 9900), 450);
    row("loop of 10 k", traces::loop(n, 10000), 5000);
    row("scans over a hot set of 2000", traces::scans_over_hot_set(n, 2000, 0.5), 2500);
    row("recency, reach 1000", traces::recency(n, 1000), 500);
    row("recency, reach 1000", traces::recency(n, 1000), 1000);
    row("recency, reach 20 k", traces::recency(n, 20000), 10000);
    row("bursts over zipf 0.9", traces::bursts(n, 50000, 0.5), 1000);
    row("bursts over zipf 0.9", traces::bursts(n, 50000, 0.9), 1000);
    row("one-hit wonders over zipf 0.9", traces::one_hit_wonders(n, 50000, 0.5), 1000);
    row("one-hit wonders over zipf 0.9", traces::one_hit_wonders(n, 50000, 0.5), 5000);
  }
} catch (const std::exception& error) {
  fmt::print(stderr, "replay: {}\n", error.what());
  return 2;
}
