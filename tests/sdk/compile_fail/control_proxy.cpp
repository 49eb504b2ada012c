// expect: success
// The ground for all cases: nothing is wrong here.
#include <cairn/plugin.hpp>

struct Mine final : cairn::ProxyBackend {
  static constexpr auto name = "mine";
  static constexpr auto help = "Mine.";
  using ProxyBackend::ProxyBackend;
  cairn::OptionalEntry get(cairn::Key, cairn::Call) override { return std::nullopt; }
  void get_multi(cairn::Keys, cairn::Results, cairn::Call) override {}
};

CAIRN_PLUGIN("org.example.mine", "1.0.0", Mine);
