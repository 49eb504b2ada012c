// What a configuration can hold, however it was made: a file is refused what is outside when it is read, with
// its kinds and units; what was said in code is looked at here.
//
// Threads: any function, any thread.
#pragma once

#include <cairn/host/config.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace cairn::hosting {

/// The numbers of [background].
constexpr int most_threads = 1024;
constexpr int longest_queue = 1'000'000'000;

/// What is wrong with a name of a region or a backend; empty: nothing.
std::string problem_of_name(std::string_view name);

/// A file where a folder with plugins is asked for.
struct NotAFolder {
  std::string problem;  // "lists folders, and ... is a file"
  std::string remedy;
  std::string meant;  // the folder that the file is in
};
/// Nothing if there is no such file: a folder need not be there.
std::optional<NotAFolder> problem_of_plugin_folder(const std::string& path);

/// Adds what is outside: in all but the regions, and in one of them.
void check_limits(const Config& config, Findings& findings);
void check_limits(const RegionConfig& region, Findings& findings);

}  // namespace cairn::hosting
