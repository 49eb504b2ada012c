// The contract tried on the class of a component: a whole test program in one line.
//
//     #include "mine.cpp"
//     #include <cairn/testing/component.hpp>
//     int main() { return cairn::testing::check_component<Mine>({{"prefix", "users:"}}); }
//
// Give the options that the class reads, as the host would hand them over: a default that is declared
// is the host's to fill in, and there is no host here. Build it with -fsanitize=thread to find races.
// Threads: one. Outcomes: 0, or 1 after a line on standard error for each broken rule.
#pragma once

#include <cairn/plugin.hpp>
#include <cairn/testing/contract.hpp>

#include <cstdio>
#include <initializer_list>
#include <string_view>
#include <variant>

namespace cairn::testing {

/// The value of one option, of the type that it declares.
struct OptionValue {
  std::string_view name;
  std::variant<std::string_view, bool, std::int64_t, double> value;

  OptionValue(std::string_view n, const char* text) : name(n), value(std::string_view(text)) {}
  OptionValue(std::string_view n, std::chrono::nanoseconds time) : name(n), value(time.count()) {}
  template <class T>
  requires std::is_arithmetic_v<T> OptionValue(std::string_view n, T number) : name(n) {
    if constexpr (std::is_same_v<T, bool>) {
      value = number;
    } else if constexpr (std::is_integral_v<T>) {
      value = static_cast<std::int64_t>(number);
    } else {
      value = static_cast<double>(number);
    }
  }
};

inline Document options_of(std::initializer_list<OptionValue> options) {
  struct Write {
    Writer out;
    void operator()(std::string_view text) { out.text(text); }
    void operator()(bool flag) { out.boolean(flag); }
    void operator()(std::int64_t number) { out.integer(number); }
    void operator()(double number) { out.real(number); }
  };
  return Document::build([&](Writer out) {
    auto map = out.map(options.size());
    for (const OptionValue& option : options) {
      auto [key, value] = map.pair();
      key.text(option.name);
      std::visit(Write{value}, option.value);
    }
  });
}

/// T as the rules want it. Both arguments outlive the subject.
template <class T>
Subject subject_of(ManualClock& clock, const Document& options) {
  Subject subject;
  subject.traits = Traits::of(detail::ComponentOf<T>::value);
  subject.clock = &clock;
  const auto context = [&clock, &options](const cairn_next* next) {
    return Context(Options(options.root().raw()), clock.services(T::name), next);
  };
  if constexpr (std::is_base_of_v<ProxyBackend, T>) {
    subject.make_over = [context](Backend& below) {
      return std::make_unique<T>(context(&Next(below).table()));
    };
  } else if constexpr (std::is_constructible_v<T, const Context&>) {
    subject.make = [context] { return std::make_unique<T>(context(nullptr)); };
  } else {
    subject.make = [] { return std::make_unique<T>(); };
  }
  return subject;
}

/// Tries every rule up to `level` and says what is broken.
template <class T>
int check_component(std::initializer_list<OptionValue> options = {}, int level = 3) {
  ManualClock clock;
  const Document values = options_of(options);
  const std::vector<Violation> violations = check_contract(subject_of<T>(clock, values), level);
  for (const Violation& violation : violations) {
    std::fprintf(stderr, "%s: %s\n", violation.rule.c_str(), violation.what.c_str());
  }
  return violations.empty() ? 0 : 1;
}

}  // namespace cairn::testing
