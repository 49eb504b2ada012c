// What takes part in the comparison: this backend, called as a plugin and through a region, and what a
// program would otherwise use. Each behind the same virtual call; each looks at the first and the
// last byte of what it finds.
#pragma once

#include "component_under_test.hpp"

#include <cairn/cairn.hpp>

#include <libcuckoo/cuckoohash_map.hh>
#include <rocksdb/cache.h>
#include <tbb/concurrent_hash_map.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include <cstring>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace peers {

inline constexpr std::size_t value_size = 100;

class Peer {
 public:
  virtual ~Peer() = default;
  /// The sum of the first and the last byte, or -1.
  virtual int get(std::string_view key) = 0;
  virtual void set(std::string_view key, std::string_view value) = 0;
};

inline int look_at(const char* value) {
  return value[0] + value[value_size - 1];
}

class Cairn final : public Peer {
 public:
  Cairn(const std::string& policy, std::size_t entries)
      : memory_(
            "memory",
            {{"policy", policy}, {"max_bytes", "4GiB"}, {"max_entries", std::to_string(entries)}}),
        ops_(*memory_.component().ops),
        self_(memory_.self()) {}
  int get(std::string_view key) override {
    cairn_entry entry{};
    if (ops_.get(self_, nullptr, {key.data(), key.size()}, &entry) != CAIRN_OK) return -1;
    const int seen = look_at(static_cast<const char*>(entry.data));
    cairn_release(entry.owner);
    return seen;
  }
  void set(std::string_view key, std::string_view value) override {
    cairn_entry entry{};
    entry.kind = CAIRN_BYTES;
    entry.data = value.data();
    entry.size = value.size();
    ops_.set(self_, nullptr, {key.data(), key.size()}, &entry, nullptr);
  }

 private:
  ComponentUnderTest memory_;
  const cairn_ops& ops_;
  void* const self_;
};

inline cairn::Config region_config(std::size_t entries) {
  return cairn::Config::from_text(
      "[region.r]\nexpiration_time = \"1h\"\nbackend = { plugin = \"memory\", max_bytes = "
      "\"4GiB\", "
      "max_entries = " +
      std::to_string(entries) + " }\n");
}

// The same through a region: its rules, its clock, its types.
class CairnRegion final : public Peer {
 public:
  explicit CairnRegion(std::size_t entries)
      : host_(region_config(entries)), region_(host_.region("r")) {}
  int get(std::string_view key) override {
    const auto found = region_.get<cairn::Bytes>(key);
    return found ? look_at(found->view().data()) : -1;
  }
  void set(std::string_view key, std::string_view value) override { region_.set(key, value); }

 private:
  cairn::Host host_;
  cairn::Region& region_;
};

// An object of the program's own, shared with the cache and never encoded.
class CairnShared final : public Peer {
 public:
  explicit CairnShared(std::size_t entries)
      : host_(region_config(entries)), region_(host_.region("r")) {}
  int get(std::string_view key) override {
    const auto found = region_.get_shared<Value>(key);
    return found ? found->front() + found->back() : -1;
  }
  void set(std::string_view key, std::string_view value) override {
    region_.set(key, Value(value_size / sizeof(int), value[0]));
  }

 private:
  using Value = std::vector<int>;
  cairn::Host host_;
  cairn::Region& region_;
};

// Charge 1 for each entry and nothing for its bookkeeping, so that all peers hold as many.
inline constexpr auto count_entries = rocksdb::kDontChargeCacheMetadata;

class Rocks final : public Peer {
 public:
  explicit Rocks(std::shared_ptr<rocksdb::Cache> cache, bool hash_keys)
      : cache_(std::move(cache)), hash_keys_(hash_keys) {}
  int get(std::string_view key) override {
    char buffer[16];
    rocksdb::Cache::Handle* handle = cache_->Lookup(name(key, buffer));
    if (handle == nullptr) return -1;
    const int seen = look_at(static_cast<const char*>(cache_->Value(handle)));
    cache_->Release(handle);
    return seen;
  }
  void set(std::string_view key, std::string_view value) override {
    char buffer[16];
    auto* copy = new char[value_size];
    std::memcpy(copy, value.data(), value_size);
    const rocksdb::Status status = cache_->Insert(
        name(key, buffer), copy, 1,
        [](const rocksdb::Slice&, void* stored) { delete[] static_cast<char*>(stored); });
    if (!status.ok()) delete[] copy;
  }

