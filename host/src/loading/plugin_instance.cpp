#include "plugin_instance.hpp"

#include <cairn/error.hpp>

#include <fmt/format.h>

#include <utility>

namespace cairn::hosting {

PluginInstance::PluginInstance(const cairn_component& component, const cairn_host& host,
                               const cairn_node* options, const cairn_next* next)
    : component_(&component) {
  cairn_call call{};
  call.size = sizeof call;
  const cairn_status status = component.create(&host, options, next, &call, &self_);
  if (status == CAIRN_OK && self_ != nullptr) return;

  if (status == CAIRN_OK || status > 0) {
    throw Error::from_layer(
        Errc::internal,
        status == CAIRN_OK
            ? fmt::format("{}: create answered OK without an instance", component.name)
            : fmt::format("{}: create answered {}, which is no error and no success",
                          component.name, status),
        0);
  }
  call.error_text[sizeof call.error_text - 1] = '\0';
  const Errc code = to_errc(status);
  const std::string text =
      call.error != CAIRN_OK && call.error_text[0] != '\0'
          ? std::string(call.error_text)
          : fmt::format("{}: create failed ({})", component.name, to_string(code));
  throw Error::from_layer(code, text, call.system_error);
}

PluginInstance::PluginInstance(PluginInstance&& other) noexcept
    : component_(other.component_), self_(std::exchange(other.self_, nullptr)) {}

PluginInstance& PluginInstance::operator=(PluginInstance&& other) noexcept {
  std::swap(component_, other.component_);
  std::swap(self_, other.self_);
  return *this;
}

PluginInstance::~PluginInstance() {
  if (self_ != nullptr) component_->destroy(self_);
}

}  // namespace cairn::hosting
