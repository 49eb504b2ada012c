#include "not_made.hpp"

#include "config/diagnostics.hpp"
#include "config/option_fit.hpp"

namespace cairn::hosting {

namespace {

std::string words_of(const Error& why, std::string_view component) {
  const std::string layer = std::string(component) + ": ";
  const std::string_view text = why.what();
  return text.starts_with(layer) ? std::string(text) : layer + std::string(text);
}

// "shop.toml:4:8: ", or nothing for what was said in code.
std::string place_of(const Origin& origin) {
  return origin.source ? position(origin) + ": " : std::string();
}

std::string in_backend(const std::string& name) {
  return name.empty() ? std::string() : "backend " + backquoted(name) + ": ";
}

std::string of_region(const std::string& name, const std::string& backend) {
  return "region " + backquoted(name) + (backend.empty() ? ": " : ", ") + in_backend(backend);
}

}  // namespace

NotMade::NotMade(const Error& why, const ComponentConfig& asked, std::string_view component,
                 std::string_view backend)
    : Error(why.code(),
            place_of(origin_of_named(asked, why.what())) + in_backend(std::string(backend)) +
                words_of(why, component),
            why.system_error()),
      words_(words_of(why, component)),
      place_(place_of(origin_of_named(asked, why.what()))),
      backend_(backend) {}

NotMade::NotMade(const NotMade& same, const std::string& region)
    : Error(same.code(), same.place_ + of_region(region, same.backend_) + same.words_,
            same.system_error()),
      words_(same.words_),
      place_(same.place_),
      backend_(same.backend_),
      region_(region) {}

}  // namespace cairn::hosting
