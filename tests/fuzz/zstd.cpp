// Any bytes as what a store holds, and as a payload: a frame is read or refused as corrupt, within
// the limit; whatever is compressed comes back.
#include "../../plugins/zstd/compressor.hpp"

#include <cstdlib>

using namespace cairn;

namespace {

std::string made_up_dictionary() {
  std::vector<std::string> samples;
  for (int i = 0; i < 2'000; ++i) {
    samples.push_back("{\"id\":" + std::to_string(i * 7919 % 100'003) + ",\"name\":\"user-" +
                      std::to_string(i * 104'729 % 9'973) + "\",\"roles\":[\"reader\"]}");
  }
  const std::vector<std::string_view> views(samples.begin(), samples.end());
  return std::string(zstd::train(views, 4'096).bytes());
}

zstd::Settings settings(bool with_dictionary) {
  zstd::Settings result;
  result.min_size = 0;
  result.max_size = 1 << 20;
  if (with_dictionary) result.dictionary = made_up_dictionary();
  return result;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  static const zstd::Compressor plain(settings(false));
  static const zstd::Compressor with_dictionary(settings(true));
  if (size == 0) return 0;
  const zstd::Compressor& compressor = data[0] % 2 == 0 ? plain : with_dictionary;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);

  if (zstd::Compressor::is_frame(bytes)) {
    try {
      if (compressor.decompress(bytes).size() > 1 << 20) std::abort();
    } catch (const Error& error) {
      if (error.code() != Errc::corrupt) std::abort();
    }
  }
  const std::optional<Entry> frame = compressor.compress(bytes);
  if (!frame) {
    if (zstd::Compressor::is_frame(bytes)) std::abort();
  } else if (compressor.decompress(frame->bytes()).bytes() != bytes) {
    std::abort();
  }
  return 0;
}
