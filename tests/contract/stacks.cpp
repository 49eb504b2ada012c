// The contract, tried on whole stacks: memory behind every sensible combination of codecs.
#include "catch.hpp"
#include "component_under_test.hpp"

#include <cairn/testing/contract.hpp>

#include <string>
#include <vector>

using namespace cairn;
using namespace cairn::testing;

namespace {

struct Layer {
  std::string name;
  ComponentUnderTest::OptionTexts options;
};

// Layers over memory, the outermost first, as one Backend.
class Stack final : public ProxyBackend {
 public:
  using Components = std::vector<std::unique_ptr<ComponentUnderTest>>;  // the store first

  explicit Stack(Components components)
      : ProxyBackend(**components.back()), components_(std::move(components)) {}
  ~Stack() override {
    while (!components_.empty()) components_.pop_back();  // from the outside in
  }

  static std::unique_ptr<Stack> of(const std::vector<Layer>& layers) {
    Components components;
    components.push_back(std::make_unique<ComponentUnderTest>("memory"));
    for (auto layer = layers.rbegin(); layer != layers.rend(); ++layer) {
      components.push_back(
          std::make_unique<ComponentUnderTest>(layer->name, layer->options, &**components.back()));
    }
    return std::make_unique<Stack>(std::move(components));
  }

 private:
  Components components_;
};

// `kind` is what the outermost codec turns into bytes, and bytes into.
void check_stack(const std::vector<Layer>& layers, std::uint32_t kind = Kinds::documents) {
  Subject subject;
  subject.make = [&] { return Stack::of(layers); };
  subject.pass_time = [](std::chrono::nanoseconds time) { ComponentUnderTest::pass(time); };
  subject.traits.accepts = kind;
  subject.traits.transforms = Transforms::nothing;
  int tried = 0;
  for (const Violation& violation : check_contract(subject, 2, [&](const Verdict& verdict) {
         if (verdict.skipped.empty()) ++tried;
       })) {
    std::string names;
    for (const Layer& layer : layers) names += layer.name + " ";
    FAIL_CHECK(names << "over memory: " << violation.rule << ": " << violation.what);
  }
  CHECK(tried > 10);
}

}  // namespace

TEST_CASE("every combination of codecs over memory keeps the contract", "[contract]") {
  const Layer zstd{"zstd", {{"min_size", "0B"}, {"min_gain", "0%"}}};
  const std::vector<Layer> codecs{
      {"msgpack", {}}, {"msgpack", {{"layout", "dogpile"}}}, {"json", {}}};
  for (const Layer& codec : codecs) {
    check_stack({codec});
    check_stack({codec, zstd});
    check_stack({{"prefix", {{"prefix", "p:"}}}, codec, zstd});
    check_stack({codec, zstd, zstd});
  }
  check_stack({zstd}, Kinds::bytes);
}
