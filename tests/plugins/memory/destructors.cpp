// Objects of a program whose destructors use the cache that they are in: as they leave it, and as it comes
// to its own end.

#include "catch.hpp"
#include "component_under_test.hpp"

#include <functional>
#include <memory>
#include <string>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/lsan_interface.h>
#endif

using namespace cairn;
using namespace std::chrono_literals;

namespace {

// Calls `use(cache)` in its destructor.
struct Using : cairn_owner {
  using Use = std::function<void(Backend&)>;
  Using(Backend& backend, Use what)
      : cairn_owner{1,
                    [](cairn_owner* self) noexcept {
                      const std::unique_ptr<Using> me(static_cast<Using*>(self));
                      me->use(me->cache);
                    }},
        cache(backend),
        use(std::move(what)) {}
  Backend& cache;
  const Use use;
};

void put(Backend& cache, const std::string& key, Using::Use use,
         std::chrono::nanoseconds ttl = 0ns) {
  Entry entry;
  entry.raw().kind = CAIRN_OBJECT;
  entry.raw().owner = new Using(cache, std::move(use));
  cache.set(key, entry, {ttl}, Call());
}

void put_text(Backend& cache) {
  cache.set("from the destructor", Entry::copy("v"), {}, Call());
}

std::string shards() {
  return GENERATE("1", "8");
}

}  // namespace

TEST_CASE("the destructor of an object that leaves may use the cache", "[memory]") {
  int destroyed = 0;
  ComponentUnderTest memory("memory", {{"shards", shards()}});
  const auto use = [&](Backend& cache) {
    ++destroyed;
    put_text(cache);
    CHECK(cache.get("from the destructor", Call())->bytes() == "v");
    cache.remove("k", Call());
  };
  for (int i = 0; i < 1000; ++i) put(*memory, "k", use);
  CHECK(destroyed > 500);
  CHECK(memory->get("from the destructor", Call()));
}

TEST_CASE("objects that remove each other take no more stack the more they are", "[memory]") {
  constexpr int objects = 200'000;
  int destroyed = 0;
  ComponentUnderTest memory("memory", {{"shards", shards()}, {"max_bytes", "1GiB"}});
  for (int i = 0; i < objects; ++i) {
    put(*memory, std::to_string(i), [&destroyed, i](Backend& cache) {
      ++destroyed;
      for (int next = 2 * i + 1; next <= 2 * i + 2; ++next) {
        if (next < objects) cache.remove(std::to_string(next), Call());
      }
    });
  }
  memory->remove("0", Call());
  for (int i = 0; i < objects && destroyed < objects; ++i) {  // the writers that they wait for
    memory->set("tick " + std::to_string(i % 1000), Entry::copy("v"), {}, Call());
  }
  CHECK(destroyed == objects);
}

TEST_CASE("what an object leaves in another cache goes from there as it should", "[memory]") {
  int destroyed = 0;
  ComponentUnderTest second("memory", {{"max_entries", "100"}, {"shards", "1"}});
  ComponentUnderTest first("memory", {{"max_entries", "100"}, {"shards", "1"}});
  for (int i = 0; i < 5000; ++i) {
    put(*first, std::to_string(i),
        [&, i](Backend&) { put(*second, std::to_string(i), [&](Backend&) { ++destroyed; }); });
  }
  CHECK(destroyed > 4000);
}

TEST_CASE("the destructors of the objects that are left at the end may use the cache", "[memory]") {
  int destroyed = 0, found = 0;
  {
    ComponentUnderTest memory("memory", {{"shards", shards()}});
    const auto use = [&](Backend& cache) {
      ++destroyed;
      put_text(cache);
      if (const auto entry = cache.get("from the destructor", Call())) {
        found += entry->bytes() == "v";
      }
      cache.remove(std::to_string(destroyed), Call());
    };
    for (int i = 0; i < 1000; ++i) put(*memory, std::to_string(i), use, (i % 2) * 1h);
  }
  CHECK(destroyed == 1000);
  CHECK(found == 1000);
}

TEST_CASE("an object that is held at the end of the cache is destroyed by who lets go of it",
          "[memory]") {
  bool destroyed = false;
  OptionalEntry held;
  {
    ComponentUnderTest memory("memory");
    put(*memory, "k", [&](Backend&) { destroyed = true; });
    held = memory->get("k", Call());
  }
  CHECK_FALSE(destroyed);
  held = {};
  CHECK(destroyed);
}

TEST_CASE("what an object leaves in its place goes with the cache, too", "[memory]") {
  int destroyed = 0;
  {
    ComponentUnderTest memory("memory", {{"shards", shards()}});
    std::function<void(Backend&)> again = [&](Backend& cache) {
      if (++destroyed < 10) put(cache, std::to_string(destroyed), again);
    };
    put(*memory, "k", again);
  }
  CHECK(destroyed == 10);
}

TEST_CASE("objects that put others in their place for ever do not keep the cache from its end",
          "[memory]") {
#if defined(__SANITIZE_ADDRESS__)
  const __lsan::ScopedDisabler what_is_left_is_left_on_purpose;
#endif
  int destroyed = 0;
  {
    ComponentUnderTest memory("memory", {{"shards", shards()}});
    std::function<void(Backend&)> again = [&](Backend& cache) {
      ++destroyed;
      put(cache, std::to_string(destroyed), again);
    };
    put(*memory, "k", again);
  }
  CHECK(destroyed > 0);
}
