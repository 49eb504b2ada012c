// The plugin as the child process of one case sees it: loaded, configured, and made into layers.
//
// Errors: Error(config), as the loader. Lifetimes: as long as the process.
#pragma once

#include "conformance/child_process.hpp"
#include "conformance/validation.hpp"
#include "stack/layer.hpp"

#include <cairn/testing/contract.hpp>

#include <memory>

namespace cairn::hosting {

// A base, because the layer must be there before the ProxyBackend that calls it.
class HeldLayer {
 public:
  HeldLayer(Stage& stage, const cairn_component& component, const cairn_host& host,
            const Document& options, const cairn_next* below);
  ~HeldLayer();

 private:
  // The stage that an instance was made or destroyed in ends after it.
  struct StageEnd {
    Stage& stage;
    explicit StageEnd(Stage& entered) : stage(entered) { stage.enter("making an instance"); }
    ~StageEnd() { stage.enter(""); }
  };
  StageEnd stage_end_;

 protected:
  Layer held_;
  std::unique_ptr<Layer> guard_;  // of a component that is called by one thread at a time

  const cairn_next& top() const noexcept { return guard_ ? guard_->table() : held_.table(); }
};

/// A component made into a layer as a stack makes it, as a Backend.
class LayerOnTrial final : private HeldLayer, public ProxyBackend {
 public:
  LayerOnTrial(Stage& stage, const cairn_component& component, const cairn_host& host,
               const Document& options, const cairn_next* below)
      : HeldLayer(stage, component, host, options, below),
        ProxyBackend(Context(Options(nullptr), Services(), &top())) {}
  /// The component itself, past what the host puts in front of it.
  const Layer& layer() const noexcept { return held_; }
  /// In the child of a fork, as a stack does it.
  void forget_parent() const noexcept {
    held_.after_fork();
    if (guard_) guard_->after_fork();
  }
};

class PluginOnTrial {
 public:
  /// Loads `request.file`. Both arguments outlive this.
  PluginOnTrial(const ValidationRequest& request, Stage& stage);

  const cairn_component& component(std::string_view name) const;
  /// What the rules of the contract need. `scratch` is an empty folder for what the component
  /// writes.
  testing::Subject subject(const cairn_component& component, const std::filesystem::path& scratch);
  Document options(const cairn_component& component, const std::filesystem::path& scratch,
                   std::vector<std::string>* made_up = nullptr) const;
  std::unique_ptr<LayerOnTrial> make(const cairn_component& component, const Document& options,
                                     Backend* below);
  /// In front of a table, and for a host, of the caller's own making.
  std::unique_ptr<LayerOnTrial> make(const cairn_component& component, const Document& options,
                                     const cairn_next* below, const cairn_host& host);
  std::uint16_t abi_minor() const noexcept { return plugin_->abi_minor; }
  const ValidationRequest& request() const noexcept { return request_; }
  const testing::ManualClock& clock() const noexcept { return clock_; }

 private:
  const ValidationRequest& request_;
  Stage& stage_;
  testing::ManualClock clock_;
  const cairn_plugin* plugin_;
};

}  // namespace cairn::hosting
