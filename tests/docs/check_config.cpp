// Prints what is wrong with a configuration file, plugins' options included. Exit code: 1 if
// something is.

#include <cairn/cairn.hpp>

#include <cstdio>
#include <exception>

int main(int argc, char** argv) try {
  if (argc != 2) return 2;
  int errors = 0;
  for (const cairn::Finding& finding : cairn::check(cairn::Config::from_file(argv[1]))) {
    if (finding.severity != cairn::Finding::Severity::error) continue;
    std::printf("%s\n", cairn::render(finding).c_str());
    ++errors;
  }
  return errors > 0 ? 1 : 0;
} catch (const std::exception& error) {
  std::printf("%s\n", error.what());
  return 1;
}
