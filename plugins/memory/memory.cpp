// memory: entries in this process, bounded in bytes.
//
// Hits take no lock and copy nothing; see store.hpp. What is evicted is up to `policy`.

#include "lru.hpp"
#include "s3_fifo.hpp"
#include "store.hpp"
#include "w_tinylfu.hpp"

#include <cairn/extensions/clear.h>
#include <cairn/extensions/scan.h>
#include <cairn/plugin.hpp>

#include <algorithm>
#include <array>
#include <numeric>

namespace {

using namespace cairn;
using memory::Hash;
using memory::Hasher;
using memory::PolicyMaker;
using memory::Shard;
using memory::Store;
using memory::Tuning;

class Memory final : public Backend {
 public:
  static constexpr auto name = "memory";
  static constexpr auto help = "Keeps entries in this process, within a bound.";
  static constexpr auto accepts = Kinds::any;
  static constexpr std::array options{
      Option("max_bytes", "size")
          .defaults_to("64MiB")
          .range("64KiB", nullptr)
          .help("How much to keep: keys, values and bookkeeping."),
      Option("max_entries", "int")
          .defaults_to("0")
          .range("0", nullptr)
          .help("How many entries to keep; 0: as many as max_bytes allows."),
      Option("ttl", "duration")
          .defaults_to("0s")
          .range("0s", nullptr)
          .help("When to drop entries that were set without a time to live; 0: never."),
      Option("policy", "enum:w-tinylfu|s3-fifo|lru")
          .defaults_to("w-tinylfu")
          .help("What to evict: the least useful, on the evidence that the policy goes by."),
      Option("shards", "int")
          .defaults_to("0")
          .range("0", "256")
          .help("Into how many parts to divide it for writers; 0: as suits the machine."),
  };

  explicit Memory(const Context& context)
      : settings_(read(context.options())),
        policy_(context.options().text("policy")),
        services_(context.services()),
        store_(new Store(settings_, services_)) {}

  // Inlined into its thunk, for the reason that Store::get is.
  [[gnu::always_inline]] OptionalEntry get(Key key, Call) override {
    OptionalEntry found;
    store_->get(store_->hash(key), key, found.raw());
    return found;
  }

  void set(Key key, const Entry& entry, const SetOptions& how, Call) override {
    store_->set(store_->hash(key), key, entry, how.ttl.count());
  }

  bool remove(Key key, Call) override { return store_->remove(store_->hash(key), key); }

  // Fetches what it will need from memory all at once, instead of waiting for one key after
  // another.
  void get_multi(Keys keys, Results results, Call) override {
    constexpr std::size_t at_once = 32;
    std::array<Hash, at_once> hashes;
    for (std::size_t from = 0; from < keys.size(); from += at_once) {
      const std::size_t n = std::min(at_once, keys.size() - from);
      for (std::size_t i = 0; i < n; ++i) {
        hashes[i] = store_->hash(keys[from + i]);
        store_->prefetch_bucket(hashes[i]);
      }
      for (std::size_t i = 0; i < n; ++i) store_->prefetch_record(hashes[i]);
      for (std::size_t i = 0; i < n; ++i) {
        OptionalEntry found;
        if (store_->get(hashes[i], keys[from + i], found.raw())) {
          results.hit(from + i, std::move(*found));
        }
      }
    }
  }

  void set_multi(Keys keys, std::span<const Entry> entries, const SetOptions& how,
                 Statuses statuses, Call) override {
    std::vector<memory::RecordOwner> records(keys.size());
    std::vector<Hash> hashes(keys.size());
    std::int64_t now_ns = 0;
    for (std::size_t i = 0; i < keys.size(); ++i) {
      hashes[i] = store_->hash(keys[i]);
      try {
        records[i] = store_->make(hashes[i], keys[i], entries[i], how.ttl.count(), now_ns);
      } catch (const Error& error) {
        statuses.fail(i, error.code());
      } catch (const std::bad_alloc&) {
        statuses.fail(i, Errc::internal);
      }
    }
    by_shard(hashes, [&](std::size_t number, std::span<const std::size_t> members) {
      Store::News news;
      {
        Shard::Writer shard(store_->shard(number));
        for (const std::size_t i : members) {
          if (records[i] == nullptr) {  // as set() does, and in its turn
            shard->remove(hashes[i], keys[i]);
            continue;
          }
          try {
            store_->put(shard, hashes[i], std::move(records[i]), now_ns, news);
          } catch (const std::bad_alloc&) {
            statuses.fail(i, Errc::internal);
          }
        }
      }
      store_->after_write(number, news, now_ns);
    });
  }

  void remove_multi(Keys keys, Statuses statuses, Call) override {
    std::vector<Hash> hashes(keys.size());
    for (std::size_t i = 0; i < keys.size(); ++i) hashes[i] = store_->hash(keys[i]);
    by_shard(hashes, [&](std::size_t number, std::span<const std::size_t> members) {
      const Shard::Writer shard(store_->shard(number));
      for (const std::size_t i : members) {
        if (shard->remove(hashes[i], keys[i])) statuses.done(i);
      }
    });
  }

