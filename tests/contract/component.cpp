// The contract, tried on one component of one built plugin: contract NAME [OPTION=VALUE]...
//
// Prints what became of every rule; fails if one is broken.
#include "component_under_test.hpp"

#include <cairn/testing/contract.hpp>

#include <iostream>

using namespace cairn;
using namespace cairn::testing;

namespace {

// A component as the owner-less Backend that a Subject makes.
class Component final : public ProxyBackend {
 public:
  explicit Component(std::unique_ptr<ComponentUnderTest> component)
      : ProxyBackend(**component), component_(std::move(component)) {}
  ComponentUnderTest& component() noexcept { return *component_; }

 private:
  std::unique_ptr<ComponentUnderTest> component_;
};

}  // namespace

int main(int count, char** arguments) {
  if (count < 2) {
    std::cerr << "usage: contract NAME [OPTION=VALUE]...\n";
    return 2;
  }
  const std::string name = arguments[1];
  ComponentUnderTest::OptionTexts options;
  for (int i = 2; i < count; ++i) {
    const std::string argument = arguments[i];
    options[argument.substr(0, argument.find('='))] = argument.substr(argument.find('=') + 1);
  }
  const auto make = [&](Backend* below) {
    return std::make_unique<Component>(std::make_unique<ComponentUnderTest>(name, options, below));
  };

  ManualClock clock;
  Subject subject;
  subject.clock = &clock;  // of the store below a proxy
  subject.pass_time = [](std::chrono::nanoseconds time) { ComponentUnderTest::pass(time); };
  subject.table = [](Backend& backend) {
    return dynamic_cast<Next&>(*dynamic_cast<Component&>(backend).component()).table();
  };
  MapBackend any;
  subject.traits = Traits::of(make(&any)->component().component());
  if (make(&any)->component().component().role == CAIRN_PROXY) {
    subject.make_over = [&](Backend& below) { return make(&below); };
  } else {
    subject.make = [&] { return make(nullptr); };
  }

  const auto violations = check_contract(subject, 3, [](const Verdict& verdict) {
    std::cout << (verdict.violations.empty() ? verdict.skipped.empty() ? "ok      " : "skipped "
                                             : "BROKEN  ")
              << verdict.rule << (verdict.skipped.empty() ? "" : ": " + verdict.skipped) << '\n';
    for (const std::string& what : verdict.violations) std::cout << "    " << what << '\n';
  });
  return violations.empty() ? 0 : 1;
}
