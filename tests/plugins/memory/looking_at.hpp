// What tests of the memory backend ask it, in one word.
#pragma once

#include "component_under_test.hpp"

#include <cstdint>
#include <string>

inline std::string text_of(const cairn::OptionalEntry& entry) {
  return entry ? std::string(entry->bytes()) : "(miss)";
}

inline std::string key_of(int i) {
  std::string key("k");
  return key.append(std::to_string(i));
}

inline std::uint64_t stat(ComponentUnderTest& memory, const char* name) {
  return memory->stats(cairn::Call()).root()[name].uint_value();
}

/// The text of the error that a set ends with.
inline std::string refusal(ComponentUnderTest& memory, const std::string& key,
                           const cairn::Entry& entry) {
  cairn_call call{};
  call.size = sizeof call;
  try {
    memory->set(key, entry, {}, cairn::Call(&call));
  } catch (const cairn::Error& error) {
    return error.code() == cairn::Errc::rejected ? error.what() : "another code";
  }
  return "no error";
}
