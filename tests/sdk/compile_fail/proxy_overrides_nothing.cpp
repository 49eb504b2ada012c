// expect: this proxy overrides no operation
// `Get` is nobody's operation.
#include <cairn/plugin.hpp>

struct Mine final : cairn::ProxyBackend {
  static constexpr auto name = "mine";
  static constexpr auto help = "Mine.";
  using ProxyBackend::ProxyBackend;
  cairn::OptionalEntry Get(cairn::Key, cairn::Call) { return std::nullopt; }
};

CAIRN_PLUGIN("org.example.mine", "1.0.0", Mine);
