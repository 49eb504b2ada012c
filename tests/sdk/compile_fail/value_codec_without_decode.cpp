// expect: an operation is missing
// What is encoded must be decoded.
#include <cairn/plugin.hpp>

struct Mine final : cairn::ValueCodec {
  static constexpr auto name = "mine";
  static constexpr auto help = "Mine.";
  using ValueCodec::ValueCodec;
  cairn::Entry encode(const cairn::Entry& e) const override { return e; }
};

CAIRN_PLUGIN("org.example.mine", "1.0.0", Mine);
