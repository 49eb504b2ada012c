// What reading a configuration complains of, as a user sees it.
#pragma once

#include <cairn/host/config.hpp>

#include <string>
#include <string_view>

inline std::string errors_of(std::string_view toml) {
  try {
    cairn::Config::from_text(toml, "shop.toml");
  } catch (const cairn::ConfigError& error) {
    return error.what();
  }
  return "no error";
}
