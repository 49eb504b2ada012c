// @name@: rewrites payloads. decode(encode(x)) must be x, for every x.
#include <cairn/plugin.hpp>

using namespace cairn;

class @Class@ final : public ValueCodec {
 public:
  static constexpr auto name = "@name@";
  static constexpr auto help = "Puts a mark in front of every payload.";
  static constexpr std::string_view mark = "@name@:";
  using ValueCodec::ValueCodec;
  Entry encode(const Entry& value) const override { return Entry::own(std::string(mark).append(value.bytes())); }
  Entry decode(const Entry& stored) const override {
    if (!stored.bytes().starts_with(mark)) throw Error(Errc::corrupt, "not written by @name@");
    return Entry::copy(stored.bytes().substr(mark.size()));
  }
};

CAIRN_PLUGIN("@id@", "0.1.0", @Class@);
