// @name@ keeps the contract of a proxy, tried in this process; `cairn validate` tries the built file.
#include "@name@.cpp"

#include <cairn/testing/contract.hpp>

#include <iostream>

int main() {
  using namespace cairn;
  testing::ManualClock clock;
  const Document options = Document::build([](Writer out) { out.map(1).key("suffix").text("!"); });
  testing::Subject subject;
  subject.make_over = [&](Backend& below) {
    const cairn_next next = Next(below).table();
    return std::make_unique<@Class@>(Context(Options(options.root().raw()), clock.services("@name@"), &next));
  };
  subject.traits = testing::Traits::of(detail::ComponentOf<@Class@>::value);
  subject.clock = &clock;
  const auto violations = testing::check_contract(subject);
  for (const auto& violation : violations) std::cerr << violation.rule << ": " << violation.what << '\n';
  return violations.empty() ? 0 : 1;
}
