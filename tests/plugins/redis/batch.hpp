// The arrays of one batch, as a caller of get_multi, set_multi and remove_multi has them.
#pragma once

#include <cairn/backend.hpp>

#include <string>
#include <utility>
#include <vector>

struct Batch {
  explicit Batch(std::vector<std::string> texts) : texts_(std::move(texts)) {
    for (const std::string& text : texts_) keys.emplace_back(text);
    entries.resize(keys.size());
    statuses.assign(keys.size(), CAIRN_MISS);
  }
  cairn::Results results() { return {entries.data(), statuses.data(), keys.size()}; }
  cairn::Statuses answers() { return {statuses.data(), keys.size()}; }

  std::vector<std::string> texts_;
  std::vector<cairn::Key> keys;
  std::vector<cairn::Entry> entries;
  std::vector<cairn_status> statuses;
};
