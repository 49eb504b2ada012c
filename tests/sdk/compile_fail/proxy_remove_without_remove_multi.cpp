// expect: overrides one of remove and remove_multi
// A batch would pass this proxy by.
#include <cairn/plugin.hpp>

struct Mine final : cairn::ProxyBackend {
  static constexpr auto name = "mine";
  static constexpr auto help = "Mine.";
  using ProxyBackend::ProxyBackend;
  bool remove(cairn::Key, cairn::Call) override { return false; }
};

CAIRN_PLUGIN("org.example.mine", "1.0.0", Mine);
