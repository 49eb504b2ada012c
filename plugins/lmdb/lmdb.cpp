// lmdb: entries in a file that lasts, shared by the processes of one machine.
//
// Reads wait for nobody; writes are committed in groups; creation locks are freed when their holder
// dies. See docs/reference/plugins/lmdb.md.

#include "store.hpp"

#include <cairn/extensions/scan.h>
#include <cairn/plugin.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <vector>

namespace {

using namespace cairn;
namespace lmdb = cairn::lmdb;
using lmdb::Change;
using lmdb::Environment;
using lmdb::Settings;
using lmdb::Store;
using lmdb::Sync;
using lmdb::WriteCounters;

Sync to_sync(const std::string& text) {
  return text == "none" ? Sync::none : text == "meta" ? Sync::meta : Sync::full;
}

unsigned to_permissions(const std::string& text) {
  unsigned bits = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), bits, 8);
  if (error != std::errc() || end != text.data() + text.size() || bits > 0777) {
    throw Error(Errc::config,
                "`permissions` is \"" + text + "\": expected three octal digits, like \"0600\"");
  }
  return bits | 0600;  // the owner always can
}

class Lmdb final : public Backend {
 public:
  static constexpr auto name = "lmdb";
  static constexpr auto help =
      "Keeps entries in a file that lasts, shared by the processes of one machine.";
  static constexpr auto accepts = Kinds::bytes;
  static constexpr std::array options{
      Option("path", "path").required().help("The folder of the files; made if it is not there."),
      Option("max_bytes", "size")
          .defaults_to("1GiB")
          .range("1MiB", nullptr)
          .help("How large the file may become; then what has expired goes, and then what is "
                "oldest."),
      Option("ttl", "duration")
          .defaults_to("0")
          .help("How long an entry is kept unless the caller says; 0: until there is no room."),
      Option("sync", "enum:none|meta|full")
          .defaults_to("none")
          .help("What a crash of the machine may cost: everything, the last write, or nothing."),
      Option("max_readers", "int")
          .defaults_to("1024")
          .range("1", "65536")
          .help("How many reads may be under way at once, in all processes together."),
      Option("permissions", "text")
          .defaults_to("0600")
          .help("Of files that are made, in octal, less the umask."),
      Option("when_damaged", "enum:error|start_empty")
          .defaults_to("error")
          .help("What to do with a file that was damaged or cut off."),
      Option("timeout", "duration")
          .defaults_to("2s")
          .range("1ms", nullptr)
          .help("How long to wait for a writer in another process."),
  };

  static void check_options(const Options& options) { to_permissions(options.text("permissions")); }
  explicit Lmdb(const Context& context)
      : services_(context.services()),
        ttl_(context.options().duration("ttl")),
        settings_{
            .folder = context.options().text("path"),
            .max_bytes = context.options().size("max_bytes"),
            .sync = to_sync(context.options().text("sync")),
            .max_readers = static_cast<unsigned>(context.options().integer("max_readers")),
            .permissions = to_permissions(context.options().text("permissions")),
            .start_empty_when_damaged = context.options().text("when_damaged") == "start_empty",
            .timeout = context.options().duration("timeout"),
        },
        store_(Store::open(settings_, services_)) {}

  ~Lmdb() override { Store::release(store_); }

  OptionalEntry get(Key key, Call) override { return store().get(key); }

  void set(Key key, const Entry& entry, const SetOptions& how, Call call) override {
    Change change = put(key, entry, how);
    store().apply({&change, 1}, deadline(call));
  }

  bool remove(Key key, Call call) override {
    Change change{.key = key};
    store().apply({&change, 1}, deadline(call));
    return change.was_there;
  }

  void get_multi(Keys keys, Results results, Call) override { store().get_multi(keys, results); }

  void set_multi(Keys keys, std::span<const Entry> entries, const SetOptions& how,
                 Statuses statuses, Call call) override {
    std::vector<Change> changes;
    changes.reserve(keys.size());
    for (std::size_t i = 0; i < keys.size(); ++i) {
      try {
        changes.push_back(put(keys[i], entries[i], how));
      } catch (const Error& error) {
        statuses.fail(i, error.code());
      }
    }
    store().apply(changes, deadline(call));
  }

  void remove_multi(Keys keys, Statuses statuses, Call call) override {
    std::vector<Change> changes;
    changes.reserve(keys.size());
    for (const Key key : keys) changes.push_back({.key = key});
    store().apply(changes, deadline(call));
    for (std::size_t i = 0; i < keys.size(); ++i) {
      if (changes[i].was_there) statuses.done(i);
    }
  }

