// expect: `remove` does not have the parameters and result
// A second `remove` makes `&Mine::remove` ambiguous.
#include <cairn/plugin.hpp>

struct Mine final : cairn::Backend {
  static constexpr auto name = "mine";
  static constexpr auto help = "Mine.";
  cairn::OptionalEntry get(cairn::Key, cairn::Call) override { return std::nullopt; }
  void set(cairn::Key, const cairn::Entry&, const cairn::SetOptions&, cairn::Call) override {}
  bool remove(cairn::Key, cairn::Call) override { return false; }
  bool remove(int) { return false; }
};

CAIRN_PLUGIN("org.example.mine", "1.0.0", Mine);
