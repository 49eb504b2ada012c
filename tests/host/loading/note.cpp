#include "loading.hpp"
#include "loading/plugin_note.hpp"

#include <elf.h>
#include <link.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstring>
#include <random>

using namespace cairn::hosting;
using namespace loading;

namespace {

std::string refusal(const fs::path& file) {
  return config_error([&] { inspect_plugin(file); });
}

std::string with_text(std::string elf, const std::string& from, const std::string& to) {
  REQUIRE(from.size() == to.size());
  const std::size_t at = elf.find(from);
  REQUIRE(at != std::string::npos);
  return elf.replace(at, from.size(), to);
}

}  // namespace

TEST_CASE("the note says what a plugin offers, without running it", "[note]") {
  const PluginNote note = inspect_plugin(fixture("map"));
  CHECK(note.abi_major == 1);
  CHECK(note.abi_minor == 0);
  CHECK(note.id == "org.cairn.test.map");
  CHECK(note.version == "1.0.0");
  REQUIRE(note.components.size() == 1);
  CHECK(note.components[0] == OfferedComponent{Role::backend, "map"});
  CHECK(note.offers(Role::backend, "map"));
  CHECK_FALSE(note.offers(Role::proxy, "map"));
}

TEST_CASE("a member of the note that this host does not know is left alone", "[note]") {
  CHECK(inspect_plugin(fixture("missing-symbol")).id == "org.cairn.test.refused");
}

TEST_CASE("a note is found behind others, with either alignment", "[note]") {
  const std::size_t alignment = GENERATE(std::size_t{4}, std::size_t{8});
  const std::string json = R"({"abi":"1.0","id":"i","version":"v","components":[]})";
  std::string notes;
  const auto add = [&](std::uint32_t type, const std::string& name, const std::string& text) {
    const ElfW(Nhdr) header{static_cast<ElfW(Word)>(name.size() + 1),
                            static_cast<ElfW(Word)>(text.size()), type};
    notes.append(reinterpret_cast<const char*>(&header), sizeof header).append(name) += '\0';
    notes.resize((notes.size() + alignment - 1) & ~(alignment - 1));
    notes += text;
    notes.resize((notes.size() + alignment - 1) & ~(alignment - 1));
  };
  add(5, "GNU", std::string(16, '\1'));
  add(CAIRN_NOTE_TYPE, "other", "{}");
  add(CAIRN_NOTE_TYPE, CAIRN_NOTE_NAME, json);

  std::string elf = bytes_of(fixture("map-c")).substr(0, sizeof(ElfW(Ehdr)));
  auto* header = reinterpret_cast<ElfW(Ehdr)*>(elf.data());
  header->e_phoff = sizeof *header;
  header->e_phnum = 1;
  header->e_shoff = 0;
  ElfW(Phdr) segment{};
  segment.p_type = PT_NOTE;
  segment.p_offset = sizeof *header + sizeof segment;
  segment.p_filesz = notes.size();
  segment.p_align = alignment;
  elf.append(reinterpret_cast<const char*>(&segment), sizeof segment) += notes;

  const Folder folder;
  CHECK(inspect_plugin(folder.write("notes.so", elf)).id == "i");
}

TEST_CASE("what is not a plugin's file is refused with a reason", "[note]") {
  const Folder folder;
  CHECK_THAT(refusal(folder / "absent.so"), Contains("absent.so: cannot be opened: No such file"));
  CHECK_THAT(refusal(folder.path()), Contains("not a regular file"));
  CHECK_THAT(refusal(folder.write("empty.so", "")), Contains("empty.so: not an ELF file"));
  CHECK_THAT(refusal(folder.write("text.so", "#!/bin/sh\necho hello\n")),
             Contains("not an ELF file"));
  CHECK_THAT(refusal(fixture("no-note")), Contains("no plugin note"));
  REQUIRE(mkfifo((folder / "pipe.so").c_str(), 0600) == 0);
  CHECK_THAT(refusal(folder / "pipe.so"), Contains("not a regular file"));
}

TEST_CASE("a file of another machine or kind is refused by name", "[note]") {
  const Folder folder;
  std::string elf = bytes_of(fixture("map"));
  const auto patched = [&](std::size_t at, std::uint16_t value) {
    std::string copy = elf;
    std::memcpy(copy.data() + at, &value, sizeof value);
    return refusal(folder.write("patched.so", copy));
  };
  const std::uint16_t other =
      EM_AARCH64 == reinterpret_cast<const ElfW(Ehdr)*>(elf.data())->e_machine ? EM_X86_64
                                                                               : EM_AARCH64;
  CHECK_THAT(patched(offsetof(ElfW(Ehdr), e_machine), other),
             Contains("built for another machine (" +
                      std::string(other == EM_AARCH64 ? "aarch64" : "x86-64")));
  CHECK_THAT(patched(offsetof(ElfW(Ehdr), e_type), ET_EXEC), Contains("not a shared library"));
  CHECK_THAT(patched(offsetof(ElfW(Ehdr), e_type), ET_REL), Contains("not a shared library"));
  CHECK_THAT(patched(offsetof(ElfW(Ehdr), e_phnum), 0), Contains("not a shared library"));
  CHECK_THAT(patched(offsetof(ElfW(Ehdr), e_phnum), 0xffff), Contains("not a shared library"));

  elf[EI_CLASS] = elf[EI_CLASS] == ELFCLASS64 ? ELFCLASS32 : ELFCLASS64;
  CHECK_THAT(refusal(folder.write("class.so", elf)), Contains("other word size or byte order"));
}

