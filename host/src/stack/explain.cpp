// See explain.hpp. A drawing is made of lines "    name   option = value", one per option, and of
// an arrow with the kinds of value between two layers.

#include "config/redacted.hpp"
#include "config/units.hpp"
#include "stack.hpp"

#include <cairn/host/explain.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <vector>

namespace cairn {
namespace {

using hosting::Layer;

// Name in the first column, the rest below each other in the second.
void add_row(std::string& out, std::string_view name, const std::vector<std::string>& lines,
             std::size_t width) {
  out += fmt::format("  {:<{}}", name, lines.empty() ? name.size() : width);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (i > 0) out += fmt::format("  {:<{}}", "", width);
    out += "  " + lines[i] + "\n";
  }
  if (lines.empty()) out += "\n";
}

std::string shown(const cairn_option& option, Node value) {
  const std::string_view type = option.type;
  std::string text = hosting::redacted(option, value);
  const bool is_hidden = text == "(secret)";
  return !is_hidden && (type == "text" || type == "path") ? '"' + text + '"' : text;
}

// What 0 means to an option, if its help says so: "How many to keep; 0: as many as there is room for."
std::string_view meaning_of_zero(const cairn_option& option) {
  const std::string_view help = option.help;
  constexpr std::string_view introduction = "; 0: ";
  const std::size_t at = help.find(introduction);
  if (at == std::string_view::npos) return {};
  const std::string_view meaning = help.substr(at + introduction.size());
  return meaning.substr(0, meaning.find_first_of(".;"));
}

bool is_zero(Node value) {
  return value.type() == Node::integer && value.int_value() == 0;
}

std::vector<std::string> options_of(const Layer& layer) {
  std::vector<std::string> lines;
  const cairn_component& component = layer.component();
  for (std::size_t i = 0; i < component.option_count; ++i) {
    const cairn_option& option = *cairn_option_at(&component, i);
    if (const Node value = layer.options().root().find(option.name)) {
      lines.push_back(fmt::format("{} = {}", option.name, shown(option, value)));
      if (const std::string_view meaning = meaning_of_zero(option);
          !meaning.empty() && is_zero(value)) {
        lines.back() += fmt::format(" ({})", meaning);
      }
    }
  }
  return lines;
}

// Only what differs from doing nothing, in the order of the reference.
std::vector<std::string> rules_of(const RegionPolicy& policy) {
  std::vector<std::string> lines;
  const auto add = [&](std::string_view key, const std::string& value) {
    lines.push_back(fmt::format("{} = {}", key, value));
  };
  const auto add_duration = [&](std::string_view key,
                                const std::optional<RegionPolicy::Duration>& value) {
    if (value) add(key, hosting::format_duration(*value));
  };
  add("expiration_time",
      policy.expiration_time ? hosting::format_duration(*policy.expiration_time) : "never");
  add_duration("ttl", policy.ttl);
  if (policy.jitter > 0) add("jitter", fmt::format("{}%", policy.jitter * 100));
  if (policy.refresh_at) add("refresh_at", fmt::format("{}%", *policy.refresh_at * 100));
  add_duration("stale_on_error", policy.stale_on_error);
  add_duration("negative_ttl", policy.negative_ttl);
  if (!policy.serve_stale) add("serve_stale", "false");
  if (policy.background) add("background", "true");
  if (policy.lock_wait) {
    constexpr const char* outcomes[] = {"stale", "error", "create"};
    add_duration("lock_wait", policy.lock_wait);
    add("on_lock_timeout", outcomes[static_cast<int>(policy.on_lock_timeout)]);
  }
  if (policy.share_errors) add("share_errors", "true");
  if (policy.on_error == OnError::raise) add("on_error", "raise");
  if (policy.strict) add("strict", "true");
  if (policy.value_version != RegionPolicy().value_version) {
    add("value_version", std::to_string(policy.value_version));
  }
  switch (policy.key_mangler.kind) {
    case KeyMangler::Kind::none: break;
    case KeyMangler::Kind::sha1: add("key_mangler", "sha1"); break;
    case KeyMangler::Kind::length_conditional:
      add("key_mangler", fmt::format("length_conditional({})", policy.key_mangler.length));
      break;
  }
  if (policy.invalidation == InvalidationPlace::store) add("invalidation", "store");
  return lines;
}

}  // namespace

std::string explain(const Host& host, std::string_view region, Drawing style) {
  const RegionConfig& config = host.config_of(region);
  const std::shared_ptr<const hosting::Stack> stack = host.stack_of(region);

  std::vector<const Layer*> layers;  // from the program down
  for (const auto& layer : stack->layers()) layers.insert(layers.begin(), layer.get());
  const auto& store = stack->store().layers();
  for (auto layer = store.rbegin(); layer != store.rend(); ++layer) layers.push_back(layer->get());
  std::vector<const cairn_component*> components;
  for (const Layer* layer : layers) components.push_back(&layer->component());
  const cairn_component& bottom = *components.back();
  components.pop_back();
  const std::vector<std::uint32_t> kinds = hosting::kinds_between(components, bottom);

  const std::string title = "region " + config.name;
  std::size_t width = std::max(title.size(), std::string_view("your program").size());
  for (const Layer* layer : layers) width = std::max(width, layer->label().size());

  const std::string_view arrow = style == Drawing::unicode ? "│" : "|";
  std::string out;
  add_row(out, title, rules_of(config.policy), width);
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const std::uint32_t given = i == 0 && config.bytes_only ? std::uint32_t{CAIRN_BYTES} : kinds[i];
    out += fmt::format("    {} {}\n", arrow, hosting::kind_names(given));
    const bool is_store = i + 1 == layers.size();
    std::vector<std::string> lines = options_of(*layers[i]);
    if (is_store && !stack->store().config().name.empty()) {
      lines.insert(lines.begin(), fmt::format("[backend.{}]", stack->store().config().name));
    }
    if (is_store && stack->store().config().distributed_lock) {
      lines.push_back("distributed_lock = true");
    }
    add_row(out, layers[i]->label(), lines, width);
  }
  return out;
}

}  // namespace cairn
