#include <cairn/error.hpp>
#include <cairn/host/function_keys.hpp>

#include <cmath>

namespace cairn {

namespace {

// Python's repr of a float: the shortest digits that read back, with an exponent from 1e16 and below 1e-4.
std::string python_float(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  const double magnitude = std::fabs(value);
  const bool scientific = magnitude != 0 && (magnitude >= 1e16 || magnitude < 1e-4);
  char buffer[400];
  const auto end =
      std::to_chars(buffer, buffer + sizeof buffer, value,
                    scientific ? std::chars_format::scientific : std::chars_format::fixed)
          .ptr;
  std::string text(buffer, end);
  if (!scientific && text.find('.') == std::string::npos) text += ".0";
  return text;
}

}  // namespace

void detail::refuse_keyless(std::string_view function) {
  throw Error(Errc::config,
              "the cached function " + std::string(function) +
                  " has an argument of a type that cannot be part of a key: write "
                  "`std::string to_key(const T&)` in its namespace, or give the function "
                  "a `key` in its options");
}

std::string to_python_text(const KeyPart& part) {
  struct Text {
    std::string operator()(std::nullptr_t) const { return "None"; }
    std::string operator()(bool value) const { return value ? "True" : "False"; }
    std::string operator()(std::int64_t value) const { return std::to_string(value); }
    std::string operator()(std::uint64_t value) const { return std::to_string(value); }
    std::string operator()(double value) const { return python_float(value); }
    std::string operator()(const std::string& value) const { return value; }
  };
  return std::visit(Text(), part);
}

KeyGenerator dogpile_key_generator(std::string module, std::string name_space) {
  return [module = std::move(module), name_space = std::move(name_space)](
             std::string_view name, std::span<const KeyPart> parts) {
    std::string key = module + ":";
    key += name;
    if (!name_space.empty()) key += "|" + name_space;
    key += "|";
    for (std::size_t i = 0; i < parts.size(); ++i) {
      if (i != 0) key += " ";
      key += to_python_text(parts[i]);
    }
    return key;
  };
}

}  // namespace cairn
