#include "conformance/plugin_on_trial.hpp"

#include "config/option_values.hpp"
#include "loading/plugin_library.hpp"
#include "loading/plugin_paths.hpp"
#include "stack/host_layers.hpp"

#include <fmt/format.h>

namespace cairn::hosting {

namespace {

// A value for an option that must have one: its lowest, or the plainest of its type.
ConfigValue made_up_value(const cairn_option& option, const std::filesystem::path& scratch) {
  const std::string_view type = option.type;
  const auto converted = [](std::string value) {
    return ConfigValue(std::move(value)).mark_interpolated();
  };
  if (option.minimum != nullptr) return converted(option.minimum);
  if (type == "bool") return ConfigValue(true);
  if (type == "int") return ConfigValue(1);
  if (type == "real") return ConfigValue(1.0);
  if (type == "duration") return ConfigValue("1s");
  if (type == "size") return ConfigValue("1MiB");
  if (type == "percent") return ConfigValue("10%");
  if (type == "path") return ConfigValue((scratch / option.name).string());
  if (type.starts_with("enum:")) return ConfigValue(type.substr(5, type.find('|') - 5));
  if (type.starts_with("list:")) return ConfigValue(ConfigValue::List{});
  return ConfigValue("cairn-validate");
}

}  // namespace

HeldLayer::HeldLayer(Stage& stage, const cairn_component& component, const cairn_host& host,
                     const Document& options, const cairn_next* below)
    : stage_end_(stage), held_(component, &host, options, below, component.name) {
  if (component.threads == CAIRN_THREADS_SERIAL) {
    guard_ = std::make_unique<Layer>(detail::ComponentOf<SerialLayer>::value, &host, Document(),
                                     &held_.table(), SerialLayer::name);
  }
  stage.enter("");
}
HeldLayer::~HeldLayer() {
  stage_end_.stage.enter("destroying an instance");
}

PluginOnTrial::PluginOnTrial(const ValidationRequest& request, Stage& stage)
    : request_(request), stage_(stage) {
  stage.enter("loading it");
  const PluginFile file(std::filesystem::absolute(request.file));
  plugin_ = &load_plugin(file, read_plugin_note(file.fd(), file.path()), clock_.host());
  stage.enter("");
}

const cairn_component& PluginOnTrial::component(std::string_view name) const {
  for (std::size_t i = 0; i < plugin_->component_count; ++i) {
    if (plugin_->components[i]->name == name) return *plugin_->components[i];
  }
  throw Error(Errc::config, fmt::format("the plugin has no component `{}`", name));
}

Document PluginOnTrial::options(const cairn_component& component,
                                const std::filesystem::path& scratch,
                                std::vector<std::string>* made_up) const {
  ComponentConfig config;
  config.plugin = component.name;
  for (const ConfigEntry& entry : request_.options) config.options.set(entry.key, entry.value);
  for (std::size_t i = 0; i < component.option_count; ++i) {
    const cairn_option& option = *cairn_option_at(&component, i);
    if ((option.flags & CAIRN_OPTION_REQUIRED) == 0 || config.options.find(option.name) != nullptr)
      continue;
    config.options.set(option.name, made_up_value(option, scratch));
    if (made_up != nullptr) made_up->push_back(option.name);
  }
  Findings findings;
  Document values = option_values(config, component, scratch.string(), findings);
  if (has_errors(findings)) throw ConfigError(std::move(findings));
  return values;
}

std::unique_ptr<LayerOnTrial> PluginOnTrial::make(const cairn_component& component,
                                                  const Document& options, Backend* below) {
  if (below == nullptr) return make(component, options, nullptr, clock_.host());
  return make(component, options, &Next(*below).table(), clock_.host());
}

std::unique_ptr<LayerOnTrial> PluginOnTrial::make(const cairn_component& component,
                                                  const Document& options, const cairn_next* below,
                                                  const cairn_host& host) {
  return std::make_unique<LayerOnTrial>(stage_, component, host, options, below);
}

testing::Subject PluginOnTrial::subject(const cairn_component& component,
                                        const std::filesystem::path& scratch) {
  const Document values = options(component, scratch);
  testing::Subject subject;
  subject.traits = testing::Traits::of(component);
  subject.clock = &clock_;
  subject.table = [](Backend& backend) {
    return dynamic_cast<LayerOnTrial&>(backend).layer().table();
  };
  if (component.role == CAIRN_PROXY) {
    subject.make_over = [this, &component, values](Backend& below) {
      return make(component, values, &below);
    };
  } else {
    subject.make = [this, &component, values] { return make(component, values, nullptr); };
  }
  return subject;
}

}  // namespace cairn::hosting
