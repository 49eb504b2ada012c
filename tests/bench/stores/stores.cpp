// The memcached and lmdb plugins beside the bare libraries under them, and dogpile.cache beside
// both.
//
// What is compared runs in turns in one process, and the median of the rounds' ratios counts: the
// machine may be busy with other things. CAIRN_PLUGIN_DIR says where the plugins are.
#include "../../plugins/lmdb/temporary_folder.hpp"
#include "../../plugins/memcached/memcached_under_test.hpp"
#include "stampede.hpp"

#include <lmdb.h>
#include <sched.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <functional>
#include <thread>

using namespace cairn;
using SteadyClock = std::chrono::steady_clock;

namespace {

using Body = std::function<void(int times)>;

double microseconds(const Body& body, int times) {
  const auto before = SteadyClock::now();
  body(times);
  return std::chrono::duration<double, std::micro>(SteadyClock::now() - before).count() / times;
}

double median(std::vector<double> numbers) {
  std::nth_element(numbers.begin(),
                   numbers.begin() + static_cast<std::ptrdiff_t>(numbers.size() / 2),
                   numbers.end());
  return numbers[numbers.size() / 2];
}

void compare(const char* what, int times, const Body& ours, const char* other, const Body& theirs) {
  std::vector<double> a, b, ratios;
  ours(times / 10 + 1);
  theirs(times / 10 + 1);
  for (int round = 0; round < 15; ++round) {
    const bool first = round % 2 == 0;
    const double x = first ? microseconds(ours, times) : 0;
    const double y = microseconds(theirs, times);
    a.push_back(first ? x : microseconds(ours, times));
    b.push_back(y);
    ratios.push_back(a.back() / b.back());
  }
  std::printf("%-34s %9.2f us   %-30s %9.2f us   ratio %.2f\n", what, median(a), other, median(b),
              median(ratios));
  std::fflush(stdout);
}

// This thread, and the processes that it starts, on one processor. A client and a server that sleep
// in turns on two pay for waking each other, more or less by chance; here only work counts.
class OnOneProcessor {
 public:
  OnOneProcessor() {
    sched_getaffinity(0, sizeof before_, &before_);
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(sched_getcpu(), &one);
    sched_setaffinity(0, sizeof one, &one);
  }
  OnOneProcessor(const OnOneProcessor&) = delete;
  OnOneProcessor& operator=(const OnOneProcessor&) = delete;
  ~OnOneProcessor() { sched_setaffinity(0, sizeof before_, &before_); }

