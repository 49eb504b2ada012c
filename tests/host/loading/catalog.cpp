#include "loading.hpp"
#include "loading/plugin_catalog.hpp"

#include <algorithm>

using namespace cairn::hosting;
using namespace loading;

namespace {

PluginCatalog catalog_of(std::vector<fs::path> folders) {
  std::vector<PluginDirectory> directories;
  for (fs::path& folder : folders) directories.push_back({std::move(folder), "configuration"});
  return PluginCatalog(directories, test_host());
}

std::string refusal(const PluginCatalog& catalog, Role role, std::string_view name) {
  return config_error([&] { catalog.find(role, name); });
}

}  // namespace

TEST_CASE("a component is found by role and name, and its plugin loaded", "[catalog]") {
  const Folder folder;
  folder.copy("map", "a.so");
  const PluginCatalog catalog = catalog_of({folder.path()});
  const cairn_component& component = catalog.find(Role::backend, "map");
  CHECK(component.name == std::string("map"));
  CHECK(&component == &catalog.find(Role::backend, "map"));
  CHECK(catalog.file_of(Role::backend, "map")->path == folder / "a.so");
  CHECK(catalog.file_of(Role::proxy, "map") == nullptr);
}

TEST_CASE("making a catalog runs no plugin", "[catalog]") {
  const Folder folder;
  folder.copy("missing-symbol", "cannot-run.so");
  const PluginCatalog catalog = catalog_of({folder.path()});
  REQUIRE(catalog.files().size() == 1);
  CHECK(catalog.files()[0].skipped.empty());
  CHECK_THAT(refusal(catalog, Role::backend, "refused"), Contains("undefined symbol"));
}

TEST_CASE("every file *.so is listed, with its note or the reason why it is skipped", "[catalog]") {
  const Folder folder;
  folder.copy("map", "a.so");
  folder.write("b.so", "text");
  folder.copy("note-of-abi-2", "c.so");
  folder.make("d.so");
  fs::permissions(folder.copy("map-c", "e.so"), fs::perms::others_write, fs::perm_options::add);
  folder.write("README", "not looked at");
  folder.make("inner");
  folder.copy("map", "inner/not-looked-at.so");

  const PluginCatalog catalog = catalog_of({folder.path()});
  const auto& files = catalog.files();
  REQUIRE(files.size() == 5);
  CHECK(files[0].path == folder / "a.so");
  CHECK(files[0].skipped.empty());
  CHECK(files[0].note->id == "org.cairn.test.map");
  CHECK_THAT(files[1].skipped, Contains("b.so: not an ELF file"));
  CHECK_FALSE(files[1].note);
  CHECK_THAT(files[2].skipped, Contains("c.so: built for cairn ABI 2"));
  CHECK(files[2].note->abi_major == 2);
  CHECK_THAT(files[3].skipped, Contains("d.so: not a regular file"));
  CHECK_THAT(files[4].skipped, Contains("e.so: not loaded, because others may write"));
}

TEST_CASE("the first directory wins, and the loser is listed with both paths", "[catalog]") {
  const Folder first, second;
  first.copy("map", "z.so");
  second.copy("map", "a.so");
  const PluginCatalog catalog = catalog_of({first.path(), second.path()});
  CHECK(catalog.file_of(Role::backend, "map")->path == first / "z.so");
  REQUIRE(catalog.files().size() == 2);
  CHECK(catalog.files()[0].shadowed.empty());
  REQUIRE(catalog.files()[1].shadowed.size() == 1);
  CHECK(catalog.files()[1].path == second / "a.so");
  CHECK(catalog.files()[1].shadowed[0].component == OfferedComponent{Role::backend, "map"});
  CHECK(catalog.files()[1].shadowed[0].by == first / "z.so");
}

TEST_CASE("a directory that is named twice is searched once", "[catalog]") {
  const Folder folder;
  folder.copy("map", "a.so");
  fs::create_directory_symlink(folder.path(), folder / "again");
  const PluginCatalog catalog = catalog_of({folder / "absent", folder.path(), folder / "again"});
  CHECK(catalog.files().size() == 1);
  REQUIRE(catalog.directories().size() == 3);
  CHECK(catalog.directories()[0].problem == "does not exist");
  CHECK(catalog.directories()[1].problem.empty());
  CHECK(catalog.directories()[2].problem == "searched already");
}

TEST_CASE("a plugin where a folder is asked for is answered with its folder", "[catalog]") {
  const Folder folder;
  const fs::path plugin = folder.copy("map", "a.so");
  const PluginCatalog catalog = catalog_of({plugin});
  CHECK(catalog.files().empty());
  CHECK(catalog.directories()[0].problem ==
        "is a file: name its folder, " + folder.path().string());
}

TEST_CASE("an unknown name is answered with the nearest one and where it was looked for",
          "[catalog]") {
  const Folder folder;
  folder.copy("map-no-rtti", "a.so");
  const PluginCatalog catalog = catalog_of({folder.path(), folder / "absent", "relative"});
  CHECK(refusal(catalog, Role::backend, "map-no-rtit") ==
        "there is no backend \"map-no-rtit\": did you mean \"map-no-rtti\"?"
        "\n  searched " +
            folder.path().string() +
            " (configuration)"
            "\n  searched " +
            (folder / "absent").string() +
            " (configuration: does not exist)"
            "\n  searched relative (configuration: not searched, because it is relative: write it "
            "from the root, "
            "beginning with /)");
  CHECK_THAT(refusal(catalog, Role::backend, "unlike-anything"), !Contains("did you mean"));
}

TEST_CASE("a component asked for in the wrong role is answered with the right one", "[catalog]") {
  const Folder folder;
  folder.copy("map", "a.so");
  CHECK_THAT(
      refusal(catalog_of({folder.path()}), Role::proxy, "map"),
      Contains("there is no proxy \"map\": \"map\" is a backend, which cannot wrap another"));
  folder.copy("note-offers-more", "b.so");
  CHECK_THAT(refusal(catalog_of({folder.path()}), Role::backend, "more"),
             Contains("there is no backend \"more\": \"more\" is a proxy, which goes into `wrap`"));
}

TEST_CASE("a file that would have offered the name says why it was skipped", "[catalog]") {
  const Folder folder;
  folder.copy("note-of-abi-2", "any-name.so");
  folder.write("cairn-redis.so", "text");
  folder.write("other.so", "text");
  const PluginCatalog catalog = catalog_of({folder.path()});
  CHECK_THAT(
      refusal(catalog, Role::backend, "refused"),
      Contains("\n  skipped  " + (folder / "any-name.so").string() + ": built for cairn ABI 2") &&
          !Contains("other.so"));
  CHECK_THAT(refusal(catalog, Role::backend, "redis"),
             Contains("cairn-redis.so: not an ELF file") && !Contains("other.so"));
}

TEST_CASE("rules are checked again when the plugin is loaded", "[catalog]") {
  const Folder folder;
  folder.make("plugins");
  folder.copy("map", "plugins/a.so");
  const PluginCatalog catalog = catalog_of({folder / "plugins"});
  folder.make("plugins", 0777);
  CHECK_THAT(refusal(catalog, Role::backend, "map"), Contains("chmod go-w"));
  folder.make("plugins", 0755);
  fs::rename(folder.copy("map-c", "new.so"), folder / "plugins/a.so");
  CHECK_THAT(refusal(catalog, Role::backend, "map"),
             Contains("was replaced and offers backend \"map\" no longer"));
}
