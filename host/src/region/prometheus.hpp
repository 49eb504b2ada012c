// Statistics of regions and layers in Prometheus' text exposition format, version 0.0.4.
#pragma once

#include <cairn/host/statistics.hpp>

#include <string>
#include <utility>
#include <vector>

namespace cairn::hosting {

class PrometheusText {
 public:
  void add(std::string region, const RegionStatistics& statistics,
           std::vector<LayerStatistics> layers) {
    regions_.push_back({std::move(region), statistics, std::move(layers)});
  }
  std::string finish() const;

 private:
  struct OfRegion {
    std::string name;
    RegionStatistics statistics;
    std::vector<LayerStatistics> layers;
  };
  std::vector<OfRegion> regions_;
};

}  // namespace cairn::hosting
