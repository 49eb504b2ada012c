// A proxy in the way of every read that does next to nothing itself: what a layer costs.
#include <cairn/plugin.hpp>

namespace {

using namespace cairn;

class Working final : public ProxyBackend {
 public:
  static constexpr auto name = "bench-working";
  static constexpr auto help = "Looks at every key on its way down.";
  static constexpr auto transforms = Transforms::nothing;
  static constexpr bool split_batches = true;
  using ProxyBackend::ProxyBackend;
  OptionalEntry get(Key key, Call call) override {
    if (key.size() == 0) refuse("an empty key");
    return next().get(key, call);
  }
};

}  // namespace

CAIRN_PLUGIN("org.cairn.bench-working", "0.1.0", Working);
