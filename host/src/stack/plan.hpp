// A plan is a configuration whose names have become components and whose options have been checked:
// everything that can be known without making anything.
//
// Threads: plain values. Lifetimes: a plan refers to the Config that it was made from, and to components
// that live as long as the process.
#pragma once

#include "loading/plugin_catalog.hpp"
#include "stack.hpp"

#include <cairn/host/config.hpp>

#include <optional>
#include <string>
#include <vector>

namespace cairn::hosting {

struct StorePlan {
  BackendConfig config;  // of a named backend, or of one written inside a region
  const cairn_component* component = nullptr;
  Document options;
};

struct RegionPlan {
  const RegionConfig* config = nullptr;
  StorePlan store;
  std::vector<LayerPlan> layers;  // outermost first
};

/// The plan of one region. What is wrong goes to `findings`; after an error there is none.
std::optional<RegionPlan> plan_region(const RegionConfig& region, const Config& config,
                                      const PluginCatalog& catalog, Findings& findings);

/// All of them, and named backends that no region uses, which are checked too.
std::vector<RegionPlan> plan_regions(const Config& config, const PluginCatalog& catalog,
                                     Findings& findings);

}  // namespace cairn::hosting
