// A Layer is one component at work in a stack, and the table of functions that it offers upwards.
//
// The table is resolved once, when the layer is made, operation by operation:
//   provided                    the component's own function
//   not provided, a batch       its single operation, once per key
//   not provided, a proxy whose transforms have nothing to do with what the operation carries
//                               the pair from below: the layer costs nothing for this operation
//   else                        a function that answers UNSUPPORTED and says who does not offer it
//
// So an operation that a proxy has never heard of is refused rather than answered wrongly.
// Threads: the table is immutable. Lifetimes: a layer must be destroyed before the layer below it.
#pragma once

#include <cairn/abi.h>
#include <cairn/document.hpp>

#include <string>

namespace cairn::hosting {

class Layer {
 public:
  /// Creates an instance. `below` is null for a backend. `label` names the layer in error texts.
  /// Errors: Error with what the component's create reported.
  Layer(const cairn_component& component, const cairn_host* services, Document options,
        const cairn_next* below, std::string label);
  Layer(const Layer&) = delete;
  Layer& operator=(const Layer&) = delete;
  ~Layer();

  /// What the layer above calls.
  const cairn_next& table() const noexcept { return table_; }
  const cairn_component& component() const noexcept { return component_; }
  const Document& options() const noexcept { return options_; }
  const std::string& label() const noexcept { return label_; }
  void* self() const noexcept { return self_; }

  /// Whether the component itself provides operation `index` of CAIRN_OPS.
  bool provides(int index) const noexcept { return ((own_ >> index) & 1u) != 0; }
  /// In the child of a fork. False: this layer cannot be used there.
  bool after_fork() const noexcept;

 private:
  void resolve(const cairn_next* below);

  const cairn_component& component_;
  const Document options_;
  const std::string label_;
  void* self_ = nullptr;
  unsigned own_ = 0;
  cairn_next table_{};
};

/// Names of the operations, in the order of CAIRN_OPS.
const char* operation_name(int index) noexcept;
constexpr int operation_count = 12;

/// A table whose every operation answers UNAVAILABLE: what is left of a stack that was closed.
const cairn_next& closed_table() noexcept;

}  // namespace cairn::hosting