 private:
  // HyperClockCache takes keys of 16 bytes only.
  rocksdb::Slice name(std::string_view key, char* buffer) const {
    if (!hash_keys_) return {key.data(), key.size()};
    const XXH128_hash_t hash = XXH3_128bits(key.data(), key.size());
    std::memcpy(buffer, &hash, 16);
    return {buffer, 16};
  }
  const std::shared_ptr<rocksdb::Cache> cache_;
  const bool hash_keys_;
};

using Shared = std::shared_ptr<const std::string>;

class MutexLru final : public Peer {
 public:
  explicit MutexLru(std::size_t entries) : entries_(entries) {}
  int get(std::string_view key) override {
    Shared value;
    {
      const std::lock_guard lock(mutex_);
      const auto it = where_.find(key);
      if (it == where_.end()) return -1;
      order_.splice(order_.begin(), order_, it->second);
      value = it->second->second;
    }
    return look_at(value->data());
  }
  void set(std::string_view key, std::string_view value) override {
    auto shared = std::make_shared<const std::string>(value);
    const std::lock_guard lock(mutex_);
    if (const auto it = where_.find(key); it != where_.end()) {
      it->second->second = std::move(shared);
      return;
    }
    if (where_.size() == entries_) {
      where_.erase(order_.back().first);
      order_.pop_back();
    }
    order_.emplace_front(std::string(key), std::move(shared));
    where_[order_.front().first] = order_.begin();
  }

 private:
  using Order = std::list<std::pair<const std::string, Shared>>;
  const std::size_t entries_;
  std::mutex mutex_;
  Order order_;
  std::unordered_map<std::string_view, Order::iterator> where_;
};

class Tbb final : public Peer {
 public:
  int get(std::string_view key) override {
    Shared value;
    {
      Map::const_accessor at;
      if (!map_.find(at, std::string(key))) return -1;
      value = at->second;
    }
    return look_at(value->data());
  }
  void set(std::string_view key, std::string_view value) override {
    Map::accessor at;
    map_.insert(at, std::string(key));
    at->second = std::make_shared<const std::string>(value);
  }

 private:
  using Map = tbb::concurrent_hash_map<std::string, Shared>;
  Map map_;
};

class Cuckoo final : public Peer {
 public:
  int get(std::string_view key) override {
    Shared value;
    if (!map_.find_fn(key, [&](const Shared& stored) { value = stored; })) return -1;
    return look_at(value->data());
  }
  void set(std::string_view key, std::string_view value) override {
    map_.insert_or_assign(std::string(key), std::make_shared<const std::string>(value));
  }

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view key) const {
      return XXH3_64bits(key.data(), key.size());
    }
  };
  libcuckoo::cuckoohash_map<std::string, Shared, Hash, std::equal_to<>> map_;
};

struct Named {
  const char* name;
  bool bounded;
  std::function<std::unique_ptr<Peer>(std::size_t entries)> make;
};

inline const std::vector<Named> all{
    {"cairn", true, [](std::size_t n) { return std::make_unique<Cairn>("w-tinylfu", n); }},
    {"cairn-region", true, [](std::size_t n) { return std::make_unique<CairnRegion>(n); }},
    {"cairn-region-shared", true, [](std::size_t n) { return std::make_unique<CairnShared>(n); }},
    {"cairn-s3-fifo", true, [](std::size_t n) { return std::make_unique<Cairn>("s3-fifo", n); }},
    {"rocksdb-hyperclock", true,
     [](std::size_t n) {
       return std::make_unique<Rocks>(
           rocksdb::HyperClockCacheOptions(n, 1, -1, false, nullptr, count_entries)
               .MakeSharedCache(),
           true);
     }},
    {"rocksdb-lru", true,
     [](std::size_t n) {
       return std::make_unique<Rocks>(
           rocksdb::NewLRUCache(n, 4, false, 0.5, nullptr, true, count_entries), false);
     }},
    {"mutex-lru", true, [](std::size_t n) { return std::make_unique<MutexLru>(n); }},
    {"tbb-hash-map", false, [](std::size_t) { return std::make_unique<Tbb>(); }},
    {"libcuckoo", false, [](std::size_t) { return std::make_unique<Cuckoo>(); }},
};

}  // namespace peers
