// One shard and its index, alone, in states that the plugin as a whole reaches only by rare chance.

#include "../../../plugins/memory/lru.hpp"
#include "../../../plugins/memory/shard.hpp"
#include "../../../plugins/memory/w_tinylfu.hpp"
#include "catch.hpp"

#include <algorithm>
#include <map>
#include <random>
#include <string>
#include <vector>

using namespace cairn;
using namespace cairn::memory;

namespace {

std::string key_of(int i) {
  return "k" + std::to_string(i);
}

// Index's records by hashes that a test chooses.
class Hashed {
 public:
  ~Hashed() {
    for (const auto& [hash, record] : records_) record->let_go();
  }
  Index index;

  void insert(std::uint64_t bits) {
    Record* record = make(bits);
    index.insert({bits}, *record, [&](const Record& r) { return Hash{bits_of(r)}; });
    records_[bits] = record;
  }
  void replace(std::uint64_t bits) {
    Record* record = make(bits);
    index.replace(find(bits), {bits}, *record);
    std::swap(records_[bits], record);
    record->let_go();
  }
  void erase(std::uint64_t bits) {
    index.erase(find(bits), {bits});
    records_[bits]->let_go();
    records_.erase(bits);
  }
  Slot find(std::uint64_t bits) const {
    return index.find({bits}, [&](const Record& r) { return bits_of(r) == bits; });
  }
  bool holds(std::uint64_t bits) const {
    const Slot slot = find(bits);
    const auto it = records_.find(bits);
    return it == records_.end() ? !slot : slot && slot.record() == it->second;
  }
  const std::map<std::uint64_t, Record*>& records() const { return records_; }

 private:
  static Record* make(std::uint64_t bits) {
    return Record::make({reinterpret_cast<const char*>(&bits), sizeof bits}, Entry(), 0);
  }
  static std::uint64_t bits_of(const Record& record) {
    std::uint64_t bits = 0;
    std::memcpy(&bits, record.key().data(), sizeof bits);
    return bits;
  }
  std::map<std::uint64_t, Record*> records_;
};

}  // namespace

TEST_CASE("an index finds what it holds, and nothing else, however alike the hashes are",
          "[memory]") {
  // The bits of a hash that an index looks at: the place (24 to 55), the prefix (8 to 23), the tag (0 to 7).
  const std::uint64_t vary =
      GENERATE(0xffffffffffffff,   // everything
               0xf0000000000000,   // sixteen home buckets, one prefix, one tag
               0x000000000000ff,   // one home bucket, one prefix
               0x00000000ffff00,   // one home bucket, one tag
               0xffffff000000ff);  // one prefix
  const std::uint64_t like = GENERATE(0, 0xffffffffffffff);
  std::mt19937_64 random(11);
  Hashed hashed;
  // The bits that choose the shard tell records apart that are the same to the index.
  const auto some = [&](std::uint64_t number) {
    return (random() & vary) | (like & ~vary) | number << 56;
  };
  std::vector<std::uint64_t> chosen;
  for (int i = 0; i < 3000; ++i) chosen.push_back(some(random() % 256));
  int wrong = 0;
  for (int i = 0; i < 30'000; ++i) {
    // It fills and empties by turns.
    const bool filling = i / 5000 % 2 == 0;
    const std::uint64_t bits = chosen[random() % chosen.size()];
    if (!hashed.holds(bits)) ++wrong;
    if (hashed.records().count(bits) == 0) {
      if (filling || random() % 8 == 0) hashed.insert(bits);
    } else if (random() % 4 == 0) {
      hashed.replace(bits);
    } else if (!filling || random() % 8 == 0) {
      hashed.erase(bits);
    }
    if (!hashed.holds(bits)) ++wrong;
  }
  for (const std::uint64_t bits : chosen) wrong += !hashed.holds(bits);
  CHECK(wrong == 0);
  CHECK(hashed.index.size() == hashed.records().size());
  std::size_t visited = 0;
  for (std::size_t b = 0; b < hashed.index.table()->buckets(); ++b) {
    hashed.index.visit_bucket(b, [&](Record&) { ++visited; });
  }
  CHECK(visited == hashed.records().size());
}

TEST_CASE("more keys of one home bucket than it can count leave nothing unfound", "[memory]") {
  Hashed hashed;
  constexpr std::uint64_t keys = 1200;  // the count ends at 255
  const auto bits_of = [](std::uint64_t i) { return (i & 0xff) << 56 | (i >> 8) << 8 | 7; };
  for (std::uint64_t i = 0; i < keys; ++i) hashed.insert(bits_of(i));
  int wrong = 0;
  for (std::uint64_t i = 0; i < keys; ++i) wrong += !hashed.holds(bits_of(i));
  for (std::uint64_t i = 0; i < keys - 1; ++i) hashed.erase(bits_of(i));  // from the front
  for (std::uint64_t i = 0; i < keys + 100; ++i) wrong += !hashed.holds(bits_of(i));
  hashed.erase(bits_of(keys - 1));
  for (std::uint64_t i = 0; i < keys; ++i) hashed.insert(bits_of(i));
  for (std::uint64_t i = keys; i-- > 0;) hashed.erase(bits_of(i));  // from the end
  for (std::uint64_t i = 0; i < keys; ++i) wrong += !hashed.holds(bits_of(i));
  CHECK(wrong == 0);
  CHECK(hashed.index.size() == 0);
}

