// The memory backend under many threads: no wrong value, no old value, no use after free (run it
// under the sanitizers), and a child after fork that works.

#include "catch.hpp"
#include "component_under_test.hpp"

#include <cairn/extensions/clear.h>

#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <bit>
#include <cstring>
#include <random>
#include <thread>
#include <vector>

using namespace cairn;

namespace {

struct Value {
  std::uint64_t key, writer, sequence;
};

std::string key_of(std::uint64_t i) {
  std::string key("key:");
  return key.append(std::to_string(i));
}

std::uint64_t stat(ComponentUnderTest& memory, const char* name) {
  return memory->stats(Call()).root()[name].uint_value();
}

void run(unsigned threads, const std::function<void(unsigned)>& body) {
  std::vector<std::thread> all;
  for (unsigned t = 0; t < threads; ++t) all.emplace_back(body, t);
  for (auto& thread : all) thread.join();
}

}  // namespace

TEST_CASE("no get returns another key's value, a torn one, or one older than this thread has seen",
          "[memory]") {
  const std::string policy = GENERATE("w-tinylfu", "s3-fifo", "lru");
  const std::string entries = GENERATE("50", "100000");  // with and without evictions
  constexpr std::uint64_t keys = 300, writers = 4;
  ComponentUnderTest memory("memory",
                            {{"policy", policy}, {"max_entries", entries}, {"shards", "2"}});
  std::atomic<std::uint64_t> wrong{0}, old{0}, hits{0};

  // Each key has one writer, so its sequence numbers only grow.
  run(writers + 3, [&](unsigned t) {
    std::mt19937 random(t);
    std::vector<std::uint64_t> seen(keys, 0);
    for (std::uint64_t i = 1; i <= 12'000; ++i) {
      const std::uint64_t key = random() % keys;
      const std::string name = key_of(key);
      if (t < writers && key % writers == t && random() % 2 == 0) {
        // A value that fills a line or two, all of it made from the key.
        Value value[6];
        for (Value& part : value) part = {key, t, i};
        memory->set(name, Entry::borrow({reinterpret_cast<const char*>(value), sizeof value}), {},
                    Call());
        seen[key] = i;
        if (random() % 50 == 0) memory->remove(name, Call());
        continue;
      }
      const auto found = memory->get(name, Call());
      if (!found) continue;
      ++hits;
      Value value[6];
      if (found->bytes().size() != sizeof value) {
        ++wrong;
        continue;
      }
      std::memcpy(value, found->bytes().data(), sizeof value);
      for (const Value& part : value) {
        wrong +=
            part.key != key || part.writer != key % writers || part.sequence != value[0].sequence;
      }
      old += value[0].sequence < seen[key];
      seen[key] = std::max(seen[key], value[0].sequence);
    }
  });
  CHECK(wrong == 0);
  CHECK(old == 0);
  CHECK(hits > 1000);
}

TEST_CASE("entries that are held stay intact while all else is evicted, cleared and grown",
          "[memory]") {
  ComponentUnderTest memory("memory", {{"max_bytes", "1MiB"}, {"shards", "2"}});
  std::atomic<std::uint64_t> torn{0};
  const auto* clearing = static_cast<const cairn_clear*>(memory->extension(CAIRN_CLEAR_ID));
  run(4, [&](unsigned t) {
    std::mt19937 random(t);
    std::vector<std::pair<char, Entry>> held(64);
    for (int i = 0; i < 8000; ++i) {
      const std::uint64_t key = random() % 2000;
      const char letter = static_cast<char>('a' + key % 26);
      if (auto found = memory->get(key_of(key), Call())) {
        held[random() % held.size()] = {letter, std::move(*found)};
      } else {
        memory->set(key_of(key), Entry::copy(std::string(100 + random() % 900, letter)), {},
                    Call());
      }
      const auto& [expected, entry] = held[random() % held.size()];
      for (const char c : entry.bytes()) torn += c != expected;
      if (t == 0 && i % 1000 == 999) clearing->clear(memory.self(), nullptr);
    }
  });
  CHECK(torn == 0);
  CHECK(stat(memory, "bytes") <= 1 << 20);
}

