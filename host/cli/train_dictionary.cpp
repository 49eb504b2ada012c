// `cairn train-dictionary`: samples what a region's store holds into a dictionary file for a layer
// of the region that compresses.

#include "commands.hpp"
#include "config/units.hpp"
#include "region/region_core.hpp"
#include "stack/raw_access.hpp"
#include "stack/stack.hpp"

#include <cairn/extensions/train.h>

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>
#include <optional>
#include <vector>

namespace cairn::cli {

namespace {

struct Options {
  std::string output;
  std::string max_size = "110KiB";
  std::size_t samples = 10'000;
};

using hosting::Layer;

// The lowest layer that can be trained.
struct Trainer {
  const cairn_train* train = nullptr;
  const Layer* layer = nullptr;
};

Trainer trainer_of(const hosting::Stack& stack, const std::string& region) {
  for (const auto& layer : stack.layers()) {
    const cairn_ops& ops = *layer->component().ops;
    if (!CAIRN_HAS(&ops, extension) || ops.extension == nullptr) continue;
    if (const void* table = ops.extension(layer->self(), CAIRN_TRAIN_EXTENSION)) {
      return {static_cast<const cairn_train*>(table), layer.get()};
    }
  }
  throw Error(Errc::unsupported,
              fmt::format("no layer of region `{}` uses a dictionary; `zstd` does", region));
}

// Keys as the store has them.
std::vector<std::string> keys_of(const hosting::Store& store, std::size_t most) {
  std::vector<std::string> keys;
  if (most == 0) return keys;
  hosting::visit_keys(store, [&](std::string_view key) {
    keys.emplace_back(key);
    return keys.size() < most;
  });
  return keys;
}

// The layer's `min_size` under which the dictionary is of use: its own, unless most samples are shorter.
// Nothing: it can be left out, or the layer has no such option.
std::optional<std::uint64_t> min_size_for(const Layer& layer, std::vector<cairn_bytes> samples) {
  const cairn_option* option = nullptr;
  for (std::size_t i = 0; i < layer.component().option_count; ++i) {
    const cairn_option& each = *cairn_option_at(&layer.component(), i);
    if (std::string_view(each.name) == "min_size") option = &each;
  }
  const Node configured = layer.options().root().find("min_size");
  if (option == nullptr || !configured || configured.type() != Node::integer) return std::nullopt;
  const auto median = samples.begin() + static_cast<std::ptrdiff_t>(samples.size() / 2);
  std::nth_element(samples.begin(), median, samples.end(),
                   [](const cairn_bytes& a, const cairn_bytes& b) { return a.size < b.size; });
  const auto own = static_cast<std::uint64_t>(configured.int_value());
  if (own > median->size) return 0;
  const auto otherwise =
      option->default_value != nullptr ? hosting::parse_size(option->default_value) : std::nullopt;
  return otherwise == own ? std::nullopt : std::optional(own);
}

void write_file(const std::string& path, std::string_view bytes) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "wbe"),
                                                             &std::fclose);
  if (!file || std::fwrite(bytes.data(), 1, bytes.size(), file.get()) != bytes.size() ||
      std::fflush(file.get()) != 0) {
    throw std::runtime_error(fmt::format("{} cannot be written: {}", path, std::strerror(errno)));
  }
}

void run(const Globals& globals, const Options& options) {
  const auto max_size = hosting::parse_size(options.max_size);
  if (!max_size || *max_size < 256 || *max_size > (std::uint64_t{1} << 26)) {
    throw UsageError(
        fmt::format("--max-size {}: expected a size from 256B to 64MiB", options.max_size));
  }
  const Config all = read_config(globals);
  const std::string name = chosen_region(all, globals);
  Host host(only_region(all, name), host_options());
  const auto stack = host.stack_of(name);
  const Trainer trainer = trainer_of(*stack, name);

  // What the layer would answer for these keys is what it was given by set. A key that another
  // layer below has to change would not be found: so keys are asked of the trained layer only if it
  // is the lowest that touches them.
  for (const auto& layer : stack->layers()) {
    if (layer.get() == trainer.layer) break;
    if ((layer->component().transforms & CAIRN_TRANSFORMS_KEY) != 0) {
      throw Error(Errc::unsupported,
                  fmt::format("`{}` stands below `{}` and changes keys: list it before in `wrap`",
                              layer->component().name, trainer.layer->component().name));
    }
  }
  const std::vector<std::string> keys = keys_of(stack->store(), options.samples);
  std::vector<Entry> entries;
  std::vector<cairn_bytes> samples;
  for (const std::string& key : keys) {
    cairn_call call;
    hosting::begin(call);
    cairn_entry raw{};
    const auto& get = trainer.layer->table().get;
    if (get.fn(get.self, &call, {key.data(), key.size()}, &raw) != CAIRN_OK) continue;
    Entry entry = Entry::adopt(raw);
    if (!entry.is_bytes()) continue;
    samples.push_back({entry.bytes().data(), entry.size()});
    entries.push_back(std::move(entry));
    show_progress(fmt::format("{} samples", samples.size()));
  }
  show_progress("");
  if (samples.empty()) {
    throw Error(
        Errc::rejected,
        keys.empty()
            ? fmt::format("the store of region `{}` is empty, and a dictionary is learnt from "
                          "what it holds: fill it first (what a program keeps in its own "
                          "memory, as with `memory`, only that program sees)",
                          name)
            : fmt::format("none of the {} entries in the store of region `{}` can be read "
                          "as bytes there: there is nothing to learn from",
                          keys.size(), name));
  }

  cairn_call call;
  hosting::begin(call);
  cairn_entry raw{};
  const cairn_status status = trainer.train->train(&call, samples.data(), samples.size(),
                                                   static_cast<std::size_t>(*max_size), &raw);
  if (status != CAIRN_OK) throw Error(to_errc(status), call.error_text);
  const Entry dictionary = Entry::adopt(raw);
  write_file(options.output, dictionary.bytes());
  const auto min_size = min_size_for(*trainer.layer, samples);
  if (globals.json) {
    Json json = Json::object(
        {{"file", options.output}, {"samples", samples.size()}, {"bytes", dictionary.size()}});
    if (min_size) json["min_size"] = *min_size;
    print_json(json);
  } else {
    print(fmt::format(
        "{}: {} from {} samples\nUse it: {{ plugin = \"{}\", dictionary = \"{}\"{} }}\n",
        options.output, hosting::format_size(dictionary.size()), samples.size(),
        trainer.layer->component().name, options.output,
        min_size ? fmt::format(", min_size = \"{}\"", hosting::format_size(*min_size)) : ""));
  }
}

}  // namespace

void add_train_dictionary(CLI::App& app, Globals& globals) {
  CLI::App* command = app.add_subcommand(
      "train-dictionary", "Make a dictionary for `zstd` from what a region's store holds");
  auto options = std::make_shared<Options>();
  add_config_option(*command, globals);
  add_region_option(*command, globals);
  command->add_option("-o,--output", options->output, "The file to write")
      ->required()
      ->type_name("FILE");
  command->add_option("--max-size", options->max_size, "Of the dictionary")->capture_default_str();
  command->add_option("--samples", options->samples, "How many entries to look at, at most")
      ->capture_default_str();
  add_json_option(*command, globals);
  command->callback([&globals, options] { run(globals, *options); });
}

}  // namespace cairn::cli
