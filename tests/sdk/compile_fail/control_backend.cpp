// expect: success
// The ground for all cases: nothing is wrong here.
#include <cairn/plugin.hpp>

struct Mine final : cairn::Backend {
  static constexpr auto name = "mine";
  static constexpr auto help = "Mine.";
  cairn::OptionalEntry get(cairn::Key, cairn::Call) override { return std::nullopt; }
  void set(cairn::Key, const cairn::Entry&, const cairn::SetOptions&, cairn::Call) override {}
  bool remove(cairn::Key, cairn::Call) override { return false; }
};

CAIRN_PLUGIN("org.example.mine", "1.0.0", Mine);
