// Synthetic request sequences, each with the character of a family of real ones. Deterministic.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <list>
#include <random>
#include <string>
#include <unordered_map>
#include <vector>

namespace traces {

using Trace = std::vector<std::uint32_t>;  // key numbers

/// Draws 0, 1, 2... with Zipf's law.
class Zipf {
 public:
  Zipf(std::uint32_t keys, double alpha) : sums_(keys) {
    double sum = 0;
    for (std::uint32_t i = 0; i < keys; ++i) sums_[i] = sum += 1 / std::pow(i + 1, alpha);
  }
  template <class Random>
  std::uint32_t operator()(Random& random) {
    const double at = std::uniform_real_distribution<>(0, sums_.back())(random);
    const auto it = std::lower_bound(sums_.begin(), sums_.end(), at);
    return static_cast<std::uint32_t>(it - sums_.begin());
  }

 private:
  std::vector<double> sums_;
};

/// Frequency decides: popular keys stay popular.
inline Trace zipf(std::size_t requests, std::uint32_t keys, double alpha, unsigned seed = 1) {
  std::mt19937_64 random(seed);
  Zipf draw(keys, alpha);
  Trace trace(requests);
  for (auto& key : trace) key = draw(random);
  return trace;
}

/// Popularity changes hands, all at once, so many times.
inline Trace shifting_zipf(std::size_t requests, std::uint32_t keys, double alpha,
                           unsigned shifts) {
  Trace trace = zipf(requests, keys, alpha, 2);
  const std::size_t period = requests / (shifts + 1) + 1;
  for (std::size_t i = 0; i < trace.size(); ++i) {
    trace[i] = (trace[i] + static_cast<std::uint32_t>(i / period) * (keys / 3)) % keys;
  }
  return trace;
}

/// One after the other, over and over: the best that a cache of n entries can do is n of `keys`.
inline Trace loop(std::size_t requests, std::uint32_t keys) {
  Trace trace(requests);
  for (std::size_t i = 0; i < requests; ++i) trace[i] = static_cast<std::uint32_t>(i % keys);
  return trace;
}

/// The pages of an index and those that it leads to, in turns (O'Neil, O'Neil, Weikum: "The LRU-K Page
/// Replacement Algorithm", 1993, example 1.1): `hot` pages, each as likely as the other, and `cold`.
inline Trace two_pools(std::size_t requests, std::uint32_t hot, std::uint32_t cold) {
  std::mt19937_64 random(8);
  Trace trace(requests);
  for (std::size_t i = 0; i < requests; ++i) {
    trace[i] = static_cast<std::uint32_t>(i % 2 == 0 ? random() % hot : hot + random() % cold);
  }
  return trace;
}

/// A hot set that is asked for at random, interrupted by long runs of keys that never return.
/// `share` of all requests are to the hot set, and could all be hits.
inline Trace scans_over_hot_set(std::size_t requests, std::uint32_t hot, double share) {
  std::mt19937_64 random(3);
  Trace trace;
  std::uint32_t cold = hot;
  const std::size_t run = 4 * std::size_t{hot};
  while (trace.size() < requests) {
    const auto in_hot = static_cast<std::size_t>(static_cast<double>(run) * share);
    for (std::size_t i = 0; i < in_hot; ++i)
      trace.push_back(static_cast<std::uint32_t>(random() % hot));
    for (std::size_t i = in_hot; i < run; ++i) trace.push_back(cold++);
  }
  trace.resize(requests);
  return trace;
}

/// Recency decides: half of the requests repeat one of the last requests, nearer ones more often;
/// the others are new keys, soon forgotten.
inline Trace recency(std::size_t requests, std::uint32_t reach) {
  std::mt19937_64 random(4);
  std::exponential_distribution<> back(4.0 / reach);
  Trace trace;
  std::uint32_t fresh = 0;
  while (trace.size() < requests) {
    const auto distance = static_cast<std::size_t>(back(random)) + 1;
    trace.push_back(random() % 2 == 0 && distance <= trace.size() ? trace[trace.size() - distance]
                                                                  : fresh++);
  }
  return trace;
}

/// Keys become known, are asked for some times in quick succession, and never again; beside them a
/// Zipf load.
inline Trace bursts(std::size_t requests, std::uint32_t keys, double share) {
  std::mt19937_64 random(5);
  Zipf draw(keys, 0.9);
  Trace trace;
  std::vector<std::pair<std::uint32_t, unsigned>> live;
  std::uint32_t fresh = keys;
  while (trace.size() < requests) {
    if (std::uniform_real_distribution<>()(random) >= share) {
      trace.push_back(draw(random));
      continue;
    }
    if (live.size() < 50) live.emplace_back(fresh++, 2 + static_cast<unsigned>(random() % 8));
    auto& one = live[random() % live.size()];
    trace.push_back(one.first);
    if (--one.second == 0) {
      one = live.back();
      live.pop_back();
    }
  }
  return trace;
}

/// Zipf, with `share` keys in between that are asked for once.
inline Trace one_hit_wonders(std::size_t requests, std::uint32_t keys, double share) {
  std::mt19937_64 random(6);
  Zipf draw(keys, 0.9);
  Trace trace;
  std::uint32_t fresh = keys;
  while (trace.size() < requests) {
    trace.push_back(std::uniform_real_distribution<>()(random) < share ? fresh++ : draw(random));
  }
  return trace;
}

/// Hit ratio of an exact LRU.
inline double lru_hit_ratio(const Trace& trace, std::size_t entries) {
  std::list<std::uint32_t> order;
  std::unordered_map<std::uint32_t, std::list<std::uint32_t>::iterator> where;
  std::size_t hits = 0;
  for (const std::uint32_t key : trace) {
    if (const auto it = where.find(key); it != where.end()) {
      ++hits;
      order.splice(order.begin(), order, it->second);
      continue;
    }
    if (where.size() == entries) {
      where.erase(order.back());
      order.pop_back();
    }
    order.push_front(key);
    where[key] = order.begin();
  }
  return static_cast<double>(hits) / static_cast<double>(trace.size());
}

/// Hit ratio of S3-FIFO, as the paper has it: a small queue of a tenth, and as many ghosts as the main queue
/// has entries.
inline double s3_fifo_hit_ratio(const Trace& trace, std::size_t entries) {
  struct Entry {
    unsigned hits = 0;
    enum { ghost, small, main } queue = small;
    std::uint64_t dropped = 0;  // which of the ghosts
  };
  std::unordered_map<std::uint32_t, Entry> known;
  std::list<std::uint32_t> small, main;
  const std::size_t small_share = std::max<std::size_t>(entries / 10, 1);
  std::uint64_t dropped = 0;
  const auto evict = [&] {
    for (;;) {
      if (!small.empty() && (small.size() >= small_share || main.empty())) {
        const std::uint32_t key = small.back();
        Entry& entry = known[key];
        small.pop_back();
        if (entry.hits <= 1) {
          entry = {0, Entry::ghost, ++dropped};
          return;
        }
        main.push_front(key);
        entry.queue = Entry::main;
      } else {
        const std::uint32_t key = main.back();
        Entry& entry = known[key];
        main.pop_back();
        if (entry.hits == 0) {
          known.erase(key);
          return;
        }
        --entry.hits;
        main.push_front(key);
      }
    }
  };
  std::size_t hits = 0;
  for (const std::uint32_t key : trace) {
    const auto it = known.find(key);
    if (it != known.end() && it->second.queue != Entry::ghost) {
      ++hits;
      it->second.hits = std::min(it->second.hits + 1, 3U);
      continue;
    }
    const bool wanted_again =
        it != known.end() && dropped - it->second.dropped < entries - small_share;
    if (small.size() + main.size() == entries) evict();
    known[key] = {0, wanted_again ? Entry::main : Entry::small, 0};
    (wanted_again ? main : small).push_front(key);
  }
  return static_cast<double>(hits) / static_cast<double>(trace.size());
}

}  // namespace traces
