// Creations that do not go as they should: what throws on the way, comes too late, or is dropped.
#include "catch.hpp"
#include "meanwhile.hpp"
#include "region/failed_keys.hpp"
#include "region/region_core.hpp"
#include "test_host.hpp"

#include <cairn/plugin.hpp>
#include <cairn/testing/map_backend.hpp>

#include <atomic>
#include <future>
#include <map>
#include <thread>

using namespace cairn;
using namespace std::chrono_literals;

namespace {

struct LockingMap final : testing::MapBackend {
  static constexpr auto name = "locking-map";
  static constexpr auto help = "A map whose creation locks other processes can hold.";
};

// A region whose creation locks are in its store, which a test can reach as another process would.
class LockedRegion {
 public:
  explicit LockedRegion(const RegionPolicy& policy) {
    BackendConfig config;
    config.distributed_lock = true;
    const auto store = std::make_shared<const hosting::Store>(
        config, detail::ComponentOf<LockingMap>::value,
        Document::build([](Writer out) { out.map(0); }), services_.table());
    hosting::Setup setup;
    setup.stack = std::make_shared<const hosting::Stack>(store, std::vector<hosting::LayerPlan>(),
                                                         services_.table());
    setup.top = &setup.stack->table();
    setup.set_policy(policy);
    setup.invalidation = std::make_shared<LocalInvalidation>();
    setup.locks_in_store = true;
    setup.lease = 30s;
    table_ = setup.top;
    core_ = std::make_shared<hosting::RegionCore>("r", std::move(setup), services_, background_,
                                                  std::make_shared<hosting::LeaseKeeper>());
    region = std::make_unique<Region>(core_);
  }

  /// Takes the lock of `key` as another process does.
  std::uint64_t lock(std::string_view key) {
    cairn_call call{};
    call.size = sizeof call;
    std::uint64_t token = 0;
    REQUIRE(table_->lock.fn(table_->lock.self, &call, Key(key).raw(), 0, &token) == CAIRN_OK);
    return token;
  }
  void unlock(std::string_view key, std::uint64_t token) {
    cairn_call call{};
    call.size = sizeof call;
    REQUIRE(table_->unlock.fn(table_->unlock.self, &call, Key(key).raw(), token) == CAIRN_OK);
  }

 private:
  hosting::HostServices& services_ = hosting::HostServices::make(
      std::make_shared<SystemClock>(), [](auto...) {}, LogLevel::error);
  hosting::Background background_{1, 10, true};
  std::shared_ptr<hosting::RegionCore> core_;
  const cairn_next* table_ = nullptr;

 public:
  std::unique_ptr<Region> region;
};

struct Picky {
  int value = 0;
};
void to_document(const Picky& picky, Writer out) {
  out.integer(picky.value);
}
void from_document(Node node, Picky& picky) {
  picky.value = static_cast<int>(node.int_value());
  if (picky.value < 0) throw std::out_of_range("below zero");
}

}  // namespace

TEST_CASE("what a from_document of the program's own throws is a value that cannot be read",
          "[creation]") {
  const bool strict = GENERATE(false, true);
  TestHost host(std::string("[region.r]\nbackend = \"memory\"\nwrap = [\"msgpack\"]\nstrict = ") +
                (strict ? "true\n" : "false\n"));
  Region& region = host.region();
  region.set("k", Picky{-1});
  if (strict) {
    CHECK_THROWS_WITH(region.get<Picky>("k"), "below zero");
    CHECK_THROWS_AS(region.get_or_create("k", [] { return Picky{1}; }), Error);
    return;
  }
  CHECK_FALSE(region.get<Picky>("k").has_value());
  CHECK_FALSE(region.get_multi<Picky>({"k"}).front().has_value());
  CHECK(region.get_or_create("k", [] { return Picky{1}; }).value == 1);
  CHECK(region.get<Picky>("k")->value == 1);
  CHECK(region.statistics().unreadable == 3);
}