TEST_CASE("a truncated file is refused at whatever length it ends", "[note]") {
  const Folder folder;
  const std::string elf = bytes_of(fixture("map-c"));
  for (std::size_t length = 0; length < elf.size(); length += length < 2048 ? 7 : 509) {
    const std::string text = refusal(folder.write("cut.so", elf.substr(0, length)));
    INFO(length << " of " << elf.size() << ": " << text);
    CHECK(text.find(length < SELFMAG ? "not an ELF file" : "truncated") != std::string::npos);
  }
  CHECK_THAT(refusal(folder.write("cut.so", elf.substr(0, elf.size() - 1))), Contains("truncated"));
  CHECK(refusal(folder.write("cut.so", elf)).empty());
}

TEST_CASE("a damaged note is refused by the member that is wrong", "[note]") {
  const Folder folder;
  const std::string elf = bytes_of(fixture("map-c"));
  const auto damaged = [&](const std::string& from, const std::string& to) {
    return refusal(folder.write("damaged.so", with_text(elf, from, to)));
  };
  CHECK_THAT(damaged("{\"abi\"", "[\"abi\""),
             Contains("its plugin note is damaged: it is not a JSON object"));
  CHECK_THAT(damaged("\"1.0\",\"id\"", "\"one\",\"id\""), Contains("`abi` is not a version"));
  CHECK_THAT(damaged("\"id\":", "\"ix\":"), Contains("`id` is not"));
  CHECK_THAT(damaged("\"version\":\"1.0.0\"", "\"version\":\"1.0.\033\""),
             Contains("not a JSON object"));
  CHECK_THAT(damaged("\"components\"", "\"component_\""), Contains("`components` is not a list"));
  CHECK_THAT(damaged("\"name\":\"map-c\"", "\"name\":\"Map C\""),
             Contains("a component has no role, or no name"));
  CHECK(damaged("\"role\":\"backend\"", "\"role\":\"oracle!\"").empty());
  CHECK(inspect_plugin(folder / "damaged.so").components.empty());
}

TEST_CASE("a plugin of another ABI major can be shown, but is refused", "[note]") {
  const fs::path file = fixture("note-of-abi-2");
  const PluginNote note = inspect_plugin(file);
  CHECK(note.abi_major == 2);
  CHECK(note.offers(Role::backend, "refused"));
  CHECK_THAT(
      config_error([&] { require_supported_abi(note, file); }),
      Contains("note-of-abi-2.so: built for cairn ABI 2, this host speaks 1: use a newer host"));
}

TEST_CASE("headers full of nonsense are read without harm", "[note]") {
  const std::string elf = bytes_of(fixture("map-c"));
  const std::size_t note_at = elf.find("{\"abi\"");
  REQUIRE(note_at != std::string::npos);
  std::mt19937 random(20261123);
  const auto below = [&](std::size_t n) { return static_cast<std::size_t>(random() % n); };

  const int file = memfd_create("mutated", MFD_CLOEXEC);
  REQUIRE(file >= 0);
  int read = 0, refused = 0;
  for (int round = 0; round < 2000; ++round) {
    std::string mutated = elf;
    for (std::size_t n = 1 + below(6); n > 0; --n) {
      // The ELF header, the program headers, or the note with its own header.
      const std::size_t at = round % 3 == 0   ? below(sizeof(ElfW(Ehdr)))
                             : round % 3 == 1 ? below(sizeof(ElfW(Ehdr)) + 9 * sizeof(ElfW(Phdr)))
                                              : note_at - 20 + below(120);
      mutated[at] = static_cast<char>(random() % 4 == 0 ? 0xff : random());
    }
    REQUIRE(pwrite(file, mutated.data(), mutated.size(), 0) ==
            static_cast<ssize_t>(mutated.size()));
    try {
      read_plugin_note(file, "mutated.so");
      ++read;
    } catch (const cairn::Error& error) {
      ++refused;
      CHECK(error.code() == cairn::Errc::config);
      CHECK(std::string(error.what()).substr(0, 12) == "mutated.so: ");
    }
  }
  close(file);
  CHECK(read > 100);
  CHECK(refused > 500);
}
