// expect: success
// Operations that cannot throw, and options in an array of the language's.
#include <cairn/plugin.hpp>

#include <array>
#include <string_view>

struct Mine final : cairn::Backend {
  static constexpr auto name = "mine";
  static constexpr auto help = "Mine.";
  static constexpr cairn::Option options[] = {cairn::Option("size", "int"),
                                              cairn::Option("nodes", "list:text")};
  cairn::OptionalEntry get(cairn::Key, cairn::Call) noexcept override { return std::nullopt; }
  void set(cairn::Key, const cairn::Entry&, const cairn::SetOptions&,
           cairn::Call) noexcept override {}
  bool remove(cairn::Key, cairn::Call) noexcept override { return false; }
};
static_assert(cairn::detail::ComponentOf<Mine>::value.option_count == 2);
static_assert(cairn::detail::ComponentOf<Mine>::ops.get != nullptr);

CAIRN_PLUGIN("org.example.mine", "1.0.0", Mine);
