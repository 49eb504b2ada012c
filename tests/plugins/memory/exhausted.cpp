// Memory that runs out in the middle of a call: the call fails, and costs no entry but that of its key.

#include "catch.hpp"
#include "component_under_test.hpp"

#include <cairn/extensions/scan.h>

#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <limits>
#include <string>
#include <thread>
#include <vector>

using namespace cairn;

namespace {

// How many allocations of this thread, here and in the plugin, go well before one fails, or all.
constexpr int unlimited = std::numeric_limits<int>::max();
thread_local int left = unlimited;
thread_local bool for_good = false;

bool fails() {
  if (left == unlimited) return false;
  if (left > 0) return --left, false;
  if (!for_good) left = unlimited;
  return true;
}

template <class Work>
void with_memory_for(int allocations, bool no_more_after, Work work) {
  for_good = no_more_after;
  left = allocations;
  work();
  left = unlimited;
}

}  // namespace

extern "C" {
void* __libc_malloc(std::size_t);
void* malloc(std::size_t size) {
  return fails() ? nullptr : __libc_malloc(size);
}
void* mmap(void* at, std::size_t size, int protection, int flags, int file, off_t offset) {
  if (fails()) {
    errno = ENOMEM;
    return MAP_FAILED;
  }
  return reinterpret_cast<void*>(syscall(SYS_mmap, at, size, protection, flags, file, offset));
}
}

namespace {

constexpr int most = 40;  // allocations in a call that is tried here

struct Counted : cairn_owner {
  static inline std::atomic<int> alive{0};
  Counted()
      : cairn_owner{1, [](cairn_owner* self) noexcept {
                      --alive;
                      delete static_cast<Counted*>(self);
                    }} {
    ++alive;
  }
};
Entry object() {
  Entry entry;
  entry.raw().kind = CAIRN_OBJECT;
  entry.raw().owner = new Counted;
  entry.raw().data = entry.raw().owner;
  return entry;
}

std::string key_of(int i) {
  return "key " + std::to_string(i);
}

std::uint64_t stat(ComponentUnderTest& memory, const char* name) {
  return memory->stats(Call()).root()[name].uint_value();
}

// As many as a table has room for: the next one has it grow.
constexpr int full = 352;
void fill(ComponentUnderTest& memory) {
  for (int i = 0; i < full; ++i) memory->set(key_of(i), object(), {}, Call());
}
int lost(ComponentUnderTest& memory, int from = 0) {
  int count = 0;
  for (int i = from; i < full; ++i) count += !memory->get(key_of(i), Call());
  return count;
}

std::string policy() {
  return GENERATE("w-tinylfu", "s3-fifo", "lru");
}

}  // namespace

