// Reading a configuration file as far as it can be read, for those who want to know everything that
// is wrong with it; Config::from_file() is for those who want to use it.
#pragma once

#include <cairn/host/config.hpp>

#include <filesystem>

namespace cairn::hosting {

struct ReadConfig {
  Config config;      ///< what could be understood: after an error, not all that was written; a
                      ///< region whose store was told wrong has an empty `backend`
  Findings findings;  ///< in the order of the file
};

/// Errors: ConfigError if the file itself cannot be read.
ReadConfig read_config(const std::filesystem::path& path);

/// As they stand in the file, each once; those of what was said in code come first, as they were found.
void put_in_order(Findings& findings);
/// Removes what was found where one of the first `causes` errors stands: it follows from that.
void drop_consequences(Findings& findings, std::size_t causes);

}  // namespace cairn::hosting
