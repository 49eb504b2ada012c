// expect: final
// A KeyMapper leaves no operation to be overridden.
#include <cairn/plugin.hpp>

struct Mine final : cairn::KeyMapper {
  static constexpr auto name = "mine";
  static constexpr auto help = "Mine.";
  using KeyMapper::KeyMapper;
  void map_key(cairn::Key, cairn::KeyBuffer&) const override {}
  cairn::OptionalEntry get(cairn::Key, cairn::Call) override { return std::nullopt; }
};

CAIRN_PLUGIN("org.example.mine", "1.0.0", Mine);
