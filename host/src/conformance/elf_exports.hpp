// The symbols that a shared library exports, read from its file without loading it.
//
// Errors: Error(config) if the file has no readable dynamic symbol table. Threads: any.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace cairn::hosting {

struct ExportedSymbol {
  std::string name;
  bool unique = false;  ///< STB_GNU_UNIQUE: the library can never be told apart from another one's
};

std::vector<ExportedSymbol> exported_symbols(const std::filesystem::path& file);

}  // namespace cairn::hosting
