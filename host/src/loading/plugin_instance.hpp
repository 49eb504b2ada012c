// One instance of a component: made by the plugin, destroyed by the plugin.
//
// Threads: create and destroy run alone. Lifetimes: `next` and everything it leads to outlive the
// instance.
#pragma once

#include <cairn/abi.h>

namespace cairn::hosting {

class PluginInstance {
 public:
  /// `options` is a checked map; `next` is null for a backend. Throws what the component reports,
  /// or Error(internal) if it answers what the contract does not allow.
  PluginInstance(const cairn_component& component, const cairn_host& host,
                 const cairn_node* options, const cairn_next* next);
  PluginInstance(PluginInstance&& other) noexcept;
  PluginInstance& operator=(PluginInstance&& other) noexcept;
  ~PluginInstance();

  const cairn_component& component() const noexcept { return *component_; }
  void* self() const noexcept { return self_; }

 private:
  const cairn_component* component_;
  void* self_ = nullptr;
};

}  // namespace cairn::hosting
