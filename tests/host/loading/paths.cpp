#include "loading.hpp"
#include "loading/plugin_paths.hpp"

#include <unistd.h>

using namespace cairn::hosting;
using namespace loading;

namespace {

std::string refusal(const fs::path& file) {
  return config_error([&] { PluginFile{file}; });
}

// A variable that is as it was at the end of the test.
class Restored {
 public:
  explicit Restored(const char* name) : name_(name) {
    if (const char* value = std::getenv(name)) before_ = value;
  }
  Restored(const Restored&) = delete;
  ~Restored() { before_.empty() ? unsetenv(name_) : setenv(name_, before_.c_str(), 1); }

 private:
  const char* name_;
  std::string before_;
};

}  // namespace

TEST_CASE("a file in folders that only the owner may change is accepted", "[paths]") {
  const Folder folder;
  const fs::path file = folder.copy("map", "a.so");
  const PluginFile opened(file);
  CHECK(opened.path() == file);
  CHECK(opened.fd() >= 0);
  CHECK(opened.is_still_in_place());
}

TEST_CASE("a relative path is refused", "[paths]") {
  CHECK_THAT(refusal("map.so"), Contains("map.so: a plugin is loaded only by its absolute path"));
  CHECK_THAT(refusal(""), Contains("absolute path"));
}

TEST_CASE("a folder or file that others may write to is refused, with the command that mends it",
          "[paths]") {
  const Folder folder;
  folder.make("plugins");
  const fs::path file = folder.copy("map", "plugins/a.so");

  folder.make("plugins", 0777);
  CHECK_THAT(refusal(file),
             Contains("others may write to the folder " + (folder / "plugins").string() +
                      " (mode 0777): `chmod go-w " + (folder / "plugins").string() + "`"));
  folder.make("plugins", 0775);
  CHECK_THAT(refusal(file), Contains("(mode 0775)"));
  folder.make("plugins", 0755);
  REQUIRE(chmod(file.c_str(), 0664) == 0);
  CHECK_THAT(refusal(file),
             Contains("others may write to the file " + file.string() + " (mode 0664)"));
  REQUIRE(chmod(file.c_str(), 0644) == 0);
  CHECK(refusal(file).empty());
}

TEST_CASE("every folder above counts", "[paths]") {
  const Folder folder;
  folder.make("open/inner/plugins");
  const fs::path file = folder.copy("map", "open/inner/plugins/a.so");
  folder.make("open", 0777);
  CHECK_THAT(refusal(file), Contains("the folder " + (folder / "open").string() + " (mode 0777)"));
}

TEST_CASE("a sticky folder of root's may be above the plugin's folder, but not be it", "[paths]") {
  const Folder folder;
  folder.make("sticky/mine");
  const fs::path below = folder.copy("map", "sticky/mine/a.so");
  const fs::path inside = folder.copy("map", "sticky/a.so");
  folder.make("sticky", 01777);
  CHECK(refusal(below).empty() ==
        (geteuid() == 0));  // if it is not root's, its owner may do anything
  CHECK_THAT(refusal(inside), Contains("(mode 1777)"));
}

TEST_CASE("what belongs to another user is refused", "[paths]") {
  if (geteuid() != 0) {
    WARN("skipped: only root can give a file away");
    return;
  }
  const Folder folder;
  folder.make("plugins");
  const fs::path file = folder.copy("map", "plugins/a.so");
  REQUIRE(chown(file.c_str(), 65534, 65534) == 0);
  CHECK_THAT(refusal(file), Contains("the file " + file.string() + " belongs to user 65534"));
  REQUIRE(chown(file.c_str(), 0, 0) == 0);
  REQUIRE(chown((folder / "plugins").c_str(), 65534, 65534) == 0);
  CHECK_THAT(refusal(file),
             Contains("the folder " + (folder / "plugins").string() + " belongs to user 65534"));
}

TEST_CASE("a link is followed, and both its ends are checked", "[paths]") {
  const Folder folder;
  folder.make("real");
  folder.make("links");
  const fs::path file = folder.copy("map", "real/a.so");
  const fs::path link = folder / "links/b.so";
  fs::create_symlink(file, link);
  CHECK(PluginFile(link).path() == file);

  folder.make("links", 0777);
  CHECK_THAT(refusal(link), Contains("the folder " + (folder / "links").string()));
  folder.make("links", 0755);
  folder.make("real", 0777);
  CHECK_THAT(refusal(link), Contains("the folder " + (folder / "real").string()));

  fs::create_symlink(folder / "absent.so", folder / "links/dangling.so");
  CHECK_THAT(refusal(folder / "links/dangling.so"), Contains("cannot be opened: No such file"));
}

TEST_CASE("what is no file is refused without waiting for it", "[paths]") {
  const Folder folder;
  REQUIRE(mkfifo((folder / "pipe.so").c_str(), 0600) == 0);
  CHECK_THAT(refusal(folder / "pipe.so"), Contains("not a regular file"));
  CHECK_THAT(refusal(folder.make("folder.so")), Contains("not a regular file"));
  CHECK_THAT(refusal(folder / "absent.so"), Contains("No such file"));
}

TEST_CASE("a file replaced under the same name is noticed", "[paths]") {
  const Folder folder;
  const PluginFile opened(folder.copy("map", "a.so"));
  fs::rename(folder.copy("map", "new.so"), folder / "a.so");
  CHECK_FALSE(opened.is_still_in_place());
}

TEST_CASE("the search goes from the configured folders to the environment's to the built-in one",
          "[paths]") {
  const Restored path("CAIRN_PLUGIN_PATH"), dir("CAIRN_PLUGIN_DIR");
  unsetenv("CAIRN_PLUGIN_DIR");
  setenv("CAIRN_PLUGIN_PATH", "/b::/c:", 1);
  const auto found = plugin_directories({"/a"});
  REQUIRE(found.size() == 4);
  CHECK(found[0].path == "/a");
  CHECK(found[0].origin == "configuration");
  CHECK(found[1].path == "/b");
  CHECK(found[2].path == "/c");
  CHECK(found[2].origin == "CAIRN_PLUGIN_PATH");
  CHECK(found[3].path.string().find("/cairn/1") != std::string::npos);
  CHECK(found[3].origin == "built in");

  setenv("CAIRN_PLUGIN_DIR", "/d", 1);
  CHECK(plugin_directories({}).back().path == "/d");
  CHECK(plugin_directories({}).back().origin == "CAIRN_PLUGIN_DIR");
}
