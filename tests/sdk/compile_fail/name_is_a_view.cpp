// expect: a component says `static constexpr auto name
// A table of the contract holds pointers, which a view has no end for.
#include <cairn/plugin.hpp>

#include <array>
#include <string_view>

struct Mine final : cairn::Backend {
  static constexpr std::string_view name = "mine";
  static constexpr auto help = "Mine.";
  cairn::OptionalEntry get(cairn::Key, cairn::Call) override { return std::nullopt; }
  void set(cairn::Key, const cairn::Entry&, const cairn::SetOptions&, cairn::Call) override {}
  bool remove(cairn::Key, cairn::Call) override { return false; }
};

CAIRN_PLUGIN("org.example.mine", "1.0.0", Mine);
