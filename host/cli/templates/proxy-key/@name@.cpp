// @name@: rewrites keys. map_key is applied to every operation and every batch.
#include <cairn/plugin.hpp>

using namespace cairn;

class @Class@ final : public KeyMapper {
 public:
  static constexpr auto name = "@name@";
  static constexpr auto help = "Puts a text behind every key.";
  static constexpr std::array options{Option("suffix", "text").defaults_to("/@name@").help("The text.")};
  explicit @Class@(const Context& context) : KeyMapper(context), suffix_(context.options().text("suffix")) {}
  // Two different keys must stay two different keys.
  void map_key(Key key, KeyBuffer& out) const override { out.append(key).append(suffix_); }

 private:
  const std::string suffix_;
};

CAIRN_PLUGIN("@id@", "0.1.0", @Class@);
