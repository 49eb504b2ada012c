// The simplest store: to see what a layer above it does.
#pragma once

#include <cairn/backend.hpp>

#include <string>
#include <unordered_map>

struct MapBackend final : cairn::Backend {
  std::unordered_map<std::string, cairn::Entry> entries;

  cairn::OptionalEntry get(cairn::Key key, cairn::Call) override {
    const auto it = entries.find(std::string(key.view()));
    return it == entries.end() ? std::nullopt : std::optional(it->second);
  }
  void set(cairn::Key key, const cairn::Entry& entry, const cairn::SetOptions&,
           cairn::Call) override {
    entries[std::string(key.view())] = entry.to_owned();
  }
  bool remove(cairn::Key key, cairn::Call) override {
    return entries.erase(std::string(key.view())) > 0;
  }
};