TEST_CASE("a creator that asks for its own key is told so, whatever the key", "[creation]") {
  TestHost host(plain);
  Region& region = host.region();
  const auto message_for = [&](const std::string& key) -> std::string {
    try {
      region.get_or_create(key, [&] { return region.get_or_create(key, [] { return 1; }); });
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  };
  CHECK(message_for("a\n\x1b[31m") ==
        "region r: the creator of key `a\\x0a\\x1b[31m` asks for that very key");
  CHECK(message_for(std::string(1 << 20, 'k')).size() < 400);
}

TEST_CASE("durations that nanoseconds cannot count never end, or are over at once",
          "[expiration]") {
  TestHost host(plain);
  Region& region = host.region();
  region.set("k", 1);
  host.clock.advance(11s);
  static_assert(Expiration(std::chrono::hours::max()) == Expiration::never());
  CHECK(Expiration(std::chrono::years(1000)) == Expiration::never());
  CHECK(Expiration(std::chrono::duration<std::uint64_t>(~std::uint64_t{0})) == Expiration::never());
  CHECK(Expiration(std::chrono::duration<std::int8_t, std::ratio<3600>>(100)).age() == 100h);
  CHECK(Expiration(std::chrono::nanoseconds::min()).age() == std::chrono::nanoseconds::min());
  CHECK(region.get<int>("k", {std::chrono::seconds::max()}) == 1);
  CHECK_FALSE(region.get<int>("k", {std::chrono::hours::min()}).has_value());
  const CreateOptions over{std::chrono::nanoseconds::min()};
  CHECK(region.get_or_create(
            "k", [] { return 2; }, over) == 2);
}

TEST_CASE("what a runner throws after it has done the job does not take the new value back",
          "[creation][background]") {
  TestHost host(plain);
  Region& region = host.region();
  region.set("k", 1);
  host.clock.advance(11s);
  region.set_background_runner([](std::string_view, BackgroundJob job) {
    job();
    throw std::runtime_error("the queue is closed");
  });
  CHECK_THROWS_WITH(region.get_or_create("k", detached([] { return 2; })), "the queue is closed");
  CHECK_FALSE(region.key_is_locked("k"));
  CHECK(region.get<int>("k") == 2);
}

TEST_CASE("a runner that drops the job gives the key back", "[creation][background]") {
  TestHost host(plain);
  Region& region = host.region();
  region.set_multi(std::map<std::string, int>{{"a", 1}, {"b", 2}});
  host.clock.advance(11s);
  region.set_background_runner([](std::string_view, BackgroundJob) {});
  CHECK(region.get_or_create("a", detached([] { return 3; })) == 1);
  CHECK_FALSE(region.key_is_locked("a"));
  const auto create = detached([](Names names) { return std::vector<int>(names.size()); });
  CHECK(region.get_or_create_multi({"a", "b"}, create) == std::vector<std::optional<int>>{1, 2});
  CHECK_FALSE(region.key_is_locked("b"));
}

TEST_CASE("a batch whose background creator failed is not tried again at once",
          "[creation][background][multi]") {
  TestHost host(plain);
  Region& region = host.region();
  region.set_multi(std::map<std::string, int>{{"a", 1}, {"b", 2}});
  host.clock.advance(11s);
  region.set_background_runner([](std::string_view, BackgroundJob job) { job(); });
  int calls = 0;
  const auto fails = detached([&calls](Names) -> std::vector<int> {
    ++calls;
    throw 42;
  });
  const auto began = std::chrono::steady_clock::now();
  for (int i = 0; i < 5; ++i) {
    CHECK(region.get_or_create_multi({"a", "b"}, fails) == std::vector<std::optional<int>>{1, 2});
  }
  CHECK_FALSE(host.log().empty());
  CHECK_THAT(host.log().front(), Catch::Contains("the creator of 2 keys failed"));
  CHECK(region.get_or_create("a", detached([&calls]() -> int {  // nor one of them
                               ++calls;
                               throw 42;
                             })) == 1);
  CHECK(calls <= 1 + (std::chrono::steady_clock::now() - began) / hosting::FailedKeys::shortest);
}

TEST_CASE("a job that a runner keeps may be run, or dropped, after the host is gone",
          "[creation][background]") {
  BackgroundJob kept;
  auto calls = std::make_shared<int>(0);
  const auto keep = [&](std::string_view, BackgroundJob job) { kept = std::move(job); };
  SECTION("run: the creator's value has nowhere to go") {
    {
      TestHost host(plain);
      // Bytes: the stack is kept for ever with what is in it, and a leak checker finds no objects there.
      host.region().set("k", std::string("old"));
      host.clock.advance(11s);
      host.region().set_background_runner(keep);
      CHECK(host.region().get_or_create("k", detached([calls] {
                                          ++*calls;
                                          return std::string("new");
                                        })) == "old");
    }
    REQUIRE(kept);
    kept();
    CHECK(*calls == 1);
  }
  SECTION("dropped, with a lock in the store") {
    {
      RegionPolicy policy;
      policy.expiration_time = 0s;
      LockedRegion locked(policy);
      locked.region->set("k", 1);
      locked.region->set_background_runner(keep);
      CHECK(locked.region->get_or_create("k", detached([calls] { return ++*calls; })) == 1);
      CHECK(locked.region->key_is_locked("k"));
    }
    REQUIRE(kept);
  }
  kept = nullptr;
}

TEST_CASE("a leader that waits in vain for another process's lock fails its waiters, each of them",
          "[creation][locks]") {
  RegionPolicy policy;
  policy.lock_wait = 30ms;
  policy.on_lock_timeout = OnLockTimeout::error;
  policy.share_errors = true;
  LockedRegion locked(policy);
  for (int round = 0; round < 5; ++round) {
    const auto token = locked.lock("k");
    std::vector<std::future<int>> callers;
    for (int i = 0; i < 8; ++i) {
      callers.push_back(std::async(
          std::launch::async, [&] { return locked.region->get_or_create("k", [] { return 1; }); }));
    }
    for (auto& caller : callers) CHECK_THROWS_WITH(caller.get(), Catch::Contains("waited 30 ms"));
    locked.unlock("k", token);
  }
  CHECK(locked.region->get_or_create("k", [] { return 1; }) == 1);
  CHECK_FALSE(locked.region->key_is_locked("k"));
}

TEST_CASE("the longest lock_wait is a wait without end", "[creation]") {
  TestHost host(plain);
  RegionConfig config = host->config_of("r");
  config.policy.lock_wait = std::chrono::nanoseconds::max();
  host->replace(config);
  Region& region = host.region();
  Gate gate;
  auto creator = std::async(std::launch::async,
                            [&] { return region.get_or_create("k", [&] { return gate(1); }); });
  gate.wait_for_entry();
  auto waiter =
      std::async(std::launch::async, [&] { return region.get_or_create("k", [] { return 2; }); });
  auto many = std::async(std::launch::async, [&] {
    return region.get_or_create_multi({"k"}, [](Names) { return std::vector<int>{3}; }).front();
  });
  REQUIRE(eventually([&] { return region.statistics().waits == 2; }));
  gate.open();
  CHECK(creator.get() == 1);
  CHECK(waiter.get() == 1);
  CHECK(many.get() == 1);
  CHECK(region.statistics().wait_timeouts == 0);
}

TEST_CASE("a should_cache that throws is the creator's failure", "[creation]") {
  TestHost host(plain);
  Region& region = host.region();
  const auto create = [] { return 1; };
  const auto refuses = [](int) -> bool { throw std::runtime_error("no opinion"); };
  CHECK_THROWS_WITH(region.get_or_create("k", create, {}, refuses), "no opinion");
  CHECK_FALSE(region.get<int>("k").has_value());
  CHECK_FALSE(region.key_is_locked("k"));
  const auto create_all = [](Names names) { return std::vector<int>(names.size()); };
  CHECK_THROWS_WITH(region.get_or_create_multi({"k", "l"}, create_all, {}, refuses), "no opinion");
  CHECK_FALSE(region.key_is_locked("k"));
  CHECK(region.get_or_create("k", create) == 1);
  CHECK(region.statistics().creation_errors == 2);
}

TEST_CASE("creators that throw while others wait for a bounded time leave nothing behind",
          "[creation]") {
  const std::string outcome = GENERATE("create", "error", "stale");
  const std::string share = GENERATE("true", "false");
  TestHost host(plain + "lock_wait = \"2ms\"\non_lock_timeout = \"" + outcome +
                "\"\nshare_errors = " + share + "\n");
  Region& region = host.region();
  std::atomic<int> turn{0};
  std::atomic<int> strange{0};
  const auto call = [&](int i) {
    const std::string key = std::to_string(i % 3);
    try {
      region.get_or_create(key, [&] {
        if (++turn % 3 != 0) throw 42;
        return 1;
      });
    } catch (int) {
    } catch (const Error& error) {
      if (error.code() != Errc::timeout) ++strange;
    } catch (...) {
      ++strange;
    }
    if (i % 5 == 0) region.remove(key);
  };
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 6; ++t) {
      threads.emplace_back([&] {
        for (int i = 0; i < 200; ++i) call(i);
      });
    }
  }
  CHECK(strange == 0);
  for (const char* key : {"0", "1", "2"}) CHECK_FALSE(region.key_is_locked(key));
}

