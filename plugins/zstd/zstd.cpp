// zstd: makes payloads smaller on their way to the store.

#include "compressor.hpp"

#include <cairn/extensions/train.h>
#include <cairn/plugin.hpp>

#include <array>
#include <atomic>
#include <cstring>
#include <string>
#include <vector>

namespace {

using namespace cairn;

cairn_status train(cairn_call* call, const cairn_bytes* samples, std::size_t n,
                   std::size_t max_size, cairn_entry* dictionary) noexcept {
  return detail::guard(call, "zstd", [&]() -> cairn_status {
    std::vector<std::string_view> views;
    views.reserve(n);
    for (std::size_t i = 0; i < n; ++i) views.emplace_back(samples[i].data, samples[i].size);
    *dictionary = zstd::train(views, max_size).release();
    return CAIRN_OK;
  });
}

class Zstd final : public ValueCodec {
 public:
  static constexpr auto name = "zstd";
  static constexpr auto help = "Compresses payloads with zstd.";
  static constexpr std::array options{
      Option("level", "int")
          .defaults_to("3")
          .range("-7", "19")
          .help("Higher is smaller and slower; below 0 is faster than 1 and larger."),
      Option("min_size", "size")
          .defaults_to("1KiB")
          .help("Shorter payloads are stored as they are."),
      Option("min_gain", "percent")
          .defaults_to("10%")
          .range("0%", "99%")
          .help("Payloads that would not get this much smaller are stored as they are."),
      Option("max_size", "size")
          .defaults_to("64MiB")
          .range("1KiB", "1GiB")
          .help("Longer payloads are stored as they are, and frames that hold more are corrupt."),
      Option("checksum", "bool")
          .defaults_to("false")
          .help("Add four bytes to every frame by which damage is found."),
      Option("dictionary", "path")
          .help("What payloads have in common, made by `cairn train-dictionary`."),
      Option("older_dictionaries", "list:path")
          .help("Dictionaries that are no longer written with, but can still be read."),
  };

  static void check_options(const Options& options) {
    const zstd::Compressor made(settings_from(options));  // reads the dictionaries
  }
  explicit Zstd(const Context& context)
      : ValueCodec(context), compressor_(settings_from(context.options())) {}

  Entry encode(const Entry& value) const override {
    std::optional<Entry> frame = compressor_.compress(value.bytes());
    count(counters_.payload_bytes, value.size());
    count(counters_.stored_bytes, frame ? frame->size() : value.size());
    count(frame ? counters_.compressed : counters_.left_alone, 1);
    if (!frame) return value;
    return std::move(*frame);
  }

  Entry decode(const Entry& stored) const override {
    return zstd::Compressor::is_frame(stored.bytes()) ? compressor_.decompress(stored.bytes())
                                                      : stored;
  }

  Document stats(Call) override {
    return Document::build([&](Writer out) {
      auto map = out.map(5);
      map.key("corrupt").unsigned_integer(corrupt_payloads());
      map.key("compressed").unsigned_integer(counters_.compressed.load(std::memory_order_relaxed));
      map.key("left_alone").unsigned_integer(counters_.left_alone.load(std::memory_order_relaxed));
      map.key("payload_bytes")
          .unsigned_integer(counters_.payload_bytes.load(std::memory_order_relaxed));
      map.key("stored_bytes")
          .unsigned_integer(counters_.stored_bytes.load(std::memory_order_relaxed));
    });
  }

  const void* extension(const char* id) override {
    static constexpr cairn_train table{sizeof(cairn_train), 0, &train};
    return std::strcmp(id, CAIRN_TRAIN_EXTENSION) == 0 ? &table : next().extension(id);
  }

 private:
  struct Counters {
    std::atomic<std::uint64_t> compressed{0};
    std::atomic<std::uint64_t> left_alone{0};
    std::atomic<std::uint64_t> payload_bytes{0};
    std::atomic<std::uint64_t> stored_bytes{0};
  };
  static void count(std::atomic<std::uint64_t>& counter, std::uint64_t by) noexcept {
    counter.fetch_add(by, std::memory_order_relaxed);
  }

  static zstd::Settings settings_from(const Options& options) {
    zstd::Settings settings;
    settings.level = static_cast<int>(options.integer("level"));
    settings.min_size = options.size("min_size");
    settings.min_gain = options.real("min_gain");
    settings.max_size = options.size("max_size");
    settings.checksum = options.flag("checksum");
    if (options.has("dictionary"))
      settings.dictionary = zstd::load_dictionary("dictionary", options.text("dictionary"));
    if (options.has("older_dictionaries")) {
      for (const std::string& path : options.texts("older_dictionaries")) {
        settings.older_dictionaries.push_back(zstd::load_dictionary("older_dictionaries", path));
      }
    }
    return settings;
  }

  const zstd::Compressor compressor_;
  mutable Counters counters_;
};

}  // namespace

CAIRN_PLUGIN("org.cairn.zstd", "0.1.0", Zstd);
