// What is asked of the contestants: the keys, and four sequences of requests.
#pragma once

#include "traces.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace peers {

inline std::vector<std::string> make_keys(std::size_t count, std::size_t shortest,
                                          std::size_t longest) {
  std::mt19937_64 random(1);
  std::vector<std::string> keys(count);
  for (std::size_t i = 0; i < count; ++i) {
    keys[i].resize(shortest + random() % (longest - shortest + 1));
    for (char& c : keys[i]) c = static_cast<char>('a' + random() % 26);
    const std::uint64_t number = i * 0x9e3779b97f4a7c15;
    std::memcpy(keys[i].data(), &number, 8);  // all different
  }
  return keys;
}

// A sequence of requests, its keys one after the other in memory: a program has just made the key
// that it asks for, and what is measured is not how long it takes to find one of a million strings.
class Requests {
 public:
  Requests(const std::vector<std::string>& keys, std::vector<std::uint32_t> numbers)
      : order(std::move(numbers)) {
    std::size_t size = 0;
    for (const std::uint32_t one : order) size += keys[one].size();
    bytes_.reserve(size);
    for (const std::uint32_t one : order) {
      views.emplace_back(bytes_.data() + bytes_.size(), keys[one].size());
      bytes_ += keys[one];
    }
  }
  std::vector<std::string_view> views;
  std::vector<std::uint32_t> order;  // the same, as numbers of keys

 private:
  std::string bytes_;
};

struct Workload {
  const char* name;
  bool fill;  // what misses is set
  bool bounded_only;
  std::size_t room;
  Requests requests;
  std::size_t resident;  // this many keys are there when it begins
};

inline std::vector<Workload> make_workloads(const std::vector<std::string>& keys) {
  constexpr std::size_t room = 100'000, requests = 1'000'000;
  std::mt19937_64 random(7);
  const auto shuffled = [&](std::vector<std::uint32_t> order, std::uint32_t n) {
    std::vector<std::uint32_t> names(
        n);  // popularity has nothing to do with the order of insertion
    for (std::uint32_t i = 0; i < n; ++i) names[i] = i;
    std::shuffle(names.begin(), names.end(), random);
    for (auto& one : order) one = names[one];
    return order;
  };
  std::vector<std::uint32_t> uniform(requests);
  for (auto& one : uniform) one = static_cast<std::uint32_t>(random() % room);

  std::vector<Workload> loads;
  loads.push_back({"hit-uniform", false, false, room * 5 / 4, Requests(keys, uniform), room});
  loads.push_back({"hit-zipf", false, false, room * 5 / 4,
                   Requests(keys, shuffled(traces::zipf(requests, room, 0.99), room)), room});
  loads.push_back(
      {"hit-one-key", false, false, room, Requests(keys, std::vector<std::uint32_t>(256, 0)), 1});
  loads.push_back({"mixed-zipf", true, true, room,
                   Requests(keys, shuffled(traces::zipf(requests * 5, 1'000'000, 0.99), 1'000'000)),
                   0});

  return loads;
}

// For programs in other languages, so that they ask for the same: little-endian, the number of keys,
// then each key with a byte for its length; the number of workloads, then for each the length of its
// name and the name, then 32 bits each for fill, room, resident, how many requests, and the keys'
// numbers.
inline bool write_workloads(const std::string& file, const std::vector<std::string>& keys,
                            const std::vector<Workload>& loads) {
  std::FILE* out = std::fopen(file.c_str(), "wb");
  if (out == nullptr) return false;
  const auto number = [out](std::uint64_t n) {
    const auto word = static_cast<std::uint32_t>(n);
    std::fwrite(&word, sizeof word, 1, out);
  };
  const auto text = [out](std::string_view one) {
    std::fputc(static_cast<int>(one.size()), out);
    std::fwrite(one.data(), 1, one.size(), out);
  };
  number(keys.size());
  for (const std::string& key : keys) text(key);
  number(loads.size());
  for (const Workload& load : loads) {
    text(load.name);
    for (const std::uint64_t n :
         {std::uint64_t{load.fill}, std::uint64_t{load.room}, std::uint64_t{load.resident},
          std::uint64_t{load.requests.order.size()}}) {
      number(n);
    }
    std::fwrite(load.requests.order.data(), sizeof(std::uint32_t), load.requests.order.size(), out);
  }
  return std::fclose(out) == 0;
}

}  // namespace peers
