// What a layer costs: its own part of a call, without the layer below.
#include "conformance/plugin_rules.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace cairn::hosting {

namespace {

using std::chrono::nanoseconds;

// A layer that waits, logs or copies where it should not is far above this, any other far below.
constexpr nanoseconds usual_budget = std::chrono::microseconds(20);
constexpr std::size_t payload_bytes = 100;

// The cheapest of many short rounds: what else runs on the machine only ever adds.
template <class Call>
nanoseconds cheapest(Call call) {
  using Clock = std::chrono::steady_clock;
  constexpr int calls = 50;
  const auto end = Clock::now() + std::chrono::milliseconds(60);
  nanoseconds best = nanoseconds::max();
  for (int round = 0; round < 20 || (round < 400 && Clock::now() < end); ++round) {
    const auto begin = Clock::now();
    for (int i = 0; i < calls; ++i) call();
    best = std::min(best, std::chrono::duration_cast<nanoseconds>(Clock::now() - begin) / calls);
  }
  return best;
}

std::string shown(nanoseconds time) {
  return time < std::chrono::microseconds(10)
             ? fmt::format("{} ns", time.count())
             : fmt::format("{:.1f} us", static_cast<double>(time.count()) / 1000);
}

struct Cost {
  const char* operation;
  nanoseconds all, below;
  nanoseconds own() const noexcept { return std::max(all - below, nanoseconds(0)); }
};

std::vector<Cost> costs(PluginTrial& t) {
  const bool proxy = t.component.role == CAIRN_PROXY;
  // Without the layer that writes everything down.
  testing::MapBackend store;
  const cairn_next below = Next(store).table();
  const auto layer =
      t.plugin.make(t.component, t.options, proxy ? &below : nullptr, t.plugin.clock().host());
  Next alone(below);
  const std::string key = t.trial.key("k");
  const Entry value = t.trial.value(std::string(payload_bytes, 'v'));
  const auto get = [&](Backend& on) { return cheapest([&] { on.get(key, Call()); }); };
  const auto set = [&](Backend& on) { return cheapest([&] { on.set(key, value, {}, Call()); }); };
  const nanoseconds none{0};
  std::vector<Cost> found{{"set", set(*layer), none}, {"get", get(*layer), none}};
  layer->remove(key, Call());
  if (proxy) {
    found[0].below = set(alone);
    found[1].below = get(alone);
  }
  return found;
}

void keeps_its_budget(PluginTrial& t) {
  const bool proxy = t.component.role == CAIRN_PROXY;
  const bool asked = t.plugin.request().budget.count() != 0;
  const nanoseconds budget = asked ? t.plugin.request().budget : usual_budget;
  const std::vector<Cost> found = costs(t);
  for (const Cost& cost : found) {
    if (!t.remark.empty()) t.remark += ", ";
    t.remark += fmt::format("{} {}", cost.operation, shown(cost.own()));
    // What a store may cost depends on where it is: only its author knows.
    if ((!proxy && !asked) || cost.own() <= budget) continue;
    t.trial.violation(fmt::format("a {} of {} bytes costs {}{}: the budget is {}", cost.operation,
                                  payload_bytes, shown(cost.own()),
                                  proxy ? " more than the layer below alone" : "", shown(budget)));
  }
}

}  // namespace

std::span<const PluginRule> cost_rules() noexcept {
  static constexpr PluginRule all[] = {
      {"cost/call", 3, &keeps_its_budget, "being called many times, to see what a call costs"},
  };
  return all;
}

}  // namespace cairn::hosting
