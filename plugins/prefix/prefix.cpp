// prefix: puts a text in front of every key, so that several programs or regions can share one store.
//
// The plugin to copy when you write your own.

#include <cairn/plugin.hpp>

#include <array>
#include <string>

namespace {

using namespace cairn;

class Prefix final : public KeyMapper {
 public:
  static constexpr auto name = "prefix";
  static constexpr auto help = "Puts a text in front of every key.";
  static constexpr std::array options{
      Option("prefix", "text").required().help("The text, for example \"users:\"."),
  };

  explicit Prefix(const Context& context)
      : KeyMapper(context), prefix_(context.options().text("prefix")) {}

  void map_key(Key key, KeyBuffer& out) const override { out.append(prefix_).append(key); }

 private:
  const std::string prefix_;
};

}  // namespace

CAIRN_PLUGIN("org.cairn.prefix", "0.1.0", Prefix);