TEST_CASE("a set that finds no memory leaves nothing under its key, and all else as it was",
          "[memory]") {
  const bool for_good_then = GENERATE(false, true);
  const std::string which = policy();
  for (int n = 0; n < most; ++n) {
    ComponentUnderTest memory("memory", {{"shards", "1"}, {"policy", which}});
    fill(memory);
    const std::string fresh = "fresh", old = key_of(0);
    const Entry value = object();
    const std::string bytes(100'000, 'x');
    int failed = 0;
    const auto try_to_set = [&](const std::string& key, const Entry& entry) {
      bool done = true;
      with_memory_for(n, for_good_then, [&] {
        try {
          memory->set(key, entry, {std::chrono::seconds(10)}, Call());
        } catch (const Error& error) {
          done = false;
        } catch (const std::bad_alloc&) {
          done = false;
        }
      });
      failed += !done;
      CHECK(memory->get(key, Call()).has_value() == done);
    };
    try_to_set(fresh, value);
    try_to_set(old, Entry::borrow(bytes));
    CHECK(lost(memory, 1) == 0);
    CHECK(stat(memory, "entries") == static_cast<std::uint64_t>(full + 1 - failed));
    memory->set(fresh, value, {}, Call());
    memory->set(old, value, {}, Call());
    CHECK(lost(memory) == 0);
    CHECK(stat(memory, "entries") == full + 1);
    if (n == 0) CHECK(failed == 2);
    if (n == most - 1) CHECK(failed == 0);
  }
  CHECK(Counted::alive == 0);
}

TEST_CASE("a batch that finds no memory says of each key whether it was done", "[memory]") {
  const bool for_good_then = GENERATE(false, true);
  constexpr int keys_in_batch = 20;
  for (int n = 0; n < most; ++n) {
    ComponentUnderTest memory("memory", {{"shards", "1"}, {"policy", "lru"}});
    fill(memory);
    std::vector<std::string> names;
    for (int i = 0; i < keys_in_batch; ++i) names.push_back(key_of(full - 10 + i));  // old and new
    const std::vector<Key> keys(names.begin(), names.end());
    const std::vector<Entry> entries(keys_in_batch, Entry::copy("of the batch"));
    std::vector<cairn_status> statuses(keys_in_batch, CAIRN_OK);
    bool none = false;
    with_memory_for(n, for_good_then, [&] {
      try {
        memory->set_multi(keys, entries, {}, Statuses(statuses.data(), keys_in_batch), Call());
      } catch (const Error&) {
        none = true;
      } catch (const std::bad_alloc&) {
        none = true;
      }
    });
    int wrong = 0;
    for (std::size_t i = 0; i < keys_in_batch; ++i) {
      const auto found = memory->get(names[i], Call());
      const bool there = found && found->is_bytes();
      wrong += there != (!none && statuses[i] == CAIRN_OK);
      wrong += !none && statuses[i] < 0 && found.has_value();
    }
    CHECK(wrong == 0);
    for (int i = 0; i < full - 10; ++i) wrong += !memory->get(key_of(i), Call());
    CHECK(wrong == 0);
    if (n == 0) CHECK(none);
  }
  CHECK(Counted::alive == 0);
}

TEST_CASE("what needs memory for itself alone fails and changes nothing", "[memory]") {
  const bool for_good_then = GENERATE(false, true);
  for (int n = 0; n < most; ++n) {
    ComponentUnderTest memory("memory", {{"shards", "2"}, {"policy", "lru"}});
    fill(memory);
    const auto* scanning = static_cast<const cairn_scan*>(memory->extension(CAIRN_SCAN_ID));
    std::uint64_t cursor = 0;
    int visited = 0;
    cairn_status scanned = CAIRN_OK;
    std::vector<std::string> names(60, "nobody");
    const std::vector<Key> keys(names.begin(), names.end());
    std::vector<cairn_status> statuses(keys.size(), CAIRN_MISS);
    with_memory_for(n, for_good_then, [&] {
      scanned = scanning->scan(
          memory.self(), nullptr, &cursor, 100,
          [](void* user, cairn_bytes, const cairn_entry*) noexcept { ++*static_cast<int*>(user); },
          &visited);
    });
    CHECK((scanned == CAIRN_OK ? visited >= 100 : visited == 0 && cursor == 0));
    with_memory_for(n, for_good_then, [&] {
      try {
        memory->remove_multi(keys, Statuses(statuses.data(), keys.size()), Call());
      } catch (const std::exception&) {
      }
      try {
        memory->stats(Call());
      } catch (const std::exception&) {
      }
    });
    // A new thread needs pins of its own.
    std::thread([&] {
      with_memory_for(n, for_good_then, [&] {
        try {
          CHECK(memory->get(key_of(1), Call()).has_value());
        } catch (const std::exception&) {
        }
      });
    }).join();
    CHECK(lost(memory) == 0);
    // With nothing to note pins in, what leaves waits until there is.
    const auto held = memory->get(key_of(0), Call());
    with_memory_for(0, true, [&] {
      for (int i = 0; i < full; ++i) memory->remove(key_of(i), Call());
    });
    CHECK(held->is_object());
    CHECK(stat(memory, "entries") == 0);
  }
  CHECK(Counted::alive == 0);
}
