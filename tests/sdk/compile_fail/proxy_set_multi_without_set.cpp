// expect: overrides one of set and set_multi
// A single set would pass this proxy by.
#include <cairn/plugin.hpp>

struct Mine final : cairn::ProxyBackend {
  static constexpr auto name = "mine";
  static constexpr auto help = "Mine.";
  using ProxyBackend::ProxyBackend;
  void set_multi(cairn::Keys, std::span<const cairn::Entry>, const cairn::SetOptions&,
                 cairn::Statuses, cairn::Call) override {}
};

CAIRN_PLUGIN("org.example.mine", "1.0.0", Mine);
