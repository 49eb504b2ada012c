// expect: a proxy is made from its context
// The inherited constructors are not taken over.
#include <cairn/plugin.hpp>

struct Mine final : cairn::ProxyBackend {
  static constexpr auto name = "mine";
  static constexpr auto help = "Mine.";
  cairn::OptionalEntry get(cairn::Key, cairn::Call) override { return std::nullopt; }
  void get_multi(cairn::Keys, cairn::Results, cairn::Call) override {}
  explicit Mine(cairn::Backend& below) : ProxyBackend(below) {}
};

CAIRN_PLUGIN("org.example.mine", "1.0.0", Mine);
