// A look at the stores of a configuration: can they be reached, what do they say of themselves, and
// which regions get in each other's way there.
#pragma once

#include "environment.hpp"

#include <string>
#include <utility>
#include <vector>

namespace cairn::cli {

struct SurveyedStore {
  std::string name;     // "[backend.shared]", or that of the region it belongs to
  std::string problem;  // empty: reached
  std::vector<std::pair<std::string, std::string>> facts;  // what it tells, if it tells anything
};

struct Survey {
  std::vector<SurveyedStore> stores;  // each once
  Findings warnings;
};

/// Asks each store that a region uses for a key that nobody has, and for what it is.
Survey survey(const Config& config);

/// For people, indented; and for scripts.
std::string describe(const SurveyedStore& store);
Json to_json(const SurveyedStore& store);

}  // namespace cairn::cli