TEST_CASE("a region is rebuilt, invalidated and given runners while everybody uses it",
          "[creation][replacing]") {
  TestHost host(plain);
  Region& region = host.region();
  RegionConfig wrapped = host->config_of("r");
  const RegionConfig bare = wrapped;
  wrapped.wrap.push_back({.plugin = "msgpack"});
  std::atomic<int> wrong{0}, working{4}, rebuilt{0};
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&] {
        for (int i = 0; i < 3000 || rebuilt < 20; ++i) {
          const std::string key = std::to_string(i % 7);
          if (region.get_or_create(key, detached([key] { return "v" + key; })) != "v" + key) {
            ++wrong;
          }
          if (i % 11 == 0)
            region.get_or_create_multi({"a", "b"}, [](Names names) {
              return std::vector<std::string>(names.size(), "v");
            });
        }
        --working;
      });
    }
    for (int i = 0; working != 0; ++i) {
      host->replace(i % 2 == 0 ? wrapped : bare);
      region.invalidate(i % 3 == 0 ? Invalidation::soft : Invalidation::hard);
      region.set_background_runner(
          i % 2 == 0 ? BackgroundRunner([](std::string_view, BackgroundJob job) { job(); })
                     : nullptr);
      ++rebuilt;
    }
  }
  CHECK(wrong == 0);
  for (int key = 0; key < 7; ++key) CHECK_FALSE(region.key_is_locked(std::to_string(key)));
}

