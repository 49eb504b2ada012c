// expect: success
// Every type of option, and options that only the host can check.
#include <cairn/plugin.hpp>

#include <array>

struct Mine : cairn::Backend {
  static constexpr auto help = "Mine.";
  cairn::OptionalEntry get(cairn::Key, cairn::Call) override { return std::nullopt; }
  void set(cairn::Key, const cairn::Entry&, const cairn::SetOptions&, cairn::Call) override {}
  bool remove(cairn::Key, cairn::Call) override { return false; }
};
struct Every final : Mine {
  static constexpr auto name = "every";
  static constexpr std::array options{
      cairn::Option("a", "text"),        cairn::Option("b", "path"),
      cairn::Option("c", "bool"),        cairn::Option("d", "int"),
      cairn::Option("e", "real"),        cairn::Option("f", "duration"),
      cairn::Option("g", "size"),        cairn::Option("h", "percent"),
      cairn::Option("i", "enum:a|b|c"),  cairn::Option("j", "list:duration"),
      cairn::Option("k", "list:enum:a"),
  };
};
struct Later final : Mine {
  static constexpr auto name = "later";
  static std::array<cairn::Option, 1> options;
};

CAIRN_PLUGIN("org.example.mine", "1.0.0", Every, Later);
