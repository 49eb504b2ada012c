// The memcached and lmdb plugins beside the bare libraries under them, and dogpile.cache beside
// both.
//
// What is compared runs in turns in one process, and the median of the rounds' ratios counts: the
// machine may be busy with other things. CAIRN_PLUGIN_DIR says where the plugins are.
#include "../../plugins/lmdb/temporary_folder.hpp"
#include "../../plugins/memcached/memcached_under_test.hpp"

#include <lmdb.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <functional>
#include <thread>

using namespace cairn;
using Clock = std::chrono::steady_clock;

namespace {

using Body = std::function<void(int times)>;

double microseconds(const Body& body, int times) {
  const auto before = Clock::now();
  body(times);
  return std::chrono::duration<double, std::micro>(Clock::now() - before).count() / times;
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

void bench_memcached() {
  PrivateMemcached server({}, PrivateMemcached::On::unix_socket);
  ComponentUnderTest plugin("memcached", {{"servers", "unix:" + server.unix_socket()}});
  Bare bare(server.unix_socket());
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
  std::printf("dogpile.cache pylibmc: ");
  std::fflush(stdout);
  check(std::system(
            ("/usr/bin/python3 " CAIRN_BENCH_PEER " pylibmc " + server.unix_socket()).c_str()) == 0,
        "peer.py");
}

// LMDB as one would use it by hand, in a folder of its own.
class BareLmdb {
 public:
  explicit BareLmdb(const std::string& folder) {
    std::filesystem::create_directories(folder);
    mdb_env_create(&env_);
    mdb_env_set_mapsize(env_, 1u << 30);
    mdb_env_set_maxreaders(env_, 1024);
    check(mdb_env_open(env_, folder.c_str(), MDB_NOTLS | MDB_NOSYNC, 0600) == 0, "mdb_env_open");
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
  compare("lmdb set, 8 threads", 8000,
          on_threads(8,
                     [&](int t, int n) {
                       while (n-- > 0) plugin->set(name(n * 8 + t), entry, {}, Call());
                     }),
          "bare, one transaction each, 8 thr.", on_threads(8, [&](int t, int n) {
            while (n-- > 0) bare.put(name(n * 8 + t), value);
          }));
  const Document stats = plugin->stats(Call());
  std::printf("   (%.1f changes per commit, by all the above)\n",
              static_cast<double>(stats.root()["changes"].int_value()) /
                  static_cast<double>(stats.root()["commits"].int_value()));
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
  std::printf("dogpile.cache dbm: ");
  std::fflush(stdout);
  check(std::system(
            ("/usr/bin/python3 " CAIRN_BENCH_PEER " dbm " + folder.path("peer.dbm")).c_str()) == 0,
        "peer.py");
}

}  // namespace

int main() {
  bench_memcached();
  bench_lmdb();
}
