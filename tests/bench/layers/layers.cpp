// What a read costs, layer by layer, in one run on the memory backend with 1000 keys:
//
//   store            the backend called through its table, no layer and no region
//   idle/N           N layers that leave reads alone
//   passing/N        N layers in the way, in C, that pass the call on: the contract by itself
//   working/N        N layers in the way, in C++: that, and their own work, which is to take the entry from
//                    below as a value, and to hand it up
//   virtual/N        N layers as plain virtual calls, the same store below
//   region/...       a region's hit: rules, clock, counters and types on top of `store`
//
// The slope from 0 to 8 layers, divided by 8, is the price of one. Run with
// --benchmark_enable_random_interleaving=true --benchmark_repetitions=9 and compare medians.
#include "stack/stack.hpp"
#include "virtual_stack.hpp"

#include <cairn/cairn.hpp>

#include <benchmark/benchmark.h>

#include <memory>
#include <string>
#include <vector>

using namespace cairn;

namespace {

constexpr int key_count = 1000;

std::string wrap(const char* layer, int n) {
  std::string text = "wrap = [";
  for (int i = 0; i < n; ++i) text += std::string("\"") + layer + "\", ";
  return text + "]\n";
}

// One host for all, since making one reads every plugin.
Host& the_host() {
  static Host instance([] {
    std::string toml = "[plugins]\npath = [\"" BENCH_PROXIES "\"]\n";
    toml +=
        "[backend.b]\nplugin = \"memory\"\n[region.plain]\nbackend = \"b\"\nexpiration_time = "
        "\"1h\"\n";
    for (const char* layer : {"idle", "passing", "working"}) {
      for (const int n : {1, 4, 8}) {
        toml += "[region." + std::string(layer) + std::to_string(n) + "]\nbackend = \"b\"\n" +
                wrap((std::string("bench-") + layer).c_str(), n);
      }
    }
    return Config::from_text(toml);
  }());
  return instance;
}

const std::vector<std::string>& keys() {
  static const std::vector<std::string> all = [] {
    std::vector<std::string> names;
    for (int i = 0; i < key_count; ++i)
      names.push_back("user:" + std::to_string(i * 7919 % 100000));
    for (const std::string& name : names)
      the_host().region("plain").set(name, std::string(100, 'x'));
    the_host().region("plain").set("object", std::vector<int>{1, 2, 3});
    return names;
  }();
  return all;
}

void read_table(benchmark::State& state, const cairn_next& table) {
  const auto& names = keys();
  std::size_t i = 0;
  cairn_call call{};
  call.size = sizeof call;
  for (auto _ : state) {
    Entry entry;
    const cairn_status status =
        table.get.fn(table.get.self, &call, Key(names[i]).raw(), &entry.raw());
    benchmark::DoNotOptimize(status);
    benchmark::DoNotOptimize(entry.raw().data);
    if (++i == names.size()) i = 0;
  }
}

void bm_store(benchmark::State& state) {
  read_table(state, the_host().stack_of("plain")->store().table());
}
void bm_layers(benchmark::State& state, const char* kind) {
  const auto n = state.range(0);
  const auto stack = the_host().stack_of(n == 0 ? "plain" : kind + std::to_string(n));
  read_table(state, stack->table());
}
void bm_virtual(benchmark::State& state) {
  auto top = virtual_leaf(the_host().stack_of("plain")->store().table());
  for (auto i = state.range(0); i > 0; --i) top = virtual_layer(std::move(top));
  const auto& names = keys();
  std::size_t i = 0;
  for (auto _ : state) {
    auto found = top->get(Key(names[i]), Call());
    benchmark::DoNotOptimize(found);
    if (++i == names.size()) i = 0;
  }
}
void bm_region_get(benchmark::State& state) {
  Region& region = the_host().region("plain");
  const auto& names = keys();
  std::size_t i = 0;
  for (auto _ : state) {
    auto value = region.get<Bytes>(names[i]);
    benchmark::DoNotOptimize(value);
    if (++i == names.size()) i = 0;
  }
}
void bm_region_create(benchmark::State& state) {
  Region& region = the_host().region("plain");
  const auto& names = keys();
  std::size_t i = 0;
  for (auto _ : state) {
    auto value = region.get_or_create(names[i], [] { return Bytes(); });
    benchmark::DoNotOptimize(value);
    if (++i == names.size()) i = 0;
  }
}
void bm_region_shared(benchmark::State& state) {
  Region& region = the_host().region("plain");
  keys();
  for (auto _ : state) {
    auto value = region.get_shared<std::vector<int>>("object");
    benchmark::DoNotOptimize(value);
  }
}
void bm_region_string(benchmark::State& state) {
  Region& region = the_host().region("plain");
  const auto& names = keys();
  std::size_t i = 0;
  for (auto _ : state) {
    auto value = region.get<std::string>(names[i]);
    benchmark::DoNotOptimize(value);
    if (++i == names.size()) i = 0;
  }
}

BENCHMARK(bm_store)->Name("store");
BENCHMARK_CAPTURE(bm_layers, idle, "idle")->Name("idle")->Arg(0)->Arg(1)->Arg(4)->Arg(8);
BENCHMARK_CAPTURE(bm_layers, passing, "passing")->Name("passing")->Arg(0)->Arg(1)->Arg(4)->Arg(8);
BENCHMARK_CAPTURE(bm_layers, working, "working")->Name("working")->Arg(0)->Arg(1)->Arg(4)->Arg(8);
BENCHMARK(bm_virtual)->Name("virtual")->Arg(0)->Arg(1)->Arg(4)->Arg(8);
BENCHMARK(bm_region_get)->Name("region/get-bytes");
BENCHMARK(bm_region_create)->Name("region/get_or_create-bytes");
BENCHMARK(bm_region_shared)->Name("region/get_shared-object");
BENCHMARK(bm_region_string)->Name("region/get-string");

}  // namespace

BENCHMARK_MAIN();
