// Dictionaries: what many small payloads have in common, so that it need not be in each.
#pragma once

#include <cairn/entry.hpp>

#include <zstd.h>

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace cairn::zstd {

struct FreeCDict {
  void operator()(ZSTD_CDict* dictionary) const noexcept { ZSTD_freeCDict(dictionary); }
};
struct FreeDDict {
  void operator()(ZSTD_DDict* dictionary) const noexcept { ZSTD_freeDDict(dictionary); }
};
using CompressionDictionary = std::unique_ptr<ZSTD_CDict, FreeCDict>;
using DecompressionDictionary = std::unique_ptr<ZSTD_DDict, FreeDDict>;

/// The bytes of the dictionary in the file `path`, which `option` names. Errors: Error(config) if it
/// cannot be read, or is not a dictionary with an id, by which frames name it.
std::string load_dictionary(std::string_view option, const std::string& path);

CompressionDictionary for_compression(std::string_view dictionary, int level);
DecompressionDictionary for_decompression(std::string_view dictionary);

/// A dictionary made from samples. Errors: Error(rejected) if they are too few or have nothing in
/// common.
Entry train(std::span<const std::string_view> samples, std::size_t max_size);

}  // namespace cairn::zstd
