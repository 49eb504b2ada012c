// expect: a component says `static constexpr std::array options
// One that is no array would be overlooked.
#include <cairn/plugin.hpp>

#include <array>
#include <string_view>

struct Mine final : cairn::Backend {
  static constexpr auto name = "mine";
  static constexpr auto help = "Mine.";
  static constexpr cairn::Option options = cairn::Option("size", "int");
  cairn::OptionalEntry get(cairn::Key, cairn::Call) override { return std::nullopt; }
  void set(cairn::Key, const cairn::Entry&, const cairn::SetOptions&, cairn::Call) override {}
  bool remove(cairn::Key, cairn::Call) override { return false; }
};

CAIRN_PLUGIN("org.example.mine", "1.0.0", Mine);
