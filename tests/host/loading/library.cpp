#include "loading.hpp"
#include "loading/plugin_instance.hpp"
#include "loading/plugin_library.hpp"

#include <cairn/entry.hpp>

#include <thread>
#include <vector>

using namespace cairn;
using namespace cairn::hosting;
using namespace loading;

namespace {

const cairn_plugin& load(const fs::path& path) {
  const PluginFile file(path);
  return load_plugin(file, read_plugin_note(file.fd(), file.path()), test_host());
}

std::string refusal(const fs::path& path) {
  return config_error([&] { load(path); });
}

std::string get(const cairn_ops& ops, void* self, std::string_view key) {
  cairn_entry out{};
  const cairn_status status = ops.get(self, nullptr, {key.data(), key.size()}, &out);
  if (status == CAIRN_MISS) return "(miss)";
  REQUIRE(status == CAIRN_OK);
  const std::string found(static_cast<const char*>(out.data), out.size);
  cairn_release(out.owner);
  return found;
}

cairn_status set(const cairn_ops& ops, void* self, std::string_view key, std::string_view value,
                 cairn_call* call = nullptr) {
  cairn_entry entry{};
  entry.data = value.data();
  entry.size = value.size();
  entry.kind = CAIRN_BYTES;
  return ops.set(self, call, {key.data(), key.size()}, &entry, nullptr);
}

// Loads the backend called `name` from its own file and uses it.
void check_works(const std::string& name) {
  INFO(name);
  const cairn_plugin& plugin = load(fixture(name));
  REQUIRE(plugin.component_count == 1);
  const cairn_component& component = *plugin.components[0];
  CHECK(component.name == name);
  const cairn_ops& ops = *component.ops;

  cairn_entry kept{};
  {
    const PluginInstance instance(component, test_host(), nullptr, nullptr);
    CHECK(get(ops, instance.self(), "k") == "(miss)");
    const std::string value(1000, 'v');
    CHECK(set(ops, instance.self(), "k", value) == CAIRN_OK);
    CHECK(get(ops, instance.self(), "k") == value);
    CHECK(set(ops, instance.self(), "k", "second") == CAIRN_OK);
    CHECK(get(ops, instance.self(), "k") == "second");

    cairn_call call{};
    call.size = sizeof call;
    CHECK(set(ops, instance.self(), "rejected", "v", &call) == CAIRN_REJECTED);
    CHECK(call.error_text == name + ": this key is never kept");

    REQUIRE(ops.get(instance.self(), nullptr, {"k", 1}, &kept) == CAIRN_OK);
    CHECK(ops.remove(instance.self(), nullptr, {"k", 1}) == CAIRN_OK);
    CHECK(ops.remove(instance.self(), nullptr, {"k", 1}) == CAIRN_MISS);
  }
  CHECK(std::string_view(static_cast<const char*>(kept.data), kept.size) == "second");
  cairn_release(kept.owner);  // after its instance is gone
}

}  // namespace

TEST_CASE("a plugin unlike the host in language, library or allocator loads and works",
          "[library]") {
  check_works("map");
  check_works("map-c");
  check_works("map-own-allocator");
  check_works("map-private-runtime");
  check_works("map-no-rtti");
}

TEST_CASE("a plugin of the other compiler and standard library loads and works", "[.][libcxx]") {
  check_works("map-libcxx");
}

TEST_CASE("a library is loaded once, by whichever path and thread", "[library]") {
  const Folder folder;
  const fs::path file = folder.copy("map", "once.so");
  fs::create_symlink(file, folder / "link.so");
  fs::create_hard_link(file, folder / "hard.so");

  std::vector<const cairn_plugin*> loaded(8);
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < loaded.size(); ++i) {
    threads.emplace_back([&, i] {
      const char* names[] = {"once.so", "link.so", "hard.so"};
      const PluginFile opened(folder / names[i % 3]);
      loaded[i] = &load_plugin(opened, read_plugin_note(opened.fd(), opened.path()), test_host());
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const cairn_plugin* plugin : loaded) CHECK(plugin == loaded[0]);
  CHECK(loaded[0] != &load(folder.copy("map", "copy.so")));
}

TEST_CASE("a file that is no working plugin is refused with the reason and a remedy", "[library]") {
  CHECK_THAT(refusal(fixture("missing-symbol")),
             Contains("missing-symbol.so: cannot be loaded: ") &&
                 Contains("undefined symbol: nobody_defines_this") && Contains("-Wl,-z,defs"));
  CHECK_THAT(
      refusal(fixture("no-entry")),
      Contains(
          "no-entry.so: does not export `cairn_plugin_v1`: a plugin says CAIRN_PLUGIN(...) once"));
  CHECK_THAT(refusal(fixture("entry-returns-null")),
             Contains("refuses this host (cairn 0, ABI 1.0)"));
  CHECK_THAT(refusal(fixture("table-of-abi-2")),
             Contains("breaks the plugin contract: its table is of cairn ABI 2, its note says 1"));
  CHECK_THAT(refusal(fixture("note-of-abi-2")),
             Contains("built for cairn ABI 2, this host speaks 1"));
  CHECK_THAT(refusal(fixture("note-offers-more")), Contains("its note offers proxy \"more\""));
  CHECK_THAT(refusal(fixture("no-note")), Contains("no plugin note"));
}

TEST_CASE("a refused library gives the same answer again", "[library]") {
  CHECK(refusal(fixture("entry-returns-null")) == refusal(fixture("entry-returns-null")));
  CHECK(refusal(fixture("missing-symbol")) == refusal(fixture("missing-symbol")));
}

TEST_CASE("a library that needs another one which is not there says which", "[library]") {
  const Folder folder;
  std::string elf = bytes_of(fixture("map-private-runtime"));
  const std::size_t at = elf.find(std::string("libc.so.6") + '\0');
  REQUIRE(at != std::string::npos);
  elf.replace(at, 9, "libq.so.6");
  CHECK_THAT(
      refusal(folder.write("needs.so", elf)),
      Contains("libq.so.6: cannot open shared object file") && Contains("install the library"));
}

TEST_CASE("a file replaced between reading and loading is refused", "[library]") {
  const Folder folder;
  const PluginFile opened(folder.copy("map", "a.so"));
  const PluginNote note = read_plugin_note(opened.fd(), opened.path());
  fs::rename(folder.copy("map", "new.so"), folder / "a.so");
  CHECK_THAT(config_error([&] { load_plugin(opened, note, test_host()); }),
             Contains("a.so: was replaced while it was being loaded"));
}

TEST_CASE("a file replaced after it was loaded needs a new process", "[library]") {
  const Folder folder;
  const fs::path file = folder.copy("map", "a.so");
  load(file);
  fs::rename(folder.copy("map", "new.so"), file);
  CHECK_THAT(refusal(file),
             Contains("a.so: was replaced after it was loaded: start the program again"));
}
