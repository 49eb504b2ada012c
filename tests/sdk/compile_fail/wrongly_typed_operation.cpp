// expect: `get` does not have the parameters and result
// `get` forgets the call, and so hides the real one.
#include <cairn/plugin.hpp>

struct Mine final : cairn::Backend {
  static constexpr auto name = "mine";
  static constexpr auto help = "Mine.";
  void set(cairn::Key, const cairn::Entry&, const cairn::SetOptions&, cairn::Call) override {}
  bool remove(cairn::Key, cairn::Call) override { return false; }
  cairn::OptionalEntry get(cairn::Key) { return std::nullopt; }
};

CAIRN_PLUGIN("org.example.mine", "1.0.0", Mine);
