// Region statistics in Prometheus' text exposition format, version 0.0.4.
#pragma once

#include <cairn/host/statistics.hpp>

#include <string>
#include <utility>
#include <vector>

namespace cairn::hosting {

class PrometheusText {
 public:
  void add(std::string region, const RegionStatistics& statistics) {
    regions_.emplace_back(std::move(region), statistics);
  }
  std::string finish() const;

 private:
  std::vector<std::pair<std::string, RegionStatistics>> regions_;
};

}  // namespace cairn::hosting