 private:
  cpu_set_t before_;
};

// `body(thread, times)` on some threads at once; the time of all.
Body on_threads(int count, const std::function<void(int, int)>& body) {
  return [=](int times) {
    std::vector<std::thread> threads;
    for (int t = 0; t < count; ++t) threads.emplace_back(body, t, times / count);
    for (auto& thread : threads) thread.join();
  };
}

void check(bool good, const char* what) {
  if (good) return;
  std::fprintf(stderr, "%s failed\n", what);
  std::exit(1);
}

std::string key_of(int i) {
  return std::string("key:").append(std::to_string(i));
}

struct Bare {
  memcached_st* client = memcached_create(nullptr);
  explicit Bare(const std::string& socket) {
    memcached_server_add_unix_socket(client, socket.c_str());
  }
  Bare(const Bare&) = delete;
  Bare& operator=(const Bare&) = delete;
  ~Bare() { memcached_free(client); }
  void get(const std::string& key) const {
    std::size_t size = 0;
    std::uint32_t flags = 0;
    memcached_return_t code;
    char* value = memcached_get(client, key.data(), key.size(), &size, &flags, &code);
    check(value != nullptr, "memcached_get");
    free(value);
  }
};

void bench_memcached(const char* protocol) {
  const OnOneProcessor pinned;
  std::printf("memcached, %s, one thread on the server's processor:\n", protocol);
  PrivateMemcached server({}, PrivateMemcached::On::unix_socket);
  ComponentUnderTest plugin("memcached",
                            {{"servers", "unix:" + server.unix_socket()}, {"protocol", protocol}});
  Bare bare(server.unix_socket());
  if (std::string_view(protocol) == "binary") {
    memcached_behavior_set(bare.client, MEMCACHED_BEHAVIOR_BINARY_PROTOCOL, 1);
  }
  const std::string value(100, 'v');
  std::vector<std::string> names;
  std::vector<Entry> entries;
  for (int i = 0; i < 100; ++i) {
    names.push_back(key_of(i));
    entries.push_back(Entry::borrow(value));
    plugin->set(names.back(), entries.back(), {}, Call());
  }
  const std::vector<Key> keys(names.begin(), names.end());

  compare(
      "memcached get", 2000,
      [&](int n) {
        while (n-- > 0) check(plugin->get("key:1", Call()).has_value(), "get");
      },
      "libmemcached get",
      [&](int n) {
        while (n-- > 0) bare.get("key:1");
      });
  compare(
      "memcached set", 2000,
      [&](int n) {
        while (n-- > 0) plugin->set("key:1", entries[0], {}, Call());
      },
      "libmemcached set",
      [&](int n) {
        while (n-- > 0) {
          check(memcached_set(bare.client, "key:1", 5, value.data(), value.size(), 0, 0) ==
                    MEMCACHED_SUCCESS,
                "memcached_set");
        }
      });
  const Body bare_mget = [&](int n) {
    std::vector<const char*> starts;
    std::vector<std::size_t> sizes;
    for (const std::string& name : names) {
      starts.push_back(name.data());
      sizes.push_back(name.size());
    }
    while (n-- > 0) {
      memcached_mget(bare.client, starts.data(), sizes.data(), starts.size());
      memcached_return_t code;
      int found = 0;
      while (memcached_result_st* result = memcached_fetch_result(bare.client, nullptr, &code)) {
        ++found;
        memcached_result_free(result);
      }
      check(found == 100, "memcached_mget");
    }
  };
  compare(
      "memcached get_multi(100)", 200,
      [&](int n) {
        std::vector<Entry> found(100);
        std::vector<cairn_status> statuses(100);
        while (n-- > 0) {
          std::fill(statuses.begin(), statuses.end(), CAIRN_MISS);
          plugin->get_multi(keys, Results(found.data(), statuses.data(), 100), Call());
          check(statuses[99] == CAIRN_OK, "get_multi");
        }
      },
      "libmemcached mget(100)", bare_mget);
  compare(
      "memcached set_multi(100)", 100,
      [&](int n) {
        std::vector<cairn_status> statuses(100);
        while (n-- > 0)
          plugin->set_multi(keys, entries, {}, Statuses(statuses.data(), 100), Call());
      },
      "libmemcached set, 100 times",
      [&](int n) {
        while (n-- > 0) {
          for (const std::string& name : names) {
            memcached_set(bare.client, name.data(), name.size(), value.data(), value.size(), 0, 0);
          }
        }
      });
  std::printf("dogpile.cache pylibmc: ");
  std::fflush(stdout);
  check(std::system(
            ("/usr/bin/python3 " CAIRN_BENCH_PEER " pylibmc " + server.unix_socket()).c_str()) == 0,
        "peer.py");
}

void bench_memcached_threads() {
  std::printf("memcached, threads on all processors:\n");
  PrivateMemcached server({}, PrivateMemcached::On::unix_socket);
  ComponentUnderTest plugin("memcached", {{"servers", "unix:" + server.unix_socket()}});
  plugin->set("key:1", Entry::borrow(std::string(100, 'v')), {}, Call());
  std::deque<Bare> clients;
  for (int i = 0; i < 16; ++i) clients.emplace_back(server.unix_socket());
  compare("memcached get, 16 threads", 16'000,
          on_threads(16,
                     [&](int, int n) {
                       while (n-- > 0) plugin->get("key:1", Call());
                     }),
          "libmemcached, client per thread", on_threads(16, [&](int t, int n) {
            while (n-- > 0) clients[static_cast<std::size_t>(t)].get("key:1");
          }));
}

// LMDB as one would use it by hand, in a folder of its own.
class BareLmdb {
 public:
  explicit BareLmdb(const std::string& folder, unsigned sync = MDB_NOSYNC) {
    std::filesystem::create_directories(folder);
    mdb_env_create(&env_);
    mdb_env_set_mapsize(env_, 1u << 30);
    mdb_env_set_maxreaders(env_, 1024);
    check(mdb_env_open(env_, folder.c_str(), MDB_NOTLS | sync, 0600) == 0, "mdb_env_open");
    MDB_txn* txn = nullptr;
    mdb_txn_begin(env_, nullptr, 0, &txn);
    mdb_dbi_open(txn, nullptr, 0, &dbi_);
    mdb_txn_commit(txn);
  }
  BareLmdb(const BareLmdb&) = delete;
  BareLmdb& operator=(const BareLmdb&) = delete;
  ~BareLmdb() {
    if (reader_ != nullptr) mdb_txn_abort(reader_);
    mdb_env_close(env_);
  }
  void put(std::string key, std::string_view value) {
    MDB_txn* txn = nullptr;
    mdb_txn_begin(env_, nullptr, 0, &txn);
    MDB_val k{key.size(), key.data()}, v{value.size(), const_cast<char*>(value.data())};
    check(mdb_put(txn, dbi_, &k, &v, 0) == 0 && mdb_txn_commit(txn) == 0, "mdb_put");
  }
  // `use(value)` while the transaction lasts.
  template <class Use>
  void get(std::string_view key, Use&& use) {
    if (reader_ == nullptr) {
      mdb_txn_begin(env_, nullptr, MDB_RDONLY, &reader_);
    } else {
      mdb_txn_renew(reader_);
    }
    MDB_val k{key.size(), const_cast<char*>(key.data())}, v;
    check(mdb_get(reader_, dbi_, &k, &v) == 0, "mdb_get");
    use(std::string_view(static_cast<const char*>(v.mv_data), v.mv_size));
    mdb_txn_reset(reader_);
  }
  // An entry that keeps a transaction of its own open.
  void get_pinned(std::string_view key) {
    MDB_txn* txn = nullptr;
    check(mdb_txn_begin(env_, nullptr, MDB_RDONLY, &txn) == 0, "mdb_txn_begin");
    MDB_val k{key.size(), const_cast<char*>(key.data())}, v;
    check(mdb_get(txn, dbi_, &k, &v) == 0, "mdb_get");
    struct Pin : cairn_owner {
      MDB_txn* txn;
    };
    auto* pin = new Pin{{1,
                         [](cairn_owner* self) noexcept {
                           mdb_txn_abort(static_cast<Pin*>(self)->txn);
                           delete static_cast<Pin*>(self);
                         }},
                        txn};
    const Entry entry = Entry::part_of({static_cast<const char*>(v.mv_data), v.mv_size}, pin);
  }

