// sqlite: entries in a SQLite file, so that they outlive the program. Not part of cairn's own tree.
//
// A batch of writes is one transaction. One connection, so one call at a time (`threads`); a call
// that finds the file locked by another process waits a second, or until its deadline.

#include <cairn/plugin.hpp>

#include <sqlite3.h>

namespace {

using namespace cairn;

[[noreturn]] void fail(sqlite3* db, int code) {
  throw Error(code == SQLITE_BUSY                                ? Errc::timeout
              : code == SQLITE_READONLY || code == SQLITE_TOOBIG ? Errc::rejected
                                                                 : Errc::unavailable,
              sqlite3_errmsg(db));
}

// A prepared statement, ready for the next use whatever happened to the last.
class Statement {
 public:
  Statement(sqlite3* db, const char* sql) : db_(db) {
    const int code = sqlite3_prepare_v2(db, sql, -1, &raw_, nullptr);
    if (code != SQLITE_OK) fail(db, code);
  }
  Statement(const Statement&) = delete;
  ~Statement() { sqlite3_finalize(raw_); }

  Statement& bind(int place, std::string_view bytes) {
    // A null pointer would be NULL, which is not the empty blob.
    sqlite3_bind_blob64(raw_, place, bytes.empty() ? "" : bytes.data(), bytes.size(),
                        SQLITE_STATIC);
    return *this;
  }
  Statement& bind(int place, std::int64_t number) {
    return sqlite3_bind_int64(raw_, place, number), *this;
  }

  template <class Row>
  bool run(Row row) {
    const int code = sqlite3_step(raw_);
    if (code == SQLITE_ROW) row(raw_);
    sqlite3_reset(raw_);
    sqlite3_clear_bindings(raw_);
    if (code != SQLITE_ROW && code != SQLITE_DONE) fail(db_, code);
    return code == SQLITE_ROW;
  }
  bool run() {
    return run([](sqlite3_stmt*) {});
  }

 private:
  sqlite3* const db_;
  sqlite3_stmt* raw_ = nullptr;
};

struct Database {
  explicit Database(const std::string& path) {
    const int code = sqlite3_open(path.c_str(), &raw);
    try {
      if (code != SQLITE_OK) fail(raw, code);
      execute("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;");
      execute("CREATE TABLE IF NOT EXISTS cairn (key BLOB PRIMARY KEY, value BLOB, ends INTEGER)");
    } catch (...) {
      sqlite3_close(raw);
      throw;
    }
  }
  ~Database() { sqlite3_close(raw); }
  void execute(const char* sql) {
    const int code = sqlite3_exec(raw, sql, nullptr, nullptr, nullptr);
    if (code != SQLITE_OK) fail(raw, code);
  }
  sqlite3* raw = nullptr;
};

class Sqlite final : public Backend {
 public:
  static constexpr auto name = "sqlite";
  static constexpr auto help = "Keeps entries in a SQLite file.";
  static constexpr auto accepts = Kinds::bytes;
  static constexpr auto threads = Threads::serial;
  static constexpr std::array options{
      Option("path", "path").required().help("The file; made if it is not there."),
  };

  explicit Sqlite(const Context& context)
      : services_(context.services()), db_(context.options().text("path")) {
    Statement(db_.raw, "DELETE FROM cairn WHERE ends <= ?").bind(1, now()).run();
  }

  OptionalEntry get(Key key, Call call) override {
    wait_for(call);
    OptionalEntry found;
    get_.bind(1, key.view()).bind(2, now()).run([&](sqlite3_stmt* row) {
      const auto* bytes = static_cast<const char*>(sqlite3_column_blob(row, 0));
      found = Entry::copy({bytes, static_cast<std::size_t>(sqlite3_column_bytes(row, 0))});
    });
    return found;
  }
  void set(Key key, const Entry& entry, const SetOptions& how, Call call) override {
    wait_for(call);
    const std::int64_t ttl = how.ttl.count(), at = now();
    const std::int64_t ends = ttl == 0 || ttl > INT64_MAX - at ? INT64_MAX : at + ttl;
    set_.bind(1, key.view()).bind(2, entry.bytes()).bind(3, ends).run();
  }
  bool remove(Key key, Call call) override {
    wait_for(call);
    return remove_.bind(1, key.view()).run();
  }

  void set_multi(Keys keys, std::span<const Entry> entries, const SetOptions& how,
                 Statuses statuses, Call call) override {
    in_transaction(call, [&] { Backend::set_multi(keys, entries, how, statuses, call); });
  }
  void remove_multi(Keys keys, Statuses statuses, Call call) override {
    in_transaction(call, [&] { Backend::remove_multi(keys, statuses, call); });
  }

 private:
  std::int64_t now() const { return services_.now().time_since_epoch().count(); }
  void wait_for(Call call) {
    const auto wait = call.remaining(std::chrono::seconds(1));
    sqlite3_busy_timeout(db_.raw, static_cast<int>(wait / std::chrono::milliseconds(1)));
  }
  template <class Work>
  void in_transaction(Call call, Work work) {
    wait_for(call);
    db_.execute("BEGIN IMMEDIATE");
    try {
      work();
      db_.execute("COMMIT");
    } catch (...) {
      sqlite3_exec(db_.raw, "ROLLBACK", nullptr, nullptr, nullptr);
      throw;
    }
  }

  const Services services_;
  Database db_;
  Statement get_{db_.raw, "SELECT value FROM cairn WHERE key = ? AND ends > ?"};
  Statement set_{db_.raw, "INSERT OR REPLACE INTO cairn VALUES (?, ?, ?)"};
  Statement remove_{db_.raw, "DELETE FROM cairn WHERE key = ? RETURNING 1"};
};

}  // namespace

CAIRN_PLUGIN("org.example.sqlite", "1.0.0", Sqlite);
