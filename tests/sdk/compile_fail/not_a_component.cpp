// expect: a component derives from cairn::Backend or cairn::ProxyBackend
// Any class will not do.
#include <cairn/plugin.hpp>

struct Mine {
  static constexpr auto name = "mine";
  static constexpr auto help = "Mine.";
};

CAIRN_PLUGIN("org.example.mine", "1.0.0", Mine);
