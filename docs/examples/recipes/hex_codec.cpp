// hex: stores every payload as hexadecimal digits, for stores and tools that take nothing but text.
#include <cairn/plugin.hpp>

#include <string>

namespace {

using namespace cairn;

class Hex final : public ValueCodec {
 public:
  static constexpr auto name = "hex";
  static constexpr auto help = "Stores payloads as hexadecimal digits.";
  using ValueCodec::ValueCodec;

  Entry encode(const Entry& value) const override {
    std::string text;
    for (const unsigned char byte : value.bytes()) {
      text += digits[byte >> 4];
      text += digits[byte & 15];
    }
    return Entry::copy(text);
  }
  Entry decode(const Entry& stored) const override {
    const std::string_view text = stored.bytes();
    if (text.size() % 2 != 0) throw Error(Errc::corrupt, "half a byte is missing");
    std::string bytes;
    for (std::size_t i = 0; i < text.size(); i += 2) {
      bytes += static_cast<char>(value_of(text[i]) << 4 | value_of(text[i + 1]));
    }
    return Entry::copy(bytes);
  }

 private:
  static constexpr std::string_view digits = "0123456789abcdef";
  static int value_of(char digit) {
    const std::size_t value = digits.find(digit);
    if (value == digits.npos) throw Error(Errc::corrupt, "not a hexadecimal digit");
    return static_cast<int>(value);
  }
};

}  // namespace

CAIRN_PLUGIN("org.cairn.examples.hex", "0.1.0", Hex);
