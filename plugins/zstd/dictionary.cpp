#include "dictionary.hpp"

#include <zdict.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <new>
#include <vector>

namespace cairn::zstd {
namespace {

// The file that an option names, and how errors begin.
struct Named {
  std::string_view option;
  const std::string& path;

  [[noreturn]] void fail(const std::string& what, int system_error) const {
    throw Error(Errc::config, "`" + std::string(option) + "` \"" + path + "\": " + what,
                system_error);
  }
};

std::string read_file(const Named& named) {
  struct Close {
    void operator()(std::FILE* file) const noexcept { std::fclose(file); }
  };
  const std::unique_ptr<std::FILE, Close> file(std::fopen(named.path.c_str(), "rb"));
  if (file == nullptr) named.fail(std::strerror(errno), errno);
  std::string bytes;
  char part[64 * 1024];
  while (const std::size_t size = std::fread(part, 1, sizeof part, file.get())) {
    bytes.append(part, size);
  }
  if (std::ferror(file.get()) != 0) named.fail(std::strerror(errno), errno);
  return bytes;
}

}  // namespace

std::string load_dictionary(std::string_view option, const std::string& path) {
  const Named named{option, path};
  std::string bytes = read_file(named);
  if (ZSTD_getDictID_fromDict(bytes.data(), bytes.size()) == 0) {
    named.fail(
        "not a zstd dictionary with an id; make one with `cairn train-dictionary` or `zstd "
        "--train`",
        0);
  }
  return bytes;
}

CompressionDictionary for_compression(std::string_view dictionary, int level) {
  CompressionDictionary made(ZSTD_createCDict(dictionary.data(), dictionary.size(), level));
  if (made == nullptr)
    throw Error(Errc::config, "a dictionary that zstd cannot use for compression");
  return made;
}

DecompressionDictionary for_decompression(std::string_view dictionary) {
  DecompressionDictionary made(ZSTD_createDDict(dictionary.data(), dictionary.size()));
  if (made == nullptr)
    throw Error(Errc::config, "a dictionary that zstd cannot use for decompression");
  return made;
}

Entry train(std::span<const std::string_view> samples, std::size_t max_size) {
  std::string all;
  std::vector<std::size_t> sizes;
  sizes.reserve(samples.size());
  for (const std::string_view sample : samples) {
    all.append(sample);
    sizes.push_back(sample.size());
  }
  ByteBuffer dictionary(max_size);
  const std::size_t size = ZDICT_trainFromBuffer(dictionary.data(), max_size, all.data(),
                                                 sizes.data(), static_cast<unsigned>(sizes.size()));
  if (ZDICT_isError(size) != 0) {
    throw Error(Errc::rejected,
                std::to_string(samples.size()) + " samples of " + std::to_string(all.size()) +
                    " bytes in all make no dictionary of " + std::to_string(max_size) + " bytes (" +
                    ZDICT_getErrorName(size) +
                    "): take more samples, about a hundred times its size");
  }
  dictionary.shrink_to(size);
  return Entry(std::move(dictionary));
}

}  // namespace cairn::zstd
