// What the layers of a stack say of themselves.
#pragma once

#include "stack.hpp"

#include <cairn/host/statistics.hpp>

#include <vector>

namespace cairn::hosting {

/// Outermost first, without the host's own layers and those that say nothing or fail to.
std::vector<LayerStatistics> statistics_of(const Stack& stack);

}  // namespace cairn::hosting
