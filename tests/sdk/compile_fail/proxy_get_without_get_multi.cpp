// expect: overrides one of get and get_multi
// A batch would pass this proxy by.
#include <cairn/plugin.hpp>

struct Mine final : cairn::ProxyBackend {
  static constexpr auto name = "mine";
  static constexpr auto help = "Mine.";
  using ProxyBackend::ProxyBackend;
  cairn::OptionalEntry get(cairn::Key, cairn::Call) override { return std::nullopt; }
};

CAIRN_PLUGIN("org.example.mine", "1.0.0", Mine);
