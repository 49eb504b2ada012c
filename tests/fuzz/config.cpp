// Any bytes as a configuration file, and its options against a declaration: it is read or refused
// with a ConfigError that renders; nothing else may happen.
//
//     meson setup build-fuzz -Dfuzzers=true -Db_sanitize=address   # with CC=clang CXX=clang++
//     build-fuzz/tests/fuzz/fuzz-config -max_total_time=60 CORPUS
#include "config/option_values.hpp"
#include "config/redacted.hpp"

#include <cairn/detail/thunks.hpp>
#include <cairn/host/config.hpp>
#include <cairn/options.hpp>

#include <array>
#include <cstdlib>
#include <iterator>
#include <string_view>

namespace {

constexpr std::array declared{
    cairn::Option("url", "text").required(),
    cairn::Option("password", "text").secret(),
    cairn::Option("port", "int").defaults_to("1").range("1", "65535"),
    cairn::Option("on", "bool"),
    cairn::Option("ratio", "real").range("0", "1"),
    cairn::Option("wait", "duration").range("1ms", "10m"),
    cairn::Option("max", "size").range(nullptr, "1GiB"),
    cairn::Option("part", "percent"),
    cairn::Option("kind", "enum:a|b"),
    cairn::Option("file", "path"),
    cairn::Option("nodes", "list:text"),
    cairn::Option("waits", "list:duration"),
};

// Reads what create would, and refuses what does not fit.
cairn_status check_fit(const cairn_node* given, cairn_call* call) noexcept {
  const cairn::Options options(given);
  const auto wrong = [&](const char* text) {
    return cairn::detail::fail(call, "fuzzed", CAIRN_CONFIG, text, 0, false);
  };
  if (options.text("url").empty()) return wrong("`url` is empty");
  if (options.has("file") && !(options.has("on") && options.flag("on")))
    return wrong("`file` needs `on`");
  if (options.has("kind") && options.text("kind") == "b") return wrong("no b");
  if (options.has("nodes") && options.texts("nodes").empty()) return wrong("`nodes` are none");
  return options.integer("port") == 7 ? wrong("`port` is 7") : CAIRN_OK;
}

void check(const cairn::ComponentConfig& config, cairn::Findings& findings) {
  cairn_component component{};
  component.size = sizeof component;
  component.role = CAIRN_BACKEND;
  component.options = declared.data();
  component.option_count = declared.size();
  component.check = &check_fit;
  const auto values = cairn::hosting::option_values(config, component, "/", findings);
  for (const auto& option : declared) {
    if (const auto node = values.root()[option.name]) cairn::hosting::redacted(option, node);
  }
}

void check(const cairn::Config& config) {
  cairn::Findings findings = config.warnings;
  for (const auto& backend : config.backends) check(backend.component, findings);
  for (const auto& region : config.regions) {
    if (const auto* own = std::get_if<cairn::BackendConfig>(&region.backend)) {
      check(own->component, findings);
    }
    for (const auto& layer : region.wrap) check(layer, findings);
    cairn::hosting::unknown_backend(region, config, {"memory", "redis"});
  }
  cairn::render(findings);
}

// KEY=VALUE lines.
std::map<std::string, std::string> flat(std::string_view text) {
  std::map<std::string, std::string> values;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    const std::size_t equals = std::min(line.find('='), line.size());
    values["c." + std::string(line.substr(0, equals))] =
        line.substr(std::min(equals + 1, line.size()));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
  }
  return values;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  try {
    check(cairn::Config::from_text(text));
  } catch (const cairn::ConfigError& error) {
    if (error.findings().empty()) std::abort();
  }
  try {
    check(cairn::Config::from_flat(flat(text), "c.", "r"));
  } catch (const cairn::ConfigError& error) {
    if (error.findings().empty()) std::abort();
  }
  return 0;
}
