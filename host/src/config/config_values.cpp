#include <cairn/host/config.hpp>

#include <algorithm>

namespace cairn {

ConfigTable::ConfigTable() noexcept = default;
ConfigTable::ConfigTable(const ConfigTable&) = default;
ConfigTable::ConfigTable(ConfigTable&&) noexcept = default;
ConfigTable& ConfigTable::operator=(const ConfigTable&) = default;
ConfigTable& ConfigTable::operator=(ConfigTable&&) noexcept = default;
ConfigTable::~ConfigTable() = default;

ConfigTable::ConfigTable(std::vector<ConfigEntry> entries) noexcept
    : entries_(std::move(entries)) {}

ConfigTable::ConfigTable(std::initializer_list<ConfigEntry> entries) {
  for (const ConfigEntry& entry : entries) set(entry.key, entry.value, entry.origin);
}

std::size_t ConfigTable::size() const noexcept {
  return entries_.size();
}
const ConfigEntry* ConfigTable::begin() const noexcept {
  return entries_.data();
}
const ConfigEntry* ConfigTable::end() const noexcept {
  return begin() + size();
}

const ConfigValue* ConfigTable::find(std::string_view key) const noexcept {
  const auto it = std::find_if(begin(), end(), [&](const ConfigEntry& e) { return e.key == key; });
  return it == end() ? nullptr : &it->value;
}

void ConfigTable::set(std::string key, ConfigValue value, Origin origin) {
  ConfigEntry entry{std::move(key), std::move(value), std::move(origin)};
  const auto it = std::find_if(entries_.begin(), entries_.end(),
                               [&](const ConfigEntry& e) { return e.key == entry.key; });
  if (it == entries_.end()) {
    entries_.push_back(std::move(entry));
  } else {
    *it = std::move(entry);
  }
}

const BackendConfig* Config::find_backend(std::string_view name) const noexcept {
  const auto it = std::find_if(backends.begin(), backends.end(),
                               [&](const BackendConfig& b) { return b.name == name; });
  return it == backends.end() ? nullptr : &*it;
}

const RegionConfig* Config::find_region(std::string_view name) const noexcept {
  const auto it = std::find_if(regions.begin(), regions.end(),
                               [&](const RegionConfig& r) { return r.name == name; });
  return it == regions.end() ? nullptr : &*it;
}

}  // namespace cairn
