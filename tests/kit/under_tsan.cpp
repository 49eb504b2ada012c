// The thread rules of the kit under ThreadSanitizer: `under-tsan right` is silent, `under-tsan wrong`
// is a backend whose races do no damage that the rules could see, and ends with a report of the
// sanitizer's.
#include <cairn/plugin.hpp>
#include <cairn/testing/component.hpp>

#include <array>
#include <cstring>

using namespace cairn;

namespace {

// Right, but for a counter that all threads write to without a word to each other.
struct CountsWithoutCare final : testing::MapBackend {
  static constexpr auto name = "counts-without-care";
  static constexpr auto help = "Has a fault.";
  OptionalEntry get(Key key, Call call) override {
    calls_ = calls_ + 1;
    return MapBackend::get(key, call);
  }
  std::uint64_t calls_ = 0;
};

struct RightMap final : testing::MapBackend {
  static constexpr auto name = "right-map";
  static constexpr auto help = "Has no fault.";
};

struct RightMapper final : KeyMapper {
  static constexpr auto name = "right-mapper";
  static constexpr auto help = "Has no fault.";
  using KeyMapper::KeyMapper;
  void map_key(Key key, KeyBuffer& out) const override { out.append("p:").append(key); }
};

struct RightCodec final : ValueCodec {
  static constexpr auto name = "right-codec";
  static constexpr auto help = "Has no fault.";
  using ValueCodec::ValueCodec;
  Entry encode(const Entry& value) const override { return Entry::copy(value.bytes()); }
  Entry decode(const Entry& stored) const override { return Entry::copy(stored.bytes()); }
};

}  // namespace

int main(int, char** arguments) {
  if (std::strcmp(arguments[1], "wrong") == 0) return testing::check_component<CountsWithoutCare>();
  return testing::check_component<RightMap>() | testing::check_component<RightMapper>() |
         testing::check_component<RightCodec>();
}
