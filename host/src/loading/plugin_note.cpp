#include "plugin_note.hpp"

#include "file_descriptor.hpp"

#include <cairn/error.hpp>

#include <elf.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <link.h>
#include <nlohmann/json.hpp>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <optional>
#include <system_error>

// The ELF header of this very library, placed by the linker: what a file must match to run beside
// it.
extern "C" {
extern const ElfW(Ehdr) __ehdr_start __attribute__((visibility("hidden")));  // NOLINT: its name
}

namespace cairn::hosting {

namespace {

using ElfHeader = ElfW(Ehdr);
using ProgramHeader = ElfW(Phdr);
using NoteHeader = ElfW(Nhdr);

constexpr std::uint64_t largest_note_segment = 1u << 20;
constexpr std::uint64_t largest_text = 64u << 10;
constexpr std::size_t most_program_headers = 1024;
constexpr std::size_t longest_string = 200;

[[noreturn]] void refuse(const std::filesystem::path& file, std::string_view why) {
  throw Error(Errc::config, fmt::format("{}: {}", file.string(), why));
}

[[noreturn]] void refuse_truncated(const std::filesystem::path& file) {
  refuse(file, "truncated: the file ends before its headers say; copy or build it again");
}

// Reads within the size that the file had when it was opened.
class FileReader {
 public:
  FileReader(int fd, const std::filesystem::path& file) : fd_(fd), file_(file) {
    struct stat status {};
    if (fstat(fd, &status) != 0) refuse(file, std::generic_category().message(errno));
    if (!S_ISREG(status.st_mode)) refuse(file, "not a regular file: a plugin is a shared library");
    size_ = static_cast<std::uint64_t>(status.st_size);
  }

  bool contains(std::uint64_t offset, std::uint64_t size) const noexcept {
    return offset <= size_ && size <= size_ - offset;
  }
  bool read(void* to, std::size_t size, std::uint64_t offset) const {
    if (!contains(offset, size)) return false;
    auto* at = static_cast<char*>(to);
    while (size > 0) {
      const ssize_t done = pread(fd_, at, size, static_cast<off_t>(offset));
      if (done < 0 && errno == EINTR) continue;
      if (done < 0) refuse(file_, std::generic_category().message(errno));
      if (done == 0) return false;  // it shrank meanwhile
      at += done;
      offset += static_cast<std::uint64_t>(done);
      size -= static_cast<std::size_t>(done);
    }
    return true;
  }

 private:
  int fd_;
  const std::filesystem::path& file_;
  std::uint64_t size_ = 0;
};

std::string machine_name(unsigned machine) {
  switch (machine) {
    case EM_386: return "x86, 32 bit";
    case EM_X86_64: return "x86-64";
    case EM_ARM: return "arm, 32 bit";
    case EM_AARCH64: return "aarch64";
    case EM_RISCV: return "riscv";
    case EM_PPC64: return "ppc64";
    case EM_S390: return "s390";
    default: return fmt::format("ELF machine {}", machine);
  }
}

ElfHeader read_header(const FileReader& reader, const std::filesystem::path& file) {
  ElfHeader header;
  unsigned char ident[EI_NIDENT];
  if (!reader.read(ident, SELFMAG, 0) || std::memcmp(ident, ELFMAG, SELFMAG) != 0) {
    refuse(file, "not an ELF file: a plugin is a shared library; was it copied completely?");
  }
  if (!reader.read(&header, sizeof header, 0)) refuse_truncated(file);
  const ElfHeader& ours = __ehdr_start;
  if (header.e_ident[EI_CLASS] != ours.e_ident[EI_CLASS] ||
      header.e_ident[EI_DATA] != ours.e_ident[EI_DATA] || header.e_machine != ours.e_machine) {
    unsigned machine = header.e_machine;
    if (header.e_ident[EI_DATA] != ours.e_ident[EI_DATA])
      machine = __builtin_bswap16(header.e_machine);
    refuse(file,
           fmt::format("built for another machine ({}{}), this host runs on {}: install or build "
                       "the plugin for this one",
                       machine_name(machine),
                       machine == ours.e_machine ? ", other word size or byte order" : "",
                       machine_name(ours.e_machine)));
  }
  if (header.e_type != ET_DYN || header.e_phentsize != sizeof(ProgramHeader) ||
      header.e_phnum == 0 || header.e_phnum > most_program_headers) {
    refuse(file, "not a shared library: build the plugin as one (-shared -fPIC)");
  }
  // The loader maps what the headers promise; touching a page beyond the end of the file would kill
  // the program.
  const std::uint64_t sections = std::uint64_t{header.e_shnum} * header.e_shentsize;
  if (header.e_shoff != 0 && !reader.contains(header.e_shoff, sections)) refuse_truncated(file);
  return header;
}

// The text of the cairn note in one PT_NOTE segment, where a note's description and the next note
// begin at multiples of `alignment`. Damage ends the search: it is not a note.
std::optional<std::string> find_note(const std::vector<char>& segment, std::uint64_t alignment) {
  const auto aligned = [alignment](std::uint64_t at) {
    return (at + alignment - 1) & ~(alignment - 1);
  };
  for (std::uint64_t at = 0; at + sizeof(NoteHeader) <= segment.size();) {
    NoteHeader note;
    std::memcpy(&note, segment.data() + at, sizeof note);
    const std::uint64_t name_at = at + sizeof note;
    const std::uint64_t text_at = aligned(name_at + note.n_namesz);
    if (text_at > segment.size() || note.n_descsz > segment.size() - text_at) return std::nullopt;
    if (note.n_type == CAIRN_NOTE_TYPE && note.n_namesz == sizeof CAIRN_NOTE_NAME &&
        std::memcmp(segment.data() + name_at, CAIRN_NOTE_NAME, sizeof CAIRN_NOTE_NAME) == 0) {
      if (note.n_descsz > largest_text) return std::nullopt;
      return std::string(segment.data() + text_at, note.n_descsz);
    }
    at = aligned(text_at + note.n_descsz);
  }
  return std::nullopt;
}

std::string read_note_text(int fd, const std::filesystem::path& file) {
  const FileReader reader(fd, file);
  const ElfHeader header = read_header(reader, file);
  std::optional<std::string> text;
  for (std::size_t i = 0; i < header.e_phnum; ++i) {
    ProgramHeader segment;
    const std::uint64_t at = i * sizeof segment;
    if (header.e_phoff > UINT64_MAX - at ||
        !reader.read(&segment, sizeof segment, header.e_phoff + at) ||
        (segment.p_type != PT_NULL && !reader.contains(segment.p_offset, segment.p_filesz))) {
      refuse_truncated(file);
    }
    if (text || segment.p_type != PT_NOTE || segment.p_filesz > largest_note_segment) continue;
    std::vector<char> bytes(segment.p_filesz);
    if (!reader.read(bytes.data(), bytes.size(), segment.p_offset)) refuse_truncated(file);
    text = find_note(bytes, segment.p_align == 8 ? 8 : 4);
  }
  if (!text) {
    refuse(file,
           "no plugin note (not a cairn plugin, stripped, or rewritten by an old patchelf?): a "
           "plugin says CAIRN_PLUGIN(...) once; build it again");
  }
  text->erase(std::min(text->find('\0'), text->size()));
  return std::move(*text);
}

// ---- the note's JSON ---------------------------------------------------------------------------

[[noreturn]] void refuse_note(const std::filesystem::path& file, std::string_view why) {
  refuse(file, fmt::format("its plugin note is damaged: {}; build the plugin again", why));
}

bool is_printable(std::string_view text) noexcept {
  return !text.empty() && text.size() <= longest_string &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; });
}

