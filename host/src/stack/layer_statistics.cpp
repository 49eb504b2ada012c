#include "layer_statistics.hpp"

#include <algorithm>

namespace cairn::hosting {

namespace {

int stats_index() noexcept {
  int index = 0;
  while (std::string_view(operation_name(index)) != "stats") ++index;
  return index;
}

void ask(const cairn_next& table, const std::string& label, std::vector<LayerStatistics>& all) {
  cairn_call call{};
  call.size = sizeof call;
  cairn_entry said{};
  if (table.stats.fn(table.stats.self, &call, &said) != CAIRN_OK) return;
  if (said.kind != CAIRN_DOCUMENT) return cairn_release(said.owner);
  Document values = Document::adopt(static_cast<const cairn_node*>(said.data), said.owner);
  if (values.root().type() == Node::map) all.push_back({label, std::move(values)});
}

// `layers` bottom first. One at a time is let into a serial component by the host's layer above it, through
// which it is asked, and which says nothing of its own.
void ask_each(const std::vector<std::unique_ptr<Layer>>& layers,
              std::vector<LayerStatistics>& all) {
  static const int stats = stats_index();
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const Layer& layer = *layers[i];
    const bool serial = layer.component().threads == CAIRN_THREADS_SERIAL;
    if (layer.provides(stats)) ask(layers[serial ? i + 1 : i]->table(), layer.label(), all);
    if (serial) ++i;
  }
}

}  // namespace

std::vector<LayerStatistics> statistics_of(const Stack& stack) {
  std::vector<LayerStatistics> all;
  ask_each(stack.store().layers(), all);
  ask_each(stack.layers(), all);
  std::reverse(all.begin(), all.end());
  return all;
}

}  // namespace cairn::hosting
