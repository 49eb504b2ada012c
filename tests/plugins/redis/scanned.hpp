// Everything that a store lists through cairn.scan/1.
#pragma once

#include "component_under_test.hpp"

#include <cairn/extensions/scan.h>

#include <map>
#include <string>

inline std::map<std::string, std::string> scanned(ComponentUnderTest& store,
                                                  std::size_t limit = 100) {
  std::map<std::string, std::string> found;
  const auto* table = static_cast<const cairn_scan*>(store->extension(CAIRN_SCAN_ID));
  if (table == nullptr) throw std::runtime_error("it cannot list what it holds");
  std::uint64_t cursor = 0;
  do {
    cairn_call call{};
    call.size = sizeof call;
    const cairn_status status = table->scan(
        store.self(), &call, &cursor, limit,
        [](void* user, cairn_bytes key, const cairn_entry* entry) noexcept {
          (*static_cast<std::map<std::string, std::string>*>(user))[{key.data, key.size}] = {
              static_cast<const char*>(entry->data), entry->size};
        },
        &found);
    if (status != CAIRN_OK) throw std::runtime_error(call.error_text);
  } while (cursor != 0);
  return found;
}
