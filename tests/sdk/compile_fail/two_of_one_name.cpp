// expect: two components of this plugin have one name
// A file would mean one of them by it, and get the other.
#include <cairn/plugin.hpp>

#include <array>
#include <string_view>

struct Mine : cairn::Backend {
  static constexpr auto name = "mine";
  static constexpr auto help = "Mine.";
  cairn::OptionalEntry get(cairn::Key, cairn::Call) override { return std::nullopt; }
  void set(cairn::Key, const cairn::Entry&, const cairn::SetOptions&, cairn::Call) override {}
  bool remove(cairn::Key, cairn::Call) override { return false; }
};
struct Other final : Mine {};

CAIRN_PLUGIN("org.example.mine", "1.0.0", Mine, Other);