 private:
  MDB_env* env_ = nullptr;
  MDB_dbi dbi_ = 0;
  MDB_txn* reader_ = nullptr;
};

void bench_lmdb() {
  TemporaryFolder folder;
  ComponentUnderTest plugin("lmdb", {{"path", folder.path("plugin")}});
  BareLmdb bare(folder.path("bare"));
  constexpr int count = 10'000;
  const std::string value(100, 'v');
  const Entry entry = Entry::borrow(value);
  for (int i = 0; i < count; ++i) {
    plugin->set(key_of(i), entry, {}, Call());
    bare.put(key_of(i), value);
  }
  std::vector<std::string> names;
  for (int i = 0; i < count; ++i) names.push_back(key_of(i * 7919 % count));
  const auto name = [&](int i) -> const std::string& {
    return names[static_cast<std::size_t>(i % count)];
  };

  compare(
      "lmdb get, 100 bytes", 100'000,
      [&](int n) {
        while (n-- > 0) check(plugin->get(name(n), Call()).has_value(), "get");
      },
      "bare, in place",
      [&](int n) {
        while (n-- > 0) bare.get(name(n), [](std::string_view v) { check(v[0] == 'v', "value"); });
      });
  compare(
      "lmdb get, 100 bytes", 100'000,
      [&](int n) {
        while (n-- > 0) check(plugin->get(name(n), Call()).has_value(), "get");
      },
      "bare, with one copy",
      [&](int n) {
        while (n-- > 0) bare.get(name(n), [](std::string_view v) { (void)Entry::copy(v); });
      });
  for (const int size : {100, 4096, 65536, 1 << 20}) {
    const std::string large(static_cast<std::size_t>(size), 'v');
    bare.put("large", large);
    const std::string what = "bare, one copy, " + std::to_string(size) + " bytes";
    compare(
        what.c_str(), size > 65536 ? 500 : 20'000,
        [&](int n) {
          while (n-- > 0) bare.get("large", [](std::string_view v) { (void)Entry::copy(v); });
        },
        "bare, pinned transaction",
        [&](int n) {
          while (n-- > 0) bare.get_pinned("large");
        });
  }
  compare(
      "lmdb set", 2000,
      [&](int n) {
        while (n-- > 0) plugin->set(name(n), entry, {}, Call());
      },
      "bare, one transaction each",
      [&](int n) {
        while (n-- > 0) bare.put(name(n), value);
      });
  std::vector<Key> keys(names.begin(), names.begin() + 100);
  std::vector<Entry> entries(100, entry);
  compare(
      "lmdb set_multi(100)", 100,
      [&](int n) {
        std::vector<cairn_status> statuses(100);
        while (n-- > 0)
          plugin->set_multi(keys, entries, {}, Statuses(statuses.data(), 100), Call());
      },
      "bare, 100 transactions",
      [&](int n) {
        while (n-- > 0) {
          for (int i = 0; i < 100; ++i) bare.put(name(i), value);
        }
      });
  compare(
      "lmdb set_multi(100)", 100,
      [&](int n) {
        std::vector<cairn_status> statuses(100);
        while (n-- > 0)
          plugin->set_multi(keys, entries, {}, Statuses(statuses.data(), 100), Call());
      },
      "lmdb set, 100 times",
      [&](int n) {
        while (n-- > 0) {
          for (int i = 0; i < 100; ++i) plugin->set(name(i), entry, {}, Call());
        }
      });
  std::printf("dogpile.cache dbm: ");
  std::fflush(stdout);
  check(std::system(
            ("/usr/bin/python3 " CAIRN_BENCH_PEER " dbm " + folder.path("peer.dbm")).c_str()) == 0,
        "peer.py");
}

// What writers on several threads gain by sharing transactions.
void bench_lmdb_groups(const char* sync, unsigned bare_sync, int times) {
  TemporaryFolder folder;
  ComponentUnderTest plugin("lmdb", {{"path", folder.path("plugin")}, {"sync", sync}});
  BareLmdb bare(folder.path("bare"), bare_sync);
  const std::string value(100, 'v');
  const Entry entry = Entry::borrow(value);
  for (const int threads : {2, 8, 32}) {
    const auto changes = [&](const char* what) {
      return static_cast<double>(plugin->stats(Call()).root()[what].int_value());
    };
    const double changes_before = changes("changes"), commits_before = changes("commits");
    const std::string what = "lmdb set, " + std::to_string(threads) + " threads, sync = " + sync;
    compare(what.c_str(), times,
            on_threads(threads,
                       [&](int t, int n) {
                         while (n-- > 0) plugin->set(key_of(n * 32 + t), entry, {}, Call());
                       }),
            "bare, one transaction each", on_threads(threads, [&](int t, int n) {
              while (n-- > 0) bare.put(key_of(n * 32 + t), value);
            }));
    std::printf("   (%.1f changes per commit)\n",
                (changes("changes") - changes_before) / (changes("commits") - commits_before));
  }
}

// Eight processes miss one value at once; its creation takes 60 ms.
void bench_stampede(const char* what, const std::function<std::string(int round)>& backend) {
  std::vector<double> late;
  int creators = 0;
  for (int round = 0; round < 11; ++round) {
    const Stampede stampede = Stampede::of(8, backend(round));
    check(stampede.right == 8, "stampede");
    creators = std::max(creators, stampede.creators);
    late.push_back(stampede.last_waiter_ms);
  }
  std::printf("%s: 8 processes, %d creator call; last waiter after %.2f ms (%.2f to %.2f)\n", what,
              creators, median(late), *std::min_element(late.begin(), late.end()),
              *std::max_element(late.begin(), late.end()));
  std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view only = argc > 1 ? argv[1] : "";  // memcached, lmdb, groups or stampede
  if (only.empty() || only == "memcached") {
    bench_memcached("ascii");
    bench_memcached("binary");
    bench_memcached_threads();
  }
  if (only.empty() || only == "lmdb") bench_lmdb();
  if (only.empty() || only == "groups") {
    bench_lmdb_groups("none", MDB_NOSYNC, 6400);
    bench_lmdb_groups("full", 0, 320);
  }
  if (only.empty() || only == "stampede") {
    std::deque<PrivateMemcached> servers;
    bench_stampede("memcached", [&](int) {
      const PrivateMemcached& server =
          servers.emplace_back(std::vector<std::string>{}, PrivateMemcached::On::unix_socket);
      return "plugin = \"memcached\"\nservers = [\"unix:" + server.unix_socket() + "\"]\n";
    });
    TemporaryFolder folder;
    bench_stampede("lmdb", [&](int round) {
      return "plugin = \"lmdb\"\npath = \"" + folder.path(std::to_string(round)) + "\"\n";
    });
  }
}