TEST_CASE("the shortest and the longest key, and keys that the store refuses", "[creation]") {
  TestHost host(plain);
  Region& region = host.region();
  for (const std::string& key : {std::string(), std::string(0xffff, 'k')}) {
    CHECK(region.get_or_create(key, [] { return 1; }) == 1);
    CHECK(region.get_or_create(key, [] { return 2; }) == 1);
    CHECK(region.get<int>(key) == 1);
    CHECK(region.remove(key));
  }
  const std::string refused(1 << 20, 'k');
  CHECK(region.get_or_create(refused, [] { return 1; }) == 1);
  CHECK(region.get_or_create(refused, [] { return 2; }) == 2);
  CHECK_FALSE(region.key_is_locked(refused));
  // Alone: what it came with is kept.
  const auto lengths = [](Names names) {
    std::vector<int> made;
    for (const auto name : names) made.push_back(static_cast<int>(name.size()));
    return made;
  };
  CHECK(region.get_or_create_multi({"a", std::string_view(refused), "bb"}, lengths) ==
        std::vector<std::optional<int>>{1, 1 << 20, 2});
  CHECK(region.get<int>("a") == 1);
  CHECK(region.get<int>("bb") == 2);
}

TEST_CASE("many keys that repeat are each made once", "[creation][multi]") {
  TestHost host(plain);
  Region& region = host.region();
  std::vector<std::string> keys;
  for (int i = 0; i < 10'000; ++i) keys.push_back(std::to_string(i % 2'500));
  std::size_t made = 0;
  const auto values = region.get_or_create_multi(keys, [&](Names names) {
    made += names.size();
    return std::vector<std::string>(names.begin(), names.end());
  });
  CHECK(made == 2'500);
  REQUIRE(values.size() == keys.size());
  bool right = true;
  for (std::size_t i = 0; i < keys.size(); ++i) right = right && values[i] == keys[i];
  CHECK(right);
}

TEST_CASE("a short negative_ttl is measured by the exact clock", "[creation][expiration]") {
  struct LaggingClock final : Clock {
    std::atomic<std::int64_t> ns{1'700'000'000'000'000'000};
    Time now() const override { return Time(std::chrono::nanoseconds(ns.load())); }
    Time coarse_now() const override { return now() - 4ms; }
  };
  const auto clock = std::make_shared<LaggingClock>();
  HostOptions options;
  options.clock = clock;
  Host host(Config::from_text("[region.r]\nbackend = \"memory\"\nexpiration_time = \"1h\"\n"
                              "negative_ttl = \"2ms\"\n"),
            options);
  Region& region = host.region("r");
  region.set("none", std::optional<int>());
  region.set("some", std::optional<int>(1));
  clock->ns += 3'000'000;
  CHECK_FALSE(region.get<std::optional<int>>("none").has_value());
  CHECK(region.get<std::optional<int>>("some").has_value());
  CHECK(region.get_or_create("none", [] { return std::optional<int>(2); }) == 2);
}

TEST_CASE("jitter has no hold on values that never expire", "[expiration]") {
  TestHost host("[region.r]\nbackend = \"memory\"\njitter = \"100%\"\nrefresh_at = \"50%\"\n");
  host.region().set("k", 1);
  host.clock.advance(std::chrono::hours(24 * 365 * 20));
  CHECK(host.region().get<int>("k") == 1);
  CHECK(host.region().get_or_create("k", [] { return 2; }) == 1);
}
