// Keys for Python: the same calls through both generators, byte for byte.
#include "catch.hpp"
#include "python_peer.hpp"

#include <cairn/cairn.hpp>

#include <cmath>
#include <random>

using namespace cairn;

TEST_CASE("Python's dogpile.cache makes the same keys of the same calls", "[keys][interop]") {
  std::mt19937_64 random(7);
  std::vector<std::vector<KeyPart>> calls{{},
                                          {nullptr},
                                          {true, false},
                                          {std::string("a b"), std::string("cl\xc3\xa9|x")},
                                          {std::string()},
                                          {std::numeric_limits<std::int64_t>::min()},
                                          {std::numeric_limits<std::uint64_t>::max()},
                                          {0.0, -0.0, 0.1, 1e15, 1e16, 1e-4, 1e-5, 123456789.5},
                                          {5e-324, 1.7976931348623157e308, HUGE_VAL, -HUGE_VAL}};
  for (int i = 0; i < 500; ++i) {
    double real = 0;
    const std::uint64_t bits = random();
    std::memcpy(&real, &bits, sizeof real);
    if (std::isnan(real)) continue;
    calls.push_back(
        {static_cast<std::int64_t>(random()), random(), real, std::to_string(random())});
  }
  // For Python: one record per call, a line per argument.
  std::vector<std::string> ours;
  const auto generators = {dogpile_key_generator("shop"), dogpile_key_generator("shop", "ns")};
  for (const auto& call : calls) {
    std::string lines;
    for (const KeyPart& part : call) {
      struct Line {
        std::string operator()(std::nullptr_t) const { return "n"; }
        std::string operator()(bool value) const { return value ? "b1" : "b0"; }
        std::string operator()(std::int64_t value) const { return "i" + std::to_string(value); }
        std::string operator()(std::uint64_t value) const { return "i" + std::to_string(value); }
        std::string operator()(double value) const {
          char hex[64];
          std::snprintf(hex, sizeof hex, "f%a", value);
          return hex;
        }
        std::string operator()(const std::string& value) const { return "s" + value; }
      };
      lines += std::visit(Line(), part) + "\n";
    }
    ours.push_back(lines);
    for (const KeyGenerator& generate : generators) ours.push_back(generate("find", call));
  }
  const std::vector<std::string> theirs = through_python(CAIRN_PYTHON_KEYS, ours);
  REQUIRE(theirs.size() == 2 * calls.size());
  for (std::size_t i = 0; i < calls.size(); ++i) {
    CHECK(ours[3 * i + 1] == theirs[2 * i]);
    CHECK(ours[3 * i + 2] == theirs[2 * i + 1]);
  }
}
