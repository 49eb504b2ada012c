// A built plugin passes its own conformance kit: right-plugin FILE [OPTION=VALUE]...
#include "conformance/report_formats.hpp"

#include <iostream>

using namespace cairn::hosting;

int main(int count, char** arguments) {
  ValidationRequest request;
  request.file = arguments[1];
  for (int i = 2; i < count; ++i) {
    const std::string argument = arguments[i];
    request.options.set(
        argument.substr(0, argument.find('=')),
        cairn::ConfigValue(argument.substr(argument.find('=') + 1)).mark_interpolated());
  }
  const ValidationReport report =
      validate(request, [](const CaseResult& one) { std::cout << as_text(one) << std::flush; });
  std::cout << summary(report);
  return report.passed() ? 0 : 1;
}
