// The same layers as plain C++ classes behind virtual functions, in a library of their own so that nothing
// is inlined: what a stack costs without a plugin contract.
#pragma once

#include <cairn/backend.hpp>

#include <memory>

std::unique_ptr<cairn::Backend> virtual_leaf(const cairn_next& store);
std::unique_ptr<cairn::Backend> virtual_layer(std::unique_ptr<cairn::Backend> below);
