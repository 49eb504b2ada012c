// As much of SQLite as the recipe needs: a connection that runs statements with whole numbers in
// them. Errors: std::runtime_error with SQLite's own words. Threads: one at a time.
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>

class Database {
 public:
  explicit Database(const std::string& file) {
    const int status = sqlite3_open(file.c_str(), &connection_);
    if (status != SQLITE_OK) {
      const std::string why = sqlite3_errmsg(connection_);
      sqlite3_close(connection_);
      throw std::runtime_error(why);
    }
    sqlite3_busy_timeout(connection_, 10'000);
    run("PRAGMA journal_mode = WAL");  // readers and the writer do not wait for each other
    run("PRAGMA synchronous = NORMAL");
  }
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;
  ~Database() { sqlite3_close(connection_); }

  template <class... Numbers>
  void run(const char* sql, Numbers... values) {
    step(*prepared(sql, values...));
  }
  /// False: it failed.
  bool try_run(const char* sql) noexcept {
    return sqlite3_exec(connection_, sql, nullptr, nullptr, nullptr) == SQLITE_OK;
  }
  /// The first column of the first row.
  template <class... Numbers>
  std::int64_t number(const char* sql, Numbers... values) {
    const Statement statement = prepared(sql, values...);
    if (!step(*statement)) throw std::runtime_error("no row");
    return sqlite3_column_int64(statement.get(), 0);
  }

 private:
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const noexcept { sqlite3_finalize(statement); }
  };
  using Statement = std::unique_ptr<sqlite3_stmt, Finalize>;

  template <class... Numbers>
  Statement prepared(const char* sql, Numbers... values) {
    sqlite3_stmt* statement = nullptr;
    check(sqlite3_prepare_v2(connection_, sql, -1, &statement, nullptr));
    Statement owned(statement);
    [[maybe_unused]] int place = 0;
    (check(sqlite3_bind_int64(statement, ++place, values)), ...);
    return owned;
  }
  bool step(sqlite3_stmt& statement) {
    const int status = sqlite3_step(&statement);
    if (status != SQLITE_ROW && status != SQLITE_DONE) check(status);
    return status == SQLITE_ROW;
  }
  void check(int status) {
    if (status != SQLITE_OK) throw std::runtime_error(sqlite3_errmsg(connection_));
  }

  sqlite3* connection_ = nullptr;
};