  std::optional<Token> lock(Key key, Nanoseconds lease, Call) override {
    return store().locks().lock(key, lease, now_ns());
  }
  bool renew(Key key, Token token, Nanoseconds lease, Call) override {
    return store().locks().renew(key, token, lease, now_ns());
  }
  bool unlock(Key key, Token token, Call) override {
    return store().locks().unlock(key, token, now_ns());
  }
  bool await_unlock(Key key, Nanoseconds wait, Call call) override {
    constexpr Nanoseconds longest = std::chrono::hours(24 * 365);  // the clock holds no more
    return store().locks().await_unlock(
        key, lmdb::Writer::Clock::now() + call.remaining(std::min(wait, longest)),
        [this] { return now_ns(); });
  }

  Document stats(Call) override {
    MDB_envinfo info{};
    std::size_t entries = 0, used = 0;
    mdb_env_info(store().environment().raw(), &info);
    {
      const Environment::Reading reading(store().environment());
      used = store().environment().used_bytes(reading.txn());
      entries = store().environment().entry_count(reading.txn());
    }
    const Environment::Reads reads = store().environment().reads();
    const WriteCounters& writes = store().writer().counters();
    return Document::build([&](Writer out) {
      auto map = out.map(11);
      map.key("entries").unsigned_integer(entries);
      map.key("used_bytes").unsigned_integer(used);
      map.key("max_bytes").unsigned_integer(settings_.max_bytes);
      map.key("hits").unsigned_integer(reads.hits);
      map.key("misses").unsigned_integer(reads.misses);
      map.key("changes").unsigned_integer(writes.changes.load());
      map.key("commits").unsigned_integer(writes.commits.load());
      map.key("expired").unsigned_integer(writes.expired.load());
      map.key("evicted").unsigned_integer(writes.evicted.load());
      map.key("dead_readers").unsigned_integer(writes.dead_readers.load());
      map.key("readers").unsigned_integer(info.me_numreaders);
    });
  }

  const void* extension(const char* id) override {
    return std::string_view(id) == CAIRN_SCAN_ID ? &scan_table : nullptr;
  }

  void after_fork() override {
    Store::release(store_);  // abandons what is the parent's
    store_ = Store::open(settings_, services_);
  }

 private:
  Store& store() const {
    if (store_ == nullptr) {
      throw Error(Errc::unavailable, settings_.folder + " could not be opened again after a fork");
    }
    return *store_;
  }
  std::int64_t now_ns() const noexcept { return services_.now().time_since_epoch().count(); }
  lmdb::Writer::Clock::time_point deadline(Call call) const {
    return lmdb::Writer::Clock::now() + call.remaining(settings_.timeout);
  }
  Change put(Key key, const Entry& entry, const SetOptions& how) const {
    if (entry.size() + key.size() > store().writer().largest_record()) {
      throw Error(Errc::rejected,
                  "a value of " + std::to_string(entry.size()) +
                      " bytes is too large: an eighth of `max_bytes` is the most (" +
                      std::to_string(store().writer().largest_record()) + " bytes)");
    }
    const Nanoseconds ttl = how.ttl.count() != 0 ? how.ttl : ttl_;
    const std::int64_t now = ttl.count() != 0 ? now_ns() : 0;
    const bool endless = ttl.count() == 0 || ttl.count() > INT64_MAX - now;
    return {.key = key, .payload = &entry, .expires_ns = endless ? 0 : now + ttl.count()};
  }
  static cairn_status scan(void* self, cairn_call* call, std::uint64_t* cursor, std::size_t limit,
                           cairn_scan_visit visit, void* user) noexcept {
    return detail::guard(call, name, [&]() -> cairn_status {
      const auto& lmdb = *static_cast<const Lmdb*>(self);
      for (const Store::Found& found : lmdb.store().scan(*cursor, limit)) {
        visit(user, {found.key.data(), found.key.size()}, &found.entry.raw());
      }
      return CAIRN_OK;
    });
  }
  static constexpr cairn_scan scan_table{sizeof(cairn_scan), 0, &scan};

  const Services services_;
  const Nanoseconds ttl_;
  const Settings settings_;
  std::shared_ptr<Store> store_;
};

}  // namespace

CAIRN_PLUGIN("org.cairn.lmdb", "0.1.0", Lmdb);
