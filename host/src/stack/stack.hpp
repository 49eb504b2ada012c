// A Stack is a store and the layers wrapped round it, checked and ready: what a region calls.
//
// A store named in [backend.*] is made once, and shared by the stacks of all regions that name it.
// Errors: NotMade. Lifetimes: layers are destroyed from the top down; the store with its last stack.
#pragma once

#include "layer.hpp"

#include <cairn/host/config.hpp>

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace cairn::hosting {

/// Finds components by role and name; throws Error(config).
using FindComponent =
    std::function<const cairn_component&(std::uint32_t role, const std::string& name)>;

/// A backend at work, under the layers that the host puts above it. Bottom first.
class Store {
 public:
  Store(const BackendConfig& config, const cairn_component& component, Document options,
        const cairn_host* services);
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;
  ~Store();

  const BackendConfig& config() const noexcept { return config_; }
  const Layer& backend() const noexcept { return *layers_.front(); }
  /// What a proxy above it calls.
  const cairn_next& table() const noexcept { return layers_.back()->table(); }
  const std::vector<std::unique_ptr<Layer>>& layers() const noexcept { return layers_; }
  /// Kinds that may be set.
  std::uint32_t accepts() const noexcept { return layers_.front()->component().accepts; }

 private:
  const BackendConfig config_;
  std::vector<std::unique_ptr<Layer>> layers_;
};

/// One proxy of a stack, before it is made.
struct LayerPlan {
  const ComponentConfig* config;
  const cairn_component* component;
  Document options;
};

class Stack {
 public:
  /// `plans` outermost first.
  Stack(std::shared_ptr<const Store> store, const std::vector<LayerPlan>& plans,
        const cairn_host* services);
  ~Stack();
  Stack(const Stack&) = delete;
  Stack& operator=(const Stack&) = delete;

  const cairn_next& table() const noexcept;
  const Store& store() const noexcept { return *store_; }
  const std::shared_ptr<const Store>& shared_store() const noexcept { return store_; }
  /// The proxies, bottom first.
  const std::vector<std::unique_ptr<Layer>>& layers() const noexcept { return layers_; }
  /// Kinds that a region may set.
  std::uint32_t accepts() const noexcept { return accepts_; }
  /// In the child of a fork. False: the stack cannot be used there.
  bool after_fork() const noexcept;

 private:
  std::shared_ptr<const Store> store_;
  std::vector<std::unique_ptr<Layer>> layers_;
  std::uint32_t accepts_;
};

/// "bytes", "documents", "objects or bytes" ...: for messages and drawings.
std::string kind_names(std::uint32_t kinds);

/// Whether values can flow from a region through `proxies` (outermost first) into `store`: what cannot
/// work is an error with its remedy, what is useless a warning.
void check_kinds(const RegionConfig& region, const std::vector<const cairn_component*>& proxies,
                 const cairn_component& store, Findings& findings);

/// The kinds that each of `proxies` (outermost first), and then the store, can be given: one element
/// more than proxies. Meaningful where check_kinds found nothing.
std::vector<std::uint32_t> kinds_between(const std::vector<const cairn_component*>& proxies,
                                         const cairn_component& store);

}  // namespace cairn::hosting
