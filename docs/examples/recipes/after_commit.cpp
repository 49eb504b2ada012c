// Updating the cache after a database commit: the new value is fetched by another thread, on
// another connection, once the writer's transaction is committed. Readers go on with the old value
// meanwhile.
#include "sqlite.hpp"

#include <cairn/cairn.hpp>

#include <atomic>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <filesystem>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace {

// [transaction]
/// Commits when told to, else rolls back. Runs its callbacks when the commit has succeeded, and
/// only then.
class Transaction {
 public:
  explicit Transaction(Database& database) : database_(database) {
    database_.run("BEGIN IMMEDIATE");
  }
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  ~Transaction() {
    if (!committed_) database_.try_run("ROLLBACK");
  }

  void after_commit(std::function<void()> callback) { callbacks_.push_back(std::move(callback)); }
  void commit() {
    database_.run("COMMIT");
    committed_ = true;
    for (const auto& callback : callbacks_) callback();
  }

 private:
  Database& database_;
  std::vector<std::function<void()>> callbacks_;
  bool committed_ = false;
};
// [/transaction]

// [refresher]
/// One thread that does what it is given, in that order: of two refreshes of one key, the one for
/// the later commit comes last.
class Refresher {
 public:
  ~Refresher() {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    changed_.notify_one();
    thread_.join();
  }
  void post(std::function<void()> job) {
    {
      const std::lock_guard lock(mutex_);
      jobs_.push_back(std::move(job));
    }
    changed_.notify_one();
  }

 private:
  void run() {
    std::unique_lock lock(mutex_);
    for (;;) {
      changed_.wait(lock, [this] { return stopping_ || !jobs_.empty(); });
      if (jobs_.empty()) return;
      const auto job = std::move(jobs_.front());
      jobs_.pop_front();
      lock.unlock();
      try {
        job();
      } catch (const std::exception& error) {  // the old value stays until the next refresh
        std::fprintf(stderr, "not refreshed: %s\n", error.what());
      }
      lock.lock();
    }
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> jobs_;
  bool stopping_ = false;
  std::thread thread_{[this] { run(); }};
};
// [/refresher]

struct TemporaryFolder {
  std::string path = "/tmp/cairn-recipe-XXXXXX";
  TemporaryFolder() {
    if (mkdtemp(path.data()) == nullptr) std::abort();
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
  }
};

}  // namespace

int main() {
  const TemporaryFolder folder;
  const std::string file = folder.path + "/shop.db";
  Database writer(file);
  writer.run("CREATE TABLE stock (article INTEGER PRIMARY KEY, pieces INTEGER)");
  writer.run("INSERT INTO stock VALUES (7, 0)");

  cairn::Host host(cairn::Config::from_text(R"(
    [region.stock]
    backend = "memory"
  )"));

  // [function]
  const auto query = [&file](int article) {
    thread_local Database connection(file);  // each thread has its own
    return connection.number("SELECT pieces FROM stock WHERE article = ?", article);
  };
  std::atomic<std::thread::id> last_query_by;
  auto pieces_of = host.region("stock").cached("pieces", [&](int article) {
    last_query_by = std::this_thread::get_id();
    return query(article);
  });
  pieces_of.refresh(7);  // so that no reader ever finds nothing
  // [/function]

  std::atomic<int> refreshed = 0;  // the last commit whose refresh is done
  std::atomic<bool> done = false;
  std::atomic<int> reads = 0, too_old = 0, never_committed = 0;
  std::vector<std::jthread> readers;
  for (int i = 0; i < 3; ++i) {
    readers.emplace_back([&] {
      while (!done) {
        const int at_least = refreshed;
        const std::int64_t pieces = pieces_of(7);
        if (pieces < at_least) ++too_old;
        if (pieces < 0) ++never_committed;
        ++reads;
      }
    });
  }

  {
    Refresher refresher;
    // [write]
    const auto add_new_data = [&](int article, int pieces, bool keep) {
      Transaction transaction(writer);
      writer.run("UPDATE stock SET pieces = ? WHERE article = ?", pieces, article);
      transaction.after_commit([&, article, pieces] {
        refresher.post([&, article, pieces] {
          pieces_of.refresh(article);
          refreshed = pieces;
        });
      });
      if (keep) transaction.commit();
    };
    // [/write]
    for (int pieces = 1; pieces <= 200; ++pieces) {
      add_new_data(7, -pieces, false);  // thought better of
      add_new_data(7, pieces, true);
    }
  }  // every refresh is done
  while (reads < 1000) std::this_thread::yield();
  done = true;
  readers.clear();

  const cairn::RegionStatistics statistics = host.region("stock").statistics();
  std::printf("in the database %lld, in the cache %lld\n", static_cast<long long>(query(7)),
              static_cast<long long>(pieces_of(7)));
  std::printf("fetched by the thread that writes: %s\n",
              last_query_by.load() == std::this_thread::get_id() ? "yes" : "no");
  std::printf("readers waited %llu times and fetched %llu times\n",
              static_cast<unsigned long long>(statistics.waits),
              static_cast<unsigned long long>(statistics.creations));
  std::printf("they saw %d values older than the last refresh, %d that were rolled back\n",
              too_old.load(), never_committed.load());
}
