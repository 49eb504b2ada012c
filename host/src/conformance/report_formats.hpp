// A validation report as people, programs and test runners read it.
//
// Threads: any. Errors: none.
#pragma once

#include "conformance/validation.hpp"

#include <string>

namespace cairn::hosting {

/// One line for a case, with its messages below it.
std::string as_text(const CaseResult& result);
/// The last line: how many of each, and which are broken.
std::string summary(const ValidationReport& report);

/// {"file", "id", "version", "abi", "passed", "skipped", "failed", "cases": [...]}
std::string as_json(const ValidationReport& report);
/// Test Anything Protocol, version 13.
std::string as_tap(const ValidationReport& report);
std::string as_junit(const ValidationReport& report);

}  // namespace cairn::hosting