TEST_CASE("the table grows under readers without a false miss", "[memory]") {
  ComponentUnderTest memory("memory", {{"shards", "1"}});
  constexpr std::uint64_t keys = 20'000;
  std::atomic<std::uint64_t> present{0}, reads{0}, misses{0};
  run(3, [&](unsigned t) {
    if (t == 0) {
      for (std::uint64_t i = 0; i < keys; ++i) {
        memory->set(key_of(i), Entry::borrow("v"), {}, Call());
        present = i + 1;
        // As often as the table grows, whoever has the processor: readers are at work before and after.
        const std::uint64_t so_far = reads;
        if (std::has_single_bit(i)) {
          while (reads < so_far + 10) std::this_thread::yield();
        }
      }
      return;
    }
    std::mt19937 random(t);
    while (present < keys) {
      const std::uint64_t n = present;
      if (n == 0) continue;
      if (!memory->get(key_of(random() % n), Call())) ++misses;
      ++reads;
    }
  });
  CHECK(misses == 0);
}

TEST_CASE("one key that all threads read is freed when all have let go", "[memory]") {
  static std::atomic<int> alive{0};
  struct Counted : cairn_owner {
    Counted()
        : cairn_owner{1, [](cairn_owner* self) noexcept {
                        --alive;
                        delete static_cast<Counted*>(self);
                      }} {
      ++alive;
    }
  };
  {
    ComponentUnderTest memory("memory", {{"shards", "1"}});
    const auto put = [&] {
      Entry entry;
      entry.raw().kind = CAIRN_OBJECT;
      entry.raw().owner = new Counted;
      entry.raw().data = entry.raw().owner;
      memory->set("hot", entry, {}, Call());
    };
    put();
    std::atomic<std::uint64_t> misses{0};
    run(4, [&](unsigned t) {
      Entry kept;
      for (int i = 0; i < 30'000; ++i) {
        auto found = memory->get("hot", Call());
        if (!found) {
          ++misses;
        } else if (i % 10 == 0) {
          kept = std::move(*found);
        }
        if (t == 0 && i % 10'000 == 9'999) put();
      }
    });
    CHECK(misses == 0);
    CHECK(stat(memory, "hits") == 4 * 30'000);
    CHECK(stat(memory, "replaced") == 3);
  }
  CHECK(alive == 0);
}

TEST_CASE("entries held in any number outlive their replacement, and are let go of by any thread",
          "[memory]") {
  // More than a thread has pins, so that some are held by a pin and some by a count; replaced so
  // often that all records of the first round have been looked through while they were held.
  static std::atomic<int> alive{0};
  struct Counted : cairn_owner {
    explicit Counted(std::uint64_t n)
        : cairn_owner{1,
                      [](cairn_owner* self) noexcept {
                        --alive;
                        delete static_cast<Counted*>(self);
                      }},
          number(n) {
      ++alive;
    }
    std::uint64_t number;
  };
  constexpr std::uint64_t keys = 40;
  std::vector<Entry> held;
  {
    ComponentUnderTest memory("memory", {{"shards", "1"}});
    const auto put_all = [&](std::uint64_t round) {
      for (std::uint64_t i = 0; i < keys; ++i) {
        Entry entry;
        entry.raw().kind = CAIRN_OBJECT;
        entry.raw().owner = new Counted(round * keys + i);
        entry.raw().data = entry.raw().owner;
        memory->set(key_of(i), entry, {}, Call());
      }
    };
    const auto number_in = [](const Entry& entry) {
      return static_cast<const Counted*>(entry.raw().data)->number;
    };
    put_all(0);
    for (std::uint64_t i = 0; i < keys; ++i) held.push_back(*memory->get(key_of(i), Call()));
    for (std::uint64_t round = 1; round <= 20; ++round) put_all(round);
    for (std::uint64_t i = 0; i < keys; ++i) CHECK(number_in(held[i]) == i);

    // Half of them, among those the pinned ones, in another thread: then its pins are free again.
    std::thread([&] { held.erase(held.begin(), held.begin() + keys / 2); }).join();
    const auto again = memory->get(key_of(0), Call());
    CHECK(number_in(*again) == 20 * keys);
    put_all(21);
    CHECK(number_in(*again) == 20 * keys);
    for (std::size_t i = 0; i < held.size(); ++i) CHECK(number_in(held[i]) == keys / 2 + i);
  }
  CHECK(alive == static_cast<int>(held.size()));  // the store is gone, what is held is not
  held.clear();
  CHECK(alive == 0);
}

TEST_CASE("an entry may outlive the thread that got it", "[memory]") {
  std::vector<Entry> held;
  {
    ComponentUnderTest memory("memory", {{"max_bytes", "64KiB"}});
    for (std::uint64_t i = 0; i < 30; ++i) {
      const std::string value = std::to_string(i);
      memory->set("k", Entry::borrow(value), {}, Call());
      std::thread([&] { held.push_back(*memory->get("k", Call())); }).join();
    }
    for (std::uint64_t i = 0; i < 1000; ++i) memory->set("k", Entry::borrow("v"), {}, Call());
  }
  for (std::uint64_t i = 0; i < 30; ++i) CHECK(held[i].bytes() == std::to_string(i));
}

TEST_CASE("hits are counted exactly, by however many threads", "[memory]") {
  ComponentUnderTest memory("memory");
  for (std::uint64_t i = 0; i < 100; ++i) memory->set(key_of(i), Entry::borrow("v"), {}, Call());
  run(8, [&](unsigned t) {
    for (std::uint64_t i = 0; i < 5000; ++i) memory->get(key_of((i + t) % 200), Call());
  });
  CHECK(stat(memory, "hits") == 20'000);
  CHECK(stat(memory, "misses") == 20'000);
}

// The sanitizers cannot follow a process that forks while it has threads.
#if !defined(__SANITIZE_THREAD__)
TEST_CASE(
    "after a fork under load the child has an empty cache that works, the parent keeps its own",
    "[memory]") {
  const std::string max_bytes = GENERATE("1MiB", "32MiB");  // without and with cells
  ComponentUnderTest memory("memory", {{"max_bytes", max_bytes}, {"shards", "2"}});
  std::vector<OptionalEntry>
      held;  // which have left the cache: who lets go of them frees their memory
  for (std::uint64_t i = 0; i < 20; ++i) {
    memory->set(key_of(i), Entry::borrow("held"), {}, Call());
    held.push_back(memory->get(key_of(i), Call()));
    memory->remove(key_of(i), Call());
  }
  for (std::uint64_t i = 0; i < 2000; ++i) memory->set("again", Entry::borrow("v"), {}, Call());
  memory->set("parent", Entry::copy("v"), {}, Call());
  std::atomic<bool> stop{false};
  std::atomic<std::uint64_t> calls{0};
  std::vector<std::thread> threads;
  for (unsigned t = 0; t < 3; ++t) {
    threads.emplace_back([&, t] {
      std::mt19937 random(t);
      while (!stop) {  // writers hold locks, readers hold claims
        memory->set(key_of(random() % 5000), Entry::borrow("some value"), {}, Call());
        memory->get(key_of(random() % 5000), Call());
        ++calls;
      }
    });
  }
  int failures = 0;
  for (int i = 0; i < 20; ++i) {
    const std::uint64_t before = calls;
    while (calls < before + 100) std::this_thread::yield();  // they are at work
    const pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
      alarm(60);  // a deadlock ends here
      memory.after_fork();
      held.clear();
      int code = 0;
      if (memory->get("parent", Call())) code = 1;
      for (std::uint64_t k = 0; k < 500; ++k)
        memory->set(key_of(k), Entry::borrow("child"), {}, Call());
      for (std::uint64_t k = 0; k < 500; ++k) {
        const auto found = memory->get(key_of(k), Call());
        if (!found || found->bytes() != "child") code = 2;
      }
      _exit(code);
    }
    int status = 0;
    waitpid(child, &status, 0);
    failures += !WIFEXITED(status) || WEXITSTATUS(status) != 0;
  }
  stop = true;
  for (auto& thread : threads) thread.join();
  CHECK(failures == 0);
  memory->set("parent", Entry::copy("still"), {}, Call());
  CHECK(memory->get("parent", Call()));
}
#endif
