// `cairn keys [PATTERN]`: the keys of a region that its store holds.

#include "commands.hpp"
#include "json.hpp"
#include "region/store_invalidation.hpp"
#include "stack/raw_access.hpp"
#include "stack/stack.hpp"

#include <fmt/format.h>
#include <fnmatch.h>

#include <limits>
#include <memory>

namespace cairn::cli {

namespace {

struct Options {
  std::string pattern;
  std::size_t limit = std::numeric_limits<std::size_t>::max();
  bool raw = false;
};

// One line, and nothing that a terminal would obey.
std::string line_of(std::string_view key) {
  std::string line;
  for (const char c : key) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) {
      line += fmt::format("\\x{:02x}", byte);
    } else {
      line += c;
    }
  }
  return line + "\n";
}

Json key_json(const std::string& key) {
  try {
    Json json(key);
    static_cast<void>(json.dump());
    return json;
  } catch (const Json::type_error&) {  // not UTF-8
    return Json::object({{"$blob", hosting::base64(key)}});
  }
}

void run(Globals& globals, const Options& options) {
  const Config all = read_config(globals);
  const std::string name = chosen_region(all, globals);
  const Config config = only_region(all, name);
  Host host(config, host_options());
  const auto stack = host.stack_of(name);
  const hosting::KeyPath path(host, config, name);
  if (!options.raw && !path.prefix()) {
    throw Error(Errc::unsupported,
                fmt::format("region `{}` changes its keys for good (`key_mangler`, or a proxy), so "
                            "that they cannot be told from the store; --raw lists the store's",
                            name));
  }

  Json json = Json::array();
  std::size_t found = 0;
  const auto show = [&](std::string_view in_store) {
    if (found == options.limit) return false;
    const std::optional<std::string> key =
        options.raw ? std::optional<std::string>(in_store) : path.up(in_store);
    if (!key || (!options.raw && *key == hosting::StoreInvalidation::key)) return true;
    if (!options.pattern.empty() && fnmatch(options.pattern.c_str(), key->c_str(), 0) != 0) {
      return true;
    }
    ++found;
    if (globals.json) {
      json.push_back(key_json(*key));
    } else {
      print(line_of(*key));
    }
    return found < options.limit;
  };
  hosting::visit_keys(stack->store(), show);
  if (globals.json) print_json(json);
  if (found == 0) globals.exit = Exit::negative;
}

}  // namespace

void add_keys(CLI::App& app, Globals& globals) {
  CLI::App* command = app.add_subcommand("keys", "List the keys of a region that its store holds");
  auto options = std::make_shared<Options>();
  add_config_option(*command, globals);
  add_region_option(*command, globals);
  command->add_option("PATTERN", options->pattern, "Only keys that match, such as 'user:*'")
      ->type_name("");
  command->add_option("--limit", options->limit, "How many at most")->type_name("N");
  command->add_flag("--raw", options->raw,
                    "Every key of the store, as it stands there, also of other regions");
  add_json_option(*command, globals);
  command->callback([&globals, options] { run(globals, *options); });
}

}  // namespace cairn::cli
