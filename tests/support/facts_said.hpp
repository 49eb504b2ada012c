// What a store says of itself through cairn.facts/1; its warnings are joined by line breaks.
#pragma once

#include "component_under_test.hpp"

#include <cairn/extensions/facts.h>

#include <map>
#include <string>

inline std::map<std::string, std::string> facts_said(ComponentUnderTest& store) {
  const auto* table = static_cast<const cairn_facts*>(store->extension(CAIRN_FACTS_ID));
  if (table == nullptr) throw std::runtime_error("it says nothing of itself");
  cairn_call call{};
  call.size = sizeof call;
  cairn_entry raw{};
  if (table->facts(store.self(), &call, &raw) != CAIRN_OK) {
    throw std::runtime_error(call.error_text);
  }
  const auto document = cairn::Document::adopt(static_cast<const cairn_node*>(raw.data), raw.owner);
  const cairn::Node root = document.root();
  std::map<std::string, std::string> facts;
  for (std::size_t i = 0; i < root.size(); ++i) {
    std::string& text = facts[std::string(root.key_at(i).text())];
    const cairn::Node value = root.value_at(i);
    if (value.type() == cairn::Node::text_string) text = value.text();
    if (value.type() != cairn::Node::list) continue;
    for (std::size_t k = 0; k < value.size(); ++k) {
      text.append(value.item(k).text()).append("\n");
    }
  }
  return facts;
}
