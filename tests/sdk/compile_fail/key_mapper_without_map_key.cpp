// expect: an operation is missing
// A KeyMapper that maps no key.
#include <cairn/plugin.hpp>

struct Mine final : cairn::KeyMapper {
  static constexpr auto name = "mine";
  static constexpr auto help = "Mine.";
  using KeyMapper::KeyMapper;
};

CAIRN_PLUGIN("org.example.mine", "1.0.0", Mine);
