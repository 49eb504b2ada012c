// A component that could not be made: its words, and where the configuration asked for it.
//
//     shop.toml:4:8: region `users`, backend `disk`: lmdb: cannot open ...: Permission denied
//
// What a plugin can know beforehand it says while the configuration is checked (ConfigError); this is what
// only making it shows. Threads: a plain value. Lifetimes: on its own.
#pragma once

#include <cairn/host/config.hpp>

#include <string>
#include <string_view>

namespace cairn::hosting {

/// With the code and the system error of what the component threw.
class NotMade : public Error {
 public:
  /// `asked`: what was to be made; `backend`: the name that it has in the configuration, or empty.
  NotMade(const Error& why, const ComponentConfig& asked, std::string_view component,
          std::string_view backend = {});

  /// The same, of a region.
  NotMade in_region(const std::string& name) const { return {*this, name}; }

  /// "lmdb: cannot open ...".
  const std::string& words() const noexcept { return words_; }
  /// Empty until in_region.
  const std::string& region() const noexcept { return region_; }

 private:
  NotMade(const NotMade& same, const std::string& region);

  std::string words_, place_, backend_, region_;
};

}  // namespace cairn::hosting
