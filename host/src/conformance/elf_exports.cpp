#include "conformance/elf_exports.hpp"

#include <cairn/error.hpp>

#include <elf.h>
#include <fmt/format.h>

#include <cstring>
#include <fstream>
#include <iterator>
#include <string_view>

namespace cairn::hosting {

namespace {

// The file's bytes; everything read from them is checked against their end.
class Image {
 public:
  explicit Image(const std::filesystem::path& file) : path_(file) {
    std::ifstream in(file, std::ios::binary);
    if (!in) fail("cannot be read");
    bytes_.assign(std::istreambuf_iterator<char>(in), {});
  }
  template <class T>
  T at(std::uint64_t offset) const {
    if (offset > bytes_.size() || sizeof(T) > bytes_.size() - offset)
      fail("is damaged: a table ends beyond the file");
    T value;
    std::memcpy(&value, bytes_.data() + offset, sizeof value);
    return value;
  }
  std::string text(std::uint64_t offset) const {
    if (offset >= bytes_.size()) fail("is damaged: a name lies beyond the file");
    return std::string(
        std::string_view(bytes_).substr(offset).substr(0, bytes_.find('\0', offset) - offset));
  }
  [[noreturn]] void fail(std::string_view why) const {
    throw Error(Errc::config, fmt::format("{} {}", path_.string(), why));
  }

 private:
  const std::filesystem::path path_;
  std::string bytes_;
};

}  // namespace

std::vector<ExportedSymbol> exported_symbols(const std::filesystem::path& file) {
  const Image image(file);
  const auto header = image.at<Elf64_Ehdr>(0);
  if (std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 || header.e_ident[EI_CLASS] != ELFCLASS64) {
    image.fail("is not a 64-bit ELF file");
  }
  std::vector<ExportedSymbol> exported;
  for (std::uint64_t i = 0; i < header.e_shnum; ++i) {
    const auto section = image.at<Elf64_Shdr>(header.e_shoff + i * sizeof(Elf64_Shdr));
    if (section.sh_type != SHT_DYNSYM) continue;
    const auto names = image.at<Elf64_Shdr>(header.e_shoff + section.sh_link * sizeof(Elf64_Shdr));
    for (std::uint64_t at = 0; at + sizeof(Elf64_Sym) <= section.sh_size; at += sizeof(Elf64_Sym)) {
      const auto symbol = image.at<Elf64_Sym>(section.sh_offset + at);
      const unsigned binding = ELF64_ST_BIND(symbol.st_info);
      const unsigned visibility = ELF64_ST_VISIBILITY(symbol.st_other);
      if (symbol.st_shndx == SHN_UNDEF || symbol.st_shndx == SHN_ABS || binding == STB_LOCAL)
        continue;
      if (visibility == STV_HIDDEN || visibility == STV_INTERNAL) continue;
      exported.push_back({image.text(names.sh_offset + symbol.st_name), binding == STB_GNU_UNIQUE});
    }
    return exported;
  }
  image.fail("has no dynamic symbol table");
}

}  // namespace cairn::hosting
