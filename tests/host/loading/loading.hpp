// What the tests of loading share: a host, a private folder, the plugins made for them, and the
// text of an expected error.
#pragma once

#include "catch.hpp"

#include <cairn/abi.h>
#include <cairn/error.hpp>

#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

namespace loading {

namespace fs = std::filesystem;

/// The plugin that tests/host/loading/meson.build calls `name`.
inline fs::path fixture(const std::string& name) {
  const char* folder = std::getenv("CAIRN_TEST_PLUGINS");
  REQUIRE(folder != nullptr);
  return fs::path(folder) / (name + ".so");
}

/// A folder of our own, gone at the end. Libraries loaded from it stay in memory.
class Folder {
 public:
  Folder() {
    std::string pattern =
        (fs::canonical(fs::temp_directory_path()) / "cairn-loading-XXXXXX").string();
    REQUIRE(mkdtemp(pattern.data()) != nullptr);
    path_ = pattern;
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }

  const fs::path& path() const noexcept { return path_; }
  fs::path operator/(const fs::path& name) const { return path_ / name; }

  /// A copy of the fixture `name`, called `as`.
  fs::path copy(const std::string& name, const fs::path& as) const {
    fs::copy_file(fixture(name), path_ / as, fs::copy_options::overwrite_existing);
    return path_ / as;
  }
  fs::path write(const fs::path& name, const std::string& bytes) const {
    std::ofstream(path_ / name, std::ios::binary) << bytes;
    return path_ / name;
  }
  fs::path make(const fs::path& name, mode_t mode = 0755) const {
    fs::create_directories(path_ / name);
    REQUIRE(chmod((path_ / name).c_str(), mode) == 0);
    return path_ / name;
  }

 private:
  fs::path path_;
};

inline std::string bytes_of(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

inline const cairn_host& test_host() {
  static const int32_t log_level = CAIRN_LOG_ERROR;
  static const cairn_host host = [] {
    cairn_host made{};
    made.size = sizeof made;
    made.abi_major = CAIRN_ABI_MAJOR;
    made.abi_minor = CAIRN_ABI_MINOR;
    made.name = "test";
    made.version = "0";
    made.log_level = &log_level;
    made.log = [](const cairn_host*, int32_t, const char*, cairn_bytes) noexcept {};
    made.now_ns = [](const cairn_host*) noexcept { return int64_t{1}; };
    return made;
  }();
  return host;
}

/// The text of the Error(config) that `action` throws; "" if it throws none.
template <class Action>
std::string config_error(Action action) {
  try {
    action();
  } catch (const cairn::Error& error) {
    CHECK(error.code() == cairn::Errc::config);
    return error.what();
  }
  return {};
}

using Catch::Matchers::Contains;

}  // namespace loading
