// `cairn get`, `set` and `del`: one entry, through the real stack of a region.

#include "commands.hpp"
#include "config/units.hpp"
#include "json.hpp"
#include "stack/raw_access.hpp"

#include <cairn/host/region.hpp>

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

namespace cairn::cli {

namespace {

struct Options {
  std::string key;
  std::string value;
  std::string ttl;
  bool document = false;
  bool raw = false;
  bool meta = false;
  bool stale = false;
};

// "2026-11-23T20:51:51.123Z"
std::string format_time(Time time) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(time);
  const auto rest = std::chrono::duration_cast<std::chrono::milliseconds>(time - seconds).count();
  return fmt::format(
      "{:%Y-%m-%dT%H:%M:%S}.{:03}Z",
      fmt::gmtime(std::chrono::system_clock::to_time_t(
          std::chrono::time_point_cast<std::chrono::system_clock::duration>(seconds))),
      rest);
}

bool is_utf8(std::string_view bytes) {
  try {
    Json(std::string(bytes)).dump();
    return true;
  } catch (const Json::type_error&) {
    return false;
  }
}

Json value_json(const Entry& entry) {
  if (!entry.is_bytes()) return hosting::to_json(entry.to_document().node());
  if (is_utf8(entry.bytes())) return std::string(entry.bytes());
  return Json::object({{"$blob", hosting::base64(entry.bytes())}});
}

void print_value(const Entry& entry) {
  if (entry.is_bytes()) {
    print(entry.bytes());
  } else {
    print_json(hosting::to_json(entry.to_document().node()));
  }
}

void print_meta(const Entry& entry) {
  const auto line = [](std::string_view name, const std::string& value) {
    print(fmt::format("{:<8} {}\n", name, value));
  };
  if (entry.created() == Time()) {
    line("created", "unknown");
  } else {
    const auto age = SystemClock().now() - entry.created();
    line("created", format_time(entry.created()));
    line("age", hosting::format_duration(
                    std::chrono::floor<std::chrono::milliseconds>(std::max(age, age.zero()))));
  }
  line("version", std::to_string(entry.value_version()));
  line("expires", entry.expires() == Time() ? "not known" : format_time(entry.expires()));
  line("kind", entry.is_bytes() ? "bytes" : "document");
  line("size", hosting::format_size(entry.size()));
}

Json entry_json(const Entry& entry) {
  Json json;
  json["value"] = value_json(entry);
  json["kind"] = entry.is_bytes() ? "bytes" : "document";
  json["created"] = entry.created() == Time() ? Json() : Json(format_time(entry.created()));
  json["version"] = entry.value_version();
  json["expires"] = entry.expires() == Time() ? Json() : Json(format_time(entry.expires()));
  return json;
}

void get(Globals& globals, const Options& options) {
  const Config all = read_config(globals);
  const std::string name = chosen_region(all, globals);
  const Config config = only_region(all, name);
  Host host(config, host_options());
  const std::optional<Entry> entry =
      options.raw ? hosting::entry_in_store(host, config, name, options.key)
                  : host.region(name).get_entry(options.key, {.ignore_expiration = options.stale});
  if (!entry) {
    globals.exit = Exit::negative;
    if (globals.json) print_json(Json());
    return;
  }
  if (globals.json) {
    print_json(entry_json(*entry));
  } else if (options.meta) {
    print_meta(*entry);
    print("\n");
    print_value(*entry);
    if (entry->is_bytes()) print("\n");
  } else {
    print_value(*entry);
  }
}

std::string all_of_stdin() {
  std::string text;
  char block[65536];
  while (const std::size_t n = std::fread(block, 1, sizeof block, stdin)) text.append(block, n);
  if (std::ferror(stdin) != 0) {
    throw std::runtime_error(
        fmt::format("standard input cannot be read: {}", std::strerror(errno)));
  }
  return text;
}

void set(Globals& globals, const Options& options) {
  cairn::SetOptions how;
  if (!options.ttl.empty()) {
    const auto ttl = hosting::parse_duration(options.ttl);
    if (!ttl)
      throw UsageError(fmt::format("--ttl {}: expected a duration such as 30s", options.ttl));
    how.ttl = *ttl;
  }
  const Config all = read_config(globals);
  const std::string name = chosen_region(all, globals);
  const std::string value = options.value == "-" ? all_of_stdin() : options.value;
  std::optional<Document> document;
  if (options.document) {
    try {
      document = hosting::from_json(value);
    } catch (const Error& error) {
      throw UsageError(error.what());
    }
  }
  Host host(only_region(all, name), host_options());
  Region& region = host.region(name);
  if (!document) {
    region.set(options.key, value, how);
  } else if ((region.kinds() & CAIRN_DOCUMENT) != 0) {
    region.set_entry(options.key, Entry::of(*document), how);
  } else {
    throw Error(Errc::unsupported,
                fmt::format("region `{}` takes only bytes; add \"msgpack\" (or "
                            "\"json\") to its `wrap`, or store text without --json",
                            name));
  }
}

void del(Globals& globals, const Options& options) {
  const Config all = read_config(globals);
  const std::string name = chosen_region(all, globals);
  Host host(only_region(all, name), host_options());
  const bool was_there = host.region(name).remove(options.key);
  if (!was_there) globals.exit = Exit::negative;
  if (globals.json) print_json(Json::object({{"removed", was_there}}));
}

CLI::App* add(CLI::App& app, Globals& globals, const char* name, const char* help,
              Options& options) {
  CLI::App* command = app.add_subcommand(name, help);
  add_config_option(*command, globals);
  add_region_option(*command, globals);
  command->add_option("KEY", options.key, "The key, as the program would give it")
      ->required()
      ->type_name("");
  return command;
}

}  // namespace

void add_get(CLI::App& app, Globals& globals) {
  auto options = std::make_shared<Options>();
  CLI::App* command =
      add(app, globals, "get", "Print a value: bytes as they are, a document as JSON", *options);
  command->add_flag("--raw", options->raw,
                    "The payload as the store holds it, below every layer of `wrap`");
  command->add_flag("--meta", options->meta, "First when it was made, its age, version and expiry");
  command->add_flag("--stale", options->stale, "Also a value that has expired");
  add_json_option(*command, globals);
  command->callback([&globals, options] { get(globals, *options); });
}

void add_set(CLI::App& app, Globals& globals) {
  auto options = std::make_shared<Options>();
  CLI::App* command = add(app, globals, "set", "Store a value", *options);
  command->add_option("VALUE", options->value, "The value; - reads standard input")
      ->required()
      ->type_name("");
  command->add_flag("--json", options->document, "VALUE is JSON, to be stored as a document");
  command->add_option("--ttl", options->ttl, "How long the store may keep it, such as 30s")
      ->type_name("DURATION");
  command->callback([&globals, options] { set(globals, *options); });
}

void add_del(CLI::App& app, Globals& globals) {
  auto options = std::make_shared<Options>();
  CLI::App* command = add(app, globals, "del", "Forget a key", *options);
  add_json_option(*command, globals);
  command->callback([&globals, options] { del(globals, *options); });
}

}  // namespace cairn::cli
