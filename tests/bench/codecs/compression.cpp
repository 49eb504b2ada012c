// zstd as the layer uses it beside ZSTD_compressCCtx with a context of one's own, and what a
// dictionary gains on small records. The ratio column is payload bytes per stored byte.
#include "../../../plugins/zstd/compressor.hpp"

#include <benchmark/benchmark.h>

#include <cstdint>
#include <cstdlib>
#include <random>
#include <string>
#include <vector>

namespace {

using namespace cairn;

// JSON-like records of about `size` bytes: the same fields, with values of their own.
std::vector<std::string> records(std::size_t size, std::size_t count, unsigned seed) {
  std::mt19937 random(seed);
  const char* const words[] = {"Springfield", "Riverside",  "Franklin",
                               "Clinton",     "Greenville", "Bristol"};
  const auto number = [&] { return std::to_string(random() % 100'000); };
  std::vector<std::string> all;
  for (std::size_t i = 0; i < count; ++i) {
    std::string text = "{\"id\":" + number() + ",\"name\":\"user " + number() + "\",\"email\":\"u" +
                       number() + "@example.org\",\"active\":" + (random() % 2 ? "true" : "false") +
                       ",\"orders\":[";
    while (text.size() < size - 90) {
      text += "{\"order_id\":" + number() + ",\"city\":\"" + words[random() % 6] +
              "\",\"total\":" + number() + ".25,\"currency\":\"EUR\"},";
    }
    text += "{}],\"created_at\":\"2026-11-" + std::to_string(10 + random() % 20) +
            "T10:" + std::to_string(10 + random() % 50) + ":00Z\"}";
    all.push_back(std::move(text));
  }
  return all;
}

std::string dictionary_for(std::size_t size) {
  const auto samples = records(size, 10'000, 1);
  const std::vector<std::string_view> views(samples.begin(), samples.end());
  return std::string(zstd::train(views, 16 * 1024).bytes());
}

zstd::Settings settings(int level, std::string dictionary = {}) {
  zstd::Settings result;
  result.level = level;
  result.min_size = 0;
  result.dictionary = std::move(dictionary);
  return result;
}

void compress_layer(benchmark::State& state) {
  const auto payloads = records(static_cast<std::size_t>(state.range(0)), 256, 2);
  const zstd::Compressor compressor(settings(static_cast<int>(state.range(1))));
  std::size_t i = 0;
  for (auto _ : state)
    benchmark::DoNotOptimize(compressor.compress(payloads[i++ % payloads.size()]));
}
// With the same copy of the result, which somebody has to make.
void compress_plain(benchmark::State& state) {
  const auto payloads = records(static_cast<std::size_t>(state.range(0)), 256, 2);
  ZSTD_CCtx* context = ZSTD_createCCtx();
  std::vector<char> buffer(ZSTD_compressBound(1 << 20));
  std::size_t i = 0;
  for (auto _ : state) {
    const std::string& payload = payloads[i++ % payloads.size()];
    const std::size_t size =
        ZSTD_compressCCtx(context, buffer.data(), buffer.size(), payload.data(), payload.size(),
                          static_cast<int>(state.range(1)));
    benchmark::DoNotOptimize(Entry::copy({buffer.data(), size}));
  }
  ZSTD_freeCCtx(context);
}
void decompress_layer(benchmark::State& state) {
  const auto payloads = records(static_cast<std::size_t>(state.range(0)), 256, 2);
  const zstd::Compressor compressor(settings(static_cast<int>(state.range(1))));
  std::vector<Entry> frames;
  for (const auto& payload : payloads) frames.push_back(compressor.compress(payload).value());
  std::size_t i = 0;
  for (auto _ : state)
    benchmark::DoNotOptimize(compressor.decompress(frames[i++ % frames.size()].bytes()));
}
void decompress_plain(benchmark::State& state) {
  const auto payloads = records(static_cast<std::size_t>(state.range(0)), 256, 2);
  const zstd::Compressor compressor(settings(static_cast<int>(state.range(1))));
  std::vector<Entry> frames;
  for (const auto& payload : payloads) frames.push_back(compressor.compress(payload).value());
  ZSTD_DCtx* context = ZSTD_createDCtx();
  std::size_t i = 0;
  for (auto _ : state) {
    const std::string_view frame = frames[i++ % frames.size()].bytes();
    ByteBuffer payload(ZSTD_getFrameContentSize(frame.data(), frame.size()));
    if (ZSTD_isError(ZSTD_decompressDCtx(context, payload.data(), payload.size(), frame.data(),
                                         frame.size()))) {
      std::abort();
    }
    benchmark::DoNotOptimize(Entry(std::move(payload)));
  }
  ZSTD_freeDCtx(context);
}

void dictionary_gain(benchmark::State& state, bool with_dictionary, bool decompress) {
  const auto size = static_cast<std::size_t>(state.range(0));
  const auto payloads = records(size, 1'000, 3);
  const zstd::Compressor compressor(settings(1, with_dictionary ? dictionary_for(size) : ""));
  std::vector<Entry> frames;
  double before = 0;
  double after = 0;
  for (const auto& payload : payloads) {
    const auto frame = compressor.compress(payload);
    frames.push_back(frame ? *frame : Entry::copy(payload));
    before += static_cast<double>(payload.size());
    after += static_cast<double>(frames.back().size());
  }
  std::size_t i = 0;
  for (auto _ : state) {
    const std::size_t at = i++ % payloads.size();
    if (!decompress) {
      benchmark::DoNotOptimize(compressor.compress(payloads[at]));
    } else if (zstd::Compressor::is_frame(frames[at].bytes())) {
      benchmark::DoNotOptimize(compressor.decompress(frames[at].bytes()));
    }
  }
  state.counters["ratio"] = before / after;
}

BENCHMARK(compress_layer)->Args({1024, 3})->Args({1024, 1})->Args({16384, 3});
BENCHMARK(compress_plain)->Args({1024, 3})->Args({1024, 1})->Args({16384, 3});
BENCHMARK(decompress_layer)->Args({1024, 3})->Args({16384, 3});
BENCHMARK(decompress_plain)->Args({1024, 3})->Args({16384, 3});
BENCHMARK_CAPTURE(dictionary_gain, compress_without, false, false)->Arg(300)->Arg(1024);
BENCHMARK_CAPTURE(dictionary_gain, compress_with, true, false)->Arg(300)->Arg(1024);
BENCHMARK_CAPTURE(dictionary_gain, decompress_without, false, true)->Arg(300)->Arg(1024);
BENCHMARK_CAPTURE(dictionary_gain, decompress_with, true, true)->Arg(300)->Arg(1024);

}  // namespace

BENCHMARK_MAIN();
