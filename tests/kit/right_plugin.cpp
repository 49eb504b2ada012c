// A built plugin passes the conformance kit:
//
//     right-plugin [--with redis|memcached] FILE [OPTION=VALUE]...
//
// --with starts a server of the test's own, which ends with it, and adds the option that leads there.
#include "conformance/report_formats.hpp"
#include "private_server.hpp"

#include <iostream>
#include <optional>

using namespace cairn::hosting;

namespace {

void set(ValidationRequest& request, const std::string& name, std::string value) {
  request.options.set(name, cairn::ConfigValue(std::move(value)).mark_interpolated());
}

}  // namespace

int main(int count, char** arguments) {
  ValidationRequest request;
  request.case_limit = std::chrono::minutes(2);  // on a busy machine it passes, too
  std::optional<PrivateRedis> redis;
  std::optional<PrivateMemcached> memcached;
  for (int i = 1; i < count; ++i) {
    const std::string argument = arguments[i];
    const std::size_t equals = argument.find('=');
    if (argument == "--with") {
      set(request, "timeout", "20s");
      set(request, "connect_timeout", "20s");
      if (std::string(arguments[++i]) == "redis") {
        set(request, "url", redis.emplace().url());
      } else {
        set(request, "servers",
            "127.0.0.1:" +
                std::to_string(
                    memcached.emplace(std::vector<std::string>{}, PrivateMemcached::On::loopback)
                        .port()));
      }
    } else if (request.file.empty()) {
      request.file = argument;
    } else {
      set(request, argument.substr(0, equals), argument.substr(equals + 1));
    }
  }
  const ValidationReport report =
      validate(request, [](const CaseResult& one) { std::cout << as_text(one) << std::flush; });
  std::cout << summary(report);
  return report.passed() ? 0 : 1;
}
