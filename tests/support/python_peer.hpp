// A Python program that checks what we wrote and writes what we check: two files of records, each a
// length (32 bits, little endian) and so many bytes.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <vector>

/// Runs Debian's Python on `script` with the two files' names as arguments, the first of which
/// holds `ours`. Returns what it wrote into the second. Errors: std::runtime_error if it did not
/// succeed; its own words are on the terminal.
inline std::vector<std::string> through_python(const std::filesystem::path& script,
                                               const std::vector<std::string>& ours) {
  char folder_name[] = "/tmp/cairn-python-XXXXXX";
  if (mkdtemp(folder_name) == nullptr) throw std::runtime_error("no temporary folder");
  const std::filesystem::path folder(folder_name);
  struct Remove {
    const std::filesystem::path& folder;
    ~Remove() {
      std::error_code ignored;
      std::filesystem::remove_all(folder, ignored);
    }
  } const remove{folder};

  {
    std::ofstream file(folder / "ours", std::ios::binary);
    for (const std::string& record : ours) {
      const auto size = static_cast<std::uint32_t>(record.size());
      for (int shift = 0; shift < 32; shift += 8) file.put(static_cast<char>(size >> shift));
      file << record;
    }
  }
  const std::string command = "/usr/bin/python3 '" + script.string() + "' '" +
                              (folder / "ours").string() + "' '" + (folder / "theirs").string() +
                              "'";
  if (std::system(command.c_str()) != 0)
    throw std::runtime_error(script.filename().string() + " failed");

  std::vector<std::string> theirs;
  std::ifstream file(folder / "theirs", std::ios::binary);
  for (;;) {
    unsigned char size[4];
    if (!file.read(reinterpret_cast<char*>(size), sizeof size)) return theirs;
    std::string record(size[0] | size[1] << 8 | size[2] << 16 | std::uint32_t{size[3]} << 24, '\0');
    if (!file.read(record.data(), static_cast<std::streamsize>(record.size()))) {
      throw std::runtime_error("a record is cut off");
    }
    theirs.push_back(std::move(record));
  }
}