std::string member_text(const nlohmann::json& object, const char* name) {
  const auto it = object.find(name);
  return it != object.end() && it->is_string() ? it->get<std::string>() : std::string();
}

// An id or a version.
std::string take_label(const nlohmann::json& object, const char* name, bool strict,
                       const std::filesystem::path& file) {
  std::string text = member_text(object, name);
  if (is_printable(text)) return text;
  if (strict) refuse_note(file, fmt::format("`{}` is not a short printable text", name));
  return "?";
}

// "1.0"
bool parse_abi(std::string_view text, PluginNote& note) noexcept {
  const char* const end = text.data() + text.size();
  const auto major = std::from_chars(text.data(), end, note.abi_major);
  if (major.ec != std::errc() || major.ptr == end || *major.ptr != '.') return false;
  const auto minor = std::from_chars(major.ptr + 1, end, note.abi_minor);
  return minor.ec == std::errc() && minor.ptr == end;
}

// Members that are not known are left alone: later minors may add some.
PluginNote parse_note(const std::string& text, const std::filesystem::path& file) {
  const auto json = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) refuse_note(file, "it is not a JSON object");
  PluginNote note;
  if (!parse_abi(member_text(json, "abi"), note)) {
    refuse_note(file, "`abi` is not a version such as \"1.0\"");
  }
  const bool strict = note.abi_major == CAIRN_ABI_MAJOR;
  note.id = take_label(json, "id", strict, file);
  note.version = take_label(json, "version", strict, file);
  const auto components = json.find("components");
  if (components == json.end() || !components->is_array()) {
    if (strict) refuse_note(file, "`components` is not a list");
    return note;
  }
  for (const auto& item : *components) {
    const std::string role = item.is_object() ? member_text(item, "role") : std::string();
    std::string name = item.is_object() ? member_text(item, "name") : std::string();
    const bool known = role == "backend" || role == "proxy";
    if (strict && (role.empty() || (known && !is_component_name(name)))) {
      refuse_note(file,
                  "a component has no role, or no name of lower-case letters, digits, `-` and `_`");
    }
    if (!known || !is_component_name(name)) continue;
    note.components.push_back({role == "backend" ? Role::backend : Role::proxy, std::move(name)});
  }
  return note;
}

}  // namespace

std::string_view to_string(Role role) noexcept {
  return role == Role::backend ? "backend" : "proxy";
}

bool PluginNote::offers(Role role, std::string_view name) const noexcept {
  return std::any_of(components.begin(), components.end(), [&](const OfferedComponent& component) {
    return component.role == role && component.name == name;
  });
}

PluginNote read_plugin_note(int fd, const std::filesystem::path& file) {
  return parse_note(read_note_text(fd, file), file);
}

PluginNote inspect_plugin(const std::filesystem::path& file) {
  const FileDescriptor fd(open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!fd)
    refuse(file, fmt::format("cannot be opened: {}", std::generic_category().message(errno)));
  return read_plugin_note(fd.get(), file);
}

void require_supported_abi(const PluginNote& note, const std::filesystem::path& file) {
  if (note.abi_major == CAIRN_ABI_MAJOR) return;
  refuse(file, fmt::format("built for cairn ABI {}, this host speaks {}: {}", note.abi_major,
                           CAIRN_ABI_MAJOR,
                           note.abi_major > CAIRN_ABI_MAJOR
                               ? "use a newer host, or a version of the plugin for this one"
                               : "build the plugin again with this host's headers"));
}

bool is_component_name(std::string_view name) noexcept {
  return !name.empty() && name.size() <= 64 && name[0] >= 'a' && name[0] <= 'z' &&
         name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_-") == std::string_view::npos;
}

}  // namespace cairn::hosting
