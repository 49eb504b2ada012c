// A proxy that has nothing to do with reads: the host wires them past it.
#include <cairn/plugin.hpp>

namespace {

using namespace cairn;

class Idle final : public ProxyBackend {
 public:
  static constexpr auto name = "bench-idle";
  static constexpr auto help = "Overrides remove only.";
  static constexpr auto transforms = Transforms::nothing;
  using ProxyBackend::ProxyBackend;
  bool remove(Key key, Call call) override { return next().remove(key, call); }
  void remove_multi(Keys keys, Statuses statuses, Call call) override {
    next().remove_multi(keys, statuses, call);
  }
};

}  // namespace

CAIRN_PLUGIN("org.cairn.bench-idle", "0.1.0", Idle);