TEST_CASE("w-tinylfu forgets who was to be admitted when another shard's need is met", "[memory]") {
  // The newcomer of another shard finds nothing to evict there: so this one gives, until there is room. What
  // has just won its place in here against those that went may be replaced as the next thing that happens.
  const unsigned needed = GENERATE(range(1u, 30u));
  Fences::prepare();
  Budget budget(100'000, 0, 1);
  const Hasher hasher;
  const Tuning tuning;
  Shard shard(budget, hasher, std::make_unique<WTinyLfu>(tuning, hasher));
  const auto put = [&](int i, std::size_t size) {
    const std::string key = key_of(i);
    Record* record = Record::make(key, Entry::copy(std::string(size, 'x')), 0);
    Shard::Writer(shard)->put({hasher(key)}, *record, 0);
  };
  const auto record_of = [&](int i) -> Record* {
    const std::string key = key_of(i);
    const Slot slot = shard.index().find({hasher(key)},
                                         [&](const Record& record) { return record.has_key(key); });
    return slot ? slot.record() : nullptr;
  };
  for (int i = 0; i < 100; ++i) put(i, 800);
  constexpr unsigned warm = 10;  // the window's; it beats what has been there for longer
  for (int i = 0; i < 100; ++i) {
    Record& record = *record_of(i);
    record.heat.set_count(record.segment == Segment::window ? warm : 1, 0);
  }
  const std::uint64_t elsewhere = budget.max_bytes - budget.bytes() + 900 * needed;
  Change came{elsewhere, 0}, went{0 - elsewhere, 0};
  budget.settle(came);
  Shard::Writer(shard)->make_room();
  REQUIRE_FALSE(budget.exceeded());

  int last = -1;  // to leave the window
  for (int i = 0; i < 100; ++i) {
    if (Record* record = record_of(i); record != nullptr && record->segment == Segment::probation) {
      if (record->heat.count(0) == warm) last = i;
      record->heat.set_count(15, 0);
    }
  }
  if (last >= 0) put(last, 3000);
  Shard::Writer(shard)->settle_budget();
  CHECK_FALSE(budget.exceeded());
  budget.settle(went);
  shard.drain();
  CHECK(budget.bytes() == 0);
  CHECK(budget.entries() == 0);
}

TEST_CASE("two shards that are filled at once keep the bound together", "[memory]") {
  const std::uint64_t most = GENERATE(1, 2, 1000);  // as entries, or as kilobytes
  const bool in_bytes = GENERATE(false, true);
  Fences::prepare();
  const std::uint64_t max_bytes = in_bytes ? most * 1000 : 1 << 20,
                      max_entries = in_bytes ? 0 : most;
  Budget budget(max_bytes, max_entries, 2);
  const Hasher hasher;
  Shard one(budget, hasher, std::make_unique<Lru>(hasher));
  Shard other(budget, hasher, std::make_unique<Lru>(hasher));
  {
    const Shard::Writer in_one(one), in_other(other);
    for (int i = 0; i < 3000; ++i) {
      const std::string key = key_of(i);
      const std::string value(i % 300, 'x');
      in_one->put({hasher(key)}, *Record::make(key, Entry::copy(value), 0), 0);
      in_other->put({hasher(key)}, *Record::make(key, Entry::copy(value), 0), 0);
    }
    in_one->settle_budget();
    in_other->settle_budget();
  }
  // The newcomer stays in each: who finds nothing else to evict says so, and the store makes room elsewhere.
  const std::uint64_t newcomers = 2, bytes = 500;
  CHECK(budget.bytes() <= std::max(max_bytes, newcomers * bytes));
  if (max_entries != 0) CHECK(budget.entries() <= std::max(max_entries, newcomers));
  one.drain();
  other.drain();
  CHECK(budget.bytes() == 0);
}

TEST_CASE("a record that takes another's place takes over what is known of the key", "[memory]") {
  // By a set, which is as good as a hit, or as it moves to another cell, which is not.
  const bool moves = GENERATE(false, true);
  Fences::prepare();
  Budget budget(64 << 20, 0, 1);
  const Hasher hasher;
  const Tuning tuning;
  const Arena::Owner arena = Arena::open();
  Cells& cells = arena->part(0);
  Shard shard(budget, hasher, std::make_unique<WTinyLfu>(tuning, hasher), &cells);
  const auto put = [&](int i) {
    const std::string key = key_of(i);
    Record* record = Record::make(key, Entry::copy(std::string(100, 'x')), 0, &cells);
    Shard::Writer(shard)->put({hasher(key)}, *record, 0);
  };
  const auto record_of = [&](int i) -> Record& {
    const std::string key = key_of(i);
    return *shard.index()
                .find({hasher(key)}, [&](const Record& record) { return record.has_key(key); })
                .record();
  };
  constexpr int count = 10'000, stay_of = 10;
  constexpr unsigned times = 5;
  for (int i = 0; i < count; ++i) put(i);
  for (int i = 0; i < count; ++i) {
    const std::string key = key_of(i);
    if (i % stay_of != 0) Shard::Writer(shard)->remove({hasher(key)}, key);
  }
  std::map<int, Segment> segments;
  std::map<int, const Record*> places;
  for (int i = 0; i < count; i += stay_of) {
    record_of(i).heat.set_count(times, 0);
    segments[i] = record_of(i).segment;
    places[i] = &record_of(i);
  }
  if (moves) {
    for (int i = 0; i < count; ++i) Shard::Writer(shard)->tidy(1);
  } else {
    for (int i = 0; i < count; i += stay_of) put(i);
  }
  int replaced = 0, wrong = 0;
  for (int i = 0; i < count; i += stay_of) {
    const Record& record = record_of(i);
    if (&record == places[i]) continue;
    ++replaced;
    wrong += record.segment != segments[i] || record.heat.count(0) != (moves ? times : times + 1);
  }
  CHECK(replaced > count / stay_of / 2);
  CHECK(wrong == 0);
  shard.drain();
  CHECK(budget.bytes() == 0);
  CHECK(arena->taken_bytes() == 0);
}
