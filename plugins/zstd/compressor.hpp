// Compression of single payloads, with reused contexts and dictionaries.
//
// What comes out is either a plain zstd frame, which any zstd reads, or the payload as it was. The
// two cannot be confused: whatever begins with a frame's four magic bytes is a frame, and a payload
// that happens to begin with them is put into one, even if that makes it longer.
//
// Threads: any method, any thread, any time.
#pragma once

#include "dictionary.hpp"
#include "pool.hpp"

#include <cairn/entry.hpp>

#include <zstd.h>

#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cairn::zstd {

struct Settings {
  int level = 3;
  std::size_t min_size = 1024;      // shorter payloads are left alone
  double min_gain = 0.1;            // as are those that would not get this much shorter
  std::size_t max_size = 64 << 20;  // longer ones are left alone, and never decompressed
  bool checksum = false;
  std::string dictionary;                       // the bytes to compress with; empty: none
  std::vector<std::string> older_dictionaries;  // the bytes of more, for reading only
};

class Compressor {
 public:
  /// Errors: Error(config) for dictionaries that are none.
  explicit Compressor(const Settings& settings);

  static bool is_frame(std::string_view bytes) noexcept {
    return bytes.substr(0, 4) == "\x28\xb5\x2f\xfd";
  }

  /// The frame that says `payload`; nothing if it should be kept as it is.
  std::optional<Entry> compress(std::string_view payload) const;

  /// Precondition: is_frame(frame). Allocates what the frame says it holds, but never more than
  /// max_size, nor than a frame of its length can hold. Errors: Error(corrupt).
  Entry decompress(std::string_view frame) const;

 private:
  struct FreeCCtx {
    void operator()(ZSTD_CCtx* context) const noexcept { ZSTD_freeCCtx(context); }
  };
  struct FreeDCtx {
    void operator()(ZSTD_DCtx* context) const noexcept { ZSTD_freeDCtx(context); }
  };
  // A context, and where it writes: only then is it known how many bytes to keep.
  struct Compression {
    std::unique_ptr<ZSTD_CCtx, FreeCCtx> context;
    std::unique_ptr<char[]> buffer;
    std::size_t capacity = 0;
  };
  struct Decompression {
    std::unique_ptr<ZSTD_DCtx, FreeDCtx> context;
  };

  std::unique_ptr<Compression> make_compression() const;
  std::unique_ptr<Decompression> make_decompression() const;
  const ZSTD_DDict* dictionary_of(std::string_view frame) const;
  Entry decompress_unknown_size(std::string_view frame, ZSTD_DCtx* context) const;

  // Constant after construction.
  const int level_;
  const std::size_t min_size_;
  const double min_gain_;
  const std::size_t max_size_;
  const bool checksum_;
  CompressionDictionary compression_dictionary_;
  std::map<unsigned, DecompressionDictionary> decompression_dictionaries_;  // by id

  mutable Pool<Compression> compressions_;
  mutable Pool<Decompression> decompressions_;
};

}  // namespace cairn::zstd
