#include "prometheus.hpp"

#include <fmt/format.h>

namespace cairn::hosting {

namespace {

std::string escaped(const std::string& label) {
  std::string text;
  for (const char c : label) {
    if (c == '\\' || c == '"') text += '\\';
    if (c == '\n') {
      text += "\\n";
    } else {
      text += c;
    }
  }
  return text;
}

double seconds(std::chrono::nanoseconds time) {
  return std::chrono::duration<double>(time).count();
}

}  // namespace

std::string PrometheusText::finish() const {
  std::string out;
  const auto family = [&](const char* name, const char* help) {
    out += fmt::format("# HELP {} {}\n# TYPE {} counter\n", name, help, name);
  };
  const auto each = [&](const char* name, const char* help, auto value) {
    family(name, help);
    for (const auto& [region, s, layers] : regions_) {
      out += fmt::format("{}{{region=\"{}\"}} {}\n", name, escaped(region), value(s));
    }
  };
  using S = RegionStatistics;
  each("cairn_hits_total", "Values served fresh.", [](const S& s) { return s.hits; });
  family("cairn_misses_total", "Values that could not be served as fresh, by reason.");
  for (const auto& [region, s, layers] : regions_) {
    const std::pair<const char*, std::uint64_t> reasons[] = {{"absent", s.absent},
                                                             {"expired", s.expired},
                                                             {"invalidated", s.invalidated},
                                                             {"version", s.other_version},
                                                             {"unreadable", s.unreadable}};
    for (const auto& [reason, n] : reasons) {
      out += fmt::format("cairn_misses_total{{region=\"{}\",reason=\"{}\"}} {}\n", escaped(region),
                         reason, n);
    }
  }
  each("cairn_stale_served_total", "Old values served.", [](const S& s) { return s.stale_served; });
  each("cairn_creations_total", "Creators that returned.", [](const S& s) { return s.creations; });
  each("cairn_creation_errors_total", "Creators that threw.",
       [](const S& s) { return s.creation_errors; });
  each("cairn_creation_seconds_total", "Time spent in creators.",
       [](const S& s) { return seconds(s.creation_time); });
  each("cairn_refreshes_total", "Creations ahead of time or in the background.",
       [](const S& s) { return s.refreshes; });
  each("cairn_waits_total", "Callers that waited for another one's value.",
       [](const S& s) { return s.waits; });
  each("cairn_wait_timeouts_total", "Waits that lock_wait ended.",
       [](const S& s) { return s.wait_timeouts; });
  each("cairn_wait_seconds_total", "Time spent waiting.",
       [](const S& s) { return seconds(s.wait_time); });
  each("cairn_store_errors_total", "Operations that the store failed.",
       [](const S& s) { return s.store_errors; });
  each("cairn_locks_lost_total", "Creation locks that ran out while creating.",
       [](const S& s) { return s.locks_lost; });
  each("cairn_lock_errors_total", "Creation locks that the store could not grant.",
       [](const S& s) { return s.lock_errors; });
  out +=
      "# HELP cairn_layer What a layer says of itself, by its own names.\n# TYPE cairn_layer "
      "untyped\n";
  for (const auto& [region, s, layers] : regions_) {
    for (const LayerStatistics& layer : layers) {
      const Node values = layer.values.root();
      for (std::size_t i = 0; i < values.size(); ++i) {
        if (values.key_at(i).type() != Node::text_string || !values.value_at(i).is_number())
          continue;
        out += fmt::format("cairn_layer{{region=\"{}\",layer=\"{}\",name=\"{}\"}} {}\n",
                           escaped(region), escaped(layer.layer),
                           escaped(std::string(values.key_at(i).text())),
                           values.value_at(i).real_value());
      }
    }
  }
  return out;
}

}  // namespace cairn::hosting
