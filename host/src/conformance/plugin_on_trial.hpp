// The plugin as the child process of one case sees it: loaded, configured, and made into layers.
//
// Errors: Error(config), as the loader. Lifetimes: as long as the process.
#pragma once

#include "conformance/validation.hpp"
#include "layer.hpp"

#include <cairn/testing/contract.hpp>

#include <memory>

namespace cairn::hosting {

// A base, because the layer must be there before the ProxyBackend that calls it.
struct HeldLayer {
  HeldLayer(const cairn_component& component, const cairn_host& host, const Document& options,
            Backend* below);
  Layer held;
};

/// A component made into a layer as a stack makes it, as a Backend.
class LayerOnTrial final : private HeldLayer, public ProxyBackend {
 public:
  LayerOnTrial(const cairn_component& component, const cairn_host& host, const Document& options,
               Backend* below)
      : HeldLayer(component, host, options, below),
        ProxyBackend(Context(Options(nullptr), Services(), &held.table())) {}
  const Layer& layer() const noexcept { return held; }
};

class PluginOnTrial {
 public:
  /// Loads `request.file`.
  explicit PluginOnTrial(const ValidationRequest& request);

  const cairn_component& component(std::string_view name) const;
  /// What the rules of the contract need. `scratch` is an empty folder for what the component
  /// writes.
  testing::Subject subject(const cairn_component& component, const std::filesystem::path& scratch);
  Document options(const cairn_component& component, const std::filesystem::path& scratch,
                   std::vector<std::string>* made_up = nullptr) const;
  std::unique_ptr<LayerOnTrial> make(const cairn_component& component, const Document& options,
                                     Backend* below);

 private:
  const ValidationRequest& request_;
  testing::ManualClock clock_;
  const cairn_plugin* plugin_;
};

}  // namespace cairn::hosting
