#include "compressor.hpp"

#include <algorithm>
#include <bit>
#include <new>

namespace cairn::zstd {
namespace {

[[noreturn, gnu::cold, gnu::noinline]] void corrupt(const std::string& what) {
  throw Error(Errc::corrupt, what);
}
[[noreturn, gnu::cold, gnu::noinline]] void too_long(std::size_t max_size) {
  corrupt("the frame holds more than max_size, " + std::to_string(max_size) + " bytes");
}

void set(ZSTD_CCtx* context, ZSTD_cParameter parameter, int value) {
  const std::size_t result = ZSTD_CCtx_setParameter(context, parameter, value);
  if (ZSTD_isError(result) != 0) {
    throw Error(Errc::internal,
                std::string("zstd refuses a parameter: ") + ZSTD_getErrorName(result));
  }
}

// The most that a frame of so many bytes can hold: a block of 128 KiB needs four bytes.
std::uint64_t most_in(std::size_t frame_size) noexcept {
  return (std::uint64_t{frame_size} / 4 + 1) * ZSTD_BLOCKSIZE_MAX;
}

// Buffers that one unusual payload has made long are not kept.
constexpr std::size_t longest_kept_buffer = 1 << 20;

}  // namespace

Compressor::Compressor(const Settings& settings)
    : level_(settings.level),
      min_size_(settings.min_size),
      min_gain_(settings.min_gain),
      max_size_(settings.max_size),
      checksum_(settings.checksum) {
  const auto add = [&](const std::string& bytes) {
    const unsigned id = ZSTD_getDictID_fromDict(bytes.data(), bytes.size());
    decompression_dictionaries_.emplace(id, for_decompression(bytes));
  };
  if (!settings.dictionary.empty()) {
    compression_dictionary_ = for_compression(settings.dictionary, level_);
    add(settings.dictionary);
  }
  for (const std::string& older : settings.older_dictionaries) add(older);
}

std::unique_ptr<Compressor::Compression> Compressor::make_compression() const {
  auto made = std::make_unique<Compression>();
  made->context.reset(ZSTD_createCCtx());
  if (made->context == nullptr) throw std::bad_alloc();
  set(made->context.get(), ZSTD_c_compressionLevel, level_);
  set(made->context.get(), ZSTD_c_checksumFlag, checksum_ ? 1 : 0);
  if (compression_dictionary_ != nullptr) {
    ZSTD_CCtx_refCDict(made->context.get(), compression_dictionary_.get());
  }
  return made;
}

std::unique_ptr<Compressor::Decompression> Compressor::make_decompression() const {
  auto made = std::make_unique<Decompression>();
  made->context.reset(ZSTD_createDCtx());
  if (made->context == nullptr) throw std::bad_alloc();
  // A stream may ask for a window of its own; longer than all it may say it never needs to be.
  const auto window_log = static_cast<int>(std::bit_width(max_size_));
  const ZSTD_bounds bounds = ZSTD_dParam_getBounds(ZSTD_d_windowLogMax);
  ZSTD_DCtx_setParameter(made->context.get(), ZSTD_d_windowLogMax,
                         std::clamp(window_log, bounds.lowerBound, 27));
  return made;
}

std::optional<Entry> Compressor::compress(std::string_view payload) const {
  const bool must = is_frame(payload);
  if (payload.size() > max_size_) {
    if (!must) return std::nullopt;
    throw Error(Errc::rejected, "a zstd frame longer than max_size cannot be kept");
  }
  if (payload.size() < min_size_ && !must) return std::nullopt;

  const auto with = compressions_.borrow([&] { return make_compression(); });
  const std::size_t bound = ZSTD_compressBound(payload.size());
  if (with->capacity < bound) {
    with->buffer.reset(new char[bound]);
    with->capacity = bound;
  }
  const std::size_t size = ZSTD_compress2(with->context.get(), with->buffer.get(), with->capacity,
                                          payload.data(), payload.size());
  if (ZSTD_isError(size) != 0) {
    throw Error(Errc::internal, std::string("compression failed: ") + ZSTD_getErrorName(size));
  }
  std::optional<Entry> frame;
  const double enough = static_cast<double>(payload.size()) * (1 - min_gain_);
  if (must || static_cast<double>(size) <= enough) frame = Entry::copy({with->buffer.get(), size});
  if (with->capacity > longest_kept_buffer) {
    with->buffer.reset();
    with->capacity = 0;
  }
  return frame;
}

const ZSTD_DDict* Compressor::dictionary_of(std::string_view frame) const {
  const unsigned id = ZSTD_getDictID_fromFrame(frame.data(), frame.size());
  if (id == 0) return nullptr;
  const auto found = decompression_dictionaries_.find(id);
  if (found == decompression_dictionaries_.end()) {
    corrupt("the frame needs dictionary " + std::to_string(id) +
            ", which is neither `dictionary` nor among `older_dictionaries`");
  }
  return found->second.get();
}

Entry Compressor::decompress(std::string_view frame) const {
  const unsigned long long size = ZSTD_getFrameContentSize(frame.data(), frame.size());
  if (size == ZSTD_CONTENTSIZE_ERROR) corrupt("not a whole frame");
  const ZSTD_DDict* dictionary = dictionary_of(frame);
  const auto with = decompressions_.borrow([&] { return make_decompression(); });
  ZSTD_DCtx* context = with->context.get();
  ZSTD_DCtx_reset(context, ZSTD_reset_session_only);  // the frame before may have been cut off
  if (ZSTD_isError(ZSTD_DCtx_refDDict(context, dictionary)) != 0) throw std::bad_alloc();
  if (size == ZSTD_CONTENTSIZE_UNKNOWN) return decompress_unknown_size(frame, context);

  if (size > max_size_) too_long(max_size_);
  if (size > most_in(frame.size())) corrupt("the frame says it holds more than it can");
  ByteBuffer payload(size);
  const std::size_t result =
      ZSTD_decompressDCtx(context, payload.data(), payload.size(), frame.data(), frame.size());
  if (ZSTD_isError(result) != 0) corrupt(ZSTD_getErrorName(result));
  if (result != size) corrupt("the frame holds less than it says");
  return Entry(std::move(payload));
}

// Frames that were written as a stream do not say how much they hold.
Entry Compressor::decompress_unknown_size(std::string_view frame, ZSTD_DCtx* context) const {
  std::string payload(std::min(max_size_, 4 * frame.size() + 256), '\0');
  ZSTD_inBuffer in{frame.data(), frame.size(), 0};
  ZSTD_outBuffer out{payload.data(), payload.size(), 0};
  for (;;) {
    const std::size_t result = ZSTD_decompressStream(context, &out, &in);
    if (ZSTD_isError(result) != 0) corrupt(ZSTD_getErrorName(result));
    if (result == 0) break;
    if (out.pos < out.size) corrupt("not a whole frame");
    if (payload.size() == max_size_) too_long(max_size_);
    payload.resize(std::min(max_size_, 2 * payload.size()));
    out.dst = payload.data();
    out.size = payload.size();
  }
  if (in.pos != in.size) corrupt("something is left over behind the frame");
  return Entry::copy({payload.data(), out.pos});
}

}  // namespace cairn::zstd