  Document stats(Call) override {
    store_->expire();
    const Shard::Counters counters = store_->counters();
    const auto reads = store_->reads();
    const auto& budget = store_->budget();
    const std::uint64_t bytes = budget.bytes();
    return Document::build([&](Writer out) {
      auto map = out.map(16);
      map.key("policy").text(policy_);
      map.key("shards").unsigned_integer(store_->shard_count());
      map.key("entries").unsigned_integer(budget.entries());
      map.key("bytes").unsigned_integer(bytes);
      map.key("max_bytes").unsigned_integer(budget.max_bytes);
      map.key("max_entries").unsigned_integer(budget.max_entries);
      map.key("region_bytes").unsigned_integer(store_->region_bytes());
      map.key("hits").unsigned_integer(reads.hits);
      map.key("misses").unsigned_integer(reads.misses);
      map.key("inserted").unsigned_integer(counters.inserted);
      map.key("replaced").unsigned_integer(counters.replaced);
      map.key("removed").unsigned_integer(counters.removed);
      map.key("evicted").unsigned_integer(counters.evicted);
      map.key("not_admitted").unsigned_integer(counters.rejected);
      map.key("expired").unsigned_integer(counters.expired);
      map.key("window_share")
          .real(bytes == 0
                    ? 0
                    : static_cast<double>(store_->window_bytes()) / static_cast<double>(bytes));
    });
  }

  const void* extension(const char* id) override {
    if (std::string_view(id) == CAIRN_SCAN_ID) return &scan_table;
    if (std::string_view(id) == CAIRN_CLEAR_ID) return &clear_table;
    return nullptr;
  }

  // Another thread of the parent may have been in the middle of anything, with a lock held: what it
  // was working on is left where it is (and shared with the parent until it writes).
  void after_fork() override {
    (void)store_.release();  // NOLINT: on purpose
    memory::Arena::leave_behind();
    store_.reset(new Store(settings_, services_));
  }

 private:
  static memory::Settings read(const Options& given) {
    memory::Settings settings;
    settings.max_bytes = given.size("max_bytes");
    settings.max_entries = static_cast<std::uint64_t>(given.integer("max_entries"));
    settings.ttl_ns = given.duration("ttl").count();
    settings.shards = static_cast<unsigned>(given.integer("shards"));
    settings.make_policy = maker(given.text("policy"));
    return settings;
  }
  static PolicyMaker maker(const std::string& policy) {
    if (policy == "lru") {
      return [](const Tuning&, const Hasher& h) { return std::make_unique<memory::Lru>(h); };
    }
    if (policy == "s3-fifo") {
      return [](const Tuning&, const Hasher& h) { return std::make_unique<memory::S3Fifo>(h); };
    }
    return
        [](const Tuning& t, const Hasher& h) { return std::make_unique<memory::WTinyLfu>(t, h); };
  }

  // Calls `work(shard, members)` once for each shard that any of the keys belongs to, with the
  // numbers of those keys in their order.
  template <class Work>
  void by_shard(const std::vector<Hash>& hashes, Work work) {
    const auto shard_of = [&](std::size_t i) { return store_->shard_number(hashes[i]); };
    std::vector<std::size_t> order(hashes.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(),
                     [&](std::size_t a, std::size_t b) { return shard_of(a) < shard_of(b); });
    for (std::size_t from = 0, to = 0; from < order.size(); from = to) {
      const std::size_t number = shard_of(order[from]);
      while (to < order.size() && shard_of(order[to]) == number) ++to;
      work(number, std::span(order).subspan(from, to - from));
    }
  }

  static cairn_status scan(void* self, cairn_call* call, std::uint64_t* cursor, std::size_t limit,
                           cairn_scan_visit visit, void* user) noexcept {
    return detail::guard(call, name, [&]() -> cairn_status {
      static_cast<Memory*>(self)->store_->scan(*cursor, limit,
                                               [&](std::string_view key, const cairn_entry& entry) {
                                                 visit(user, {key.data(), key.size()}, &entry);
                                               });
      return CAIRN_OK;
    });
  }
  static cairn_status clear(void* self, cairn_call* call) noexcept {
    return detail::guard(call, name, [&]() -> cairn_status {
      static_cast<Memory*>(self)->store_->clear();
      return CAIRN_OK;
    });
  }
  static constexpr cairn_scan scan_table{sizeof(cairn_scan), 0, &scan};
  static constexpr cairn_clear clear_table{sizeof(cairn_clear), 0, &clear};

  const memory::Settings settings_;
  const std::string policy_;
  const Services services_;
  Store::Owner store_;
};

}  // namespace

CAIRN_PLUGIN("org.cairn.memory", "0.1.0", Memory);
