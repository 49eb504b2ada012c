// expect: an operation is missing
// A backend without `set`.
#include <cairn/plugin.hpp>

struct Mine final : cairn::Backend {
  static constexpr auto name = "mine";
  static constexpr auto help = "Mine.";
  cairn::OptionalEntry get(cairn::Key, cairn::Call) override { return std::nullopt; }
  bool remove(cairn::Key, cairn::Call) override { return false; }
};

CAIRN_PLUGIN("org.example.mine", "1.0.0", Mine);
