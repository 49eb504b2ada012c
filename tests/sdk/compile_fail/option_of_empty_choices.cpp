// expect: an option.s type is text, path, bool
// A choice between nothing and something.
#include <cairn/plugin.hpp>

#include <array>

struct Mine final : cairn::Backend {
  static constexpr auto name = "mine";
  static constexpr auto help = "Mine.";
  static constexpr std::array options{
      cairn::Option("nodes", "list:text").help("Where."),
      cairn::Option("size", "enum:a||b").help("How many."),
  };
  cairn::OptionalEntry get(cairn::Key, cairn::Call) override { return std::nullopt; }
  void set(cairn::Key, const cairn::Entry&, const cairn::SetOptions&, cairn::Call) override {}
  bool remove(cairn::Key, cairn::Call) override { return false; }
};

CAIRN_PLUGIN("org.example.mine", "1.0.0", Mine);
