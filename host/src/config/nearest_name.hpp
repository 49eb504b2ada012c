// "Did you mean": the known name that a misspelt one most likely stands for.
#pragma once

#include <algorithm>
#include <cstddef>
#include <ranges>
#include <string>
#include <string_view>

namespace cairn::hosting {

/// How many insertions, deletions, replacements and swaps of neighbours turn one into the other
/// (Damerau-Levenshtein, each character edited once).
std::size_t edit_distance(std::string_view a, std::string_view b);

/// How far a slip may be off: a third of the name, at least one edit.
constexpr std::size_t tolerated_distance(std::string_view wrong) noexcept {
  return std::max<std::size_t>(1, wrong.size() / 3);
}

/// Whether one is the beginning of the other: "expiration" for "expiration_time".
bool begins_alike(std::string_view a, std::string_view b) noexcept;

/// The nearest of `known`, any range of strings; else one that begins alike; else empty. The first
/// of equals.
template <std::ranges::input_range Names>
std::string nearest_name(std::string_view wrong, const Names& known) {
  std::string nearest;
  std::size_t best = tolerated_distance(wrong) + 1;
  for (const auto& item : known) {
    const std::string_view name = item;
    const std::size_t at_least =
        wrong.size() > name.size() ? wrong.size() - name.size() : name.size() - wrong.size();
    const std::size_t distance = at_least < best ? edit_distance(wrong, name) : at_least;
    if (distance < best) {
      best = distance;
      nearest = name;
    } else if (nearest.empty() && begins_alike(wrong, name)) {
      nearest = name;  // until one is found that is near
    }
  }
  return nearest;
}

}  // namespace cairn::hosting
