// @name@: rewrites payloads. decode(encode(x)) must be x, for every x.
#include <cairn/plugin.hpp>

namespace {

using namespace cairn;

class @Class@ final : public ValueCodec {
 public:
  static constexpr auto name = "@name@";
  static constexpr auto help = "Turns every bit of a payload round.";
  using ValueCodec::ValueCodec;

  Entry encode(const Entry& value) const override { return turned(value.bytes(), "@name@:"); }
  Entry decode(const Entry& stored) const override {
    constexpr std::string_view mark = "@name@:";
    if (!stored.bytes().starts_with(mark)) throw Error(Errc::corrupt, "not written by @name@");
    return turned(stored.bytes().substr(mark.size()), "");
  }

 private:
  static Entry turned(std::string_view bytes, std::string_view before) {
    std::string result(before);
    for (const char c : bytes) result += static_cast<char>(~c);
    return Entry::own(std::move(result));
  }
};

}  // namespace

CAIRN_PLUGIN("@id@", "0.1.0", @Class@);
