// Memory for small records, alone.

#include "../../../plugins/memory/arena.hpp"
#include "catch.hpp"
#include "resident_memory.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <mutex>
#include <random>
#include <thread>
#include <vector>

using namespace cairn::memory;

namespace {

// A cell that is filled with its own mark.
class Filled {
 public:
  Filled(Cells& cells, std::size_t size, unsigned mark)
      : at_(static_cast<unsigned char*>(cells.take(size))),
        size_(size),
        mark_(static_cast<unsigned char>(mark)) {
    std::memset(at_, mark_, size);
  }
  bool intact() const {
    return std::all_of(at_, at_ + size_, [this](unsigned char c) { return c == mark_; });
  }
  void give_back() { Arena::give_back(at_); }
  const void* cell() const { return at_; }
  std::size_t size() const { return size_; }

 private:
  unsigned char* at_;
  std::size_t size_;
  unsigned char mark_;
};

constexpr std::size_t slab = Regions::slab_bytes;

}  // namespace

TEST_CASE("a cell is hardly larger than what it is for", "[memory]") {
  for (std::size_t size = 1; size <= Cells::largest; ++size) {
    const std::size_t cell = Cells::size_of(size);
    REQUIRE(cell >= size);
    REQUIRE(cell - size < std::max<std::size_t>(8, cell / 8));
    REQUIRE(cell % 8 == 0);
    REQUIRE(Cells::size_of(cell) == cell);
    REQUIRE(slab % cell < slab / 50);
    REQUIRE(Cells::cost_of(size) == slab * 128 / 127 / (slab / cell));
  }
}

TEST_CASE("what is written to a cell stays there until it is given back", "[memory]") {
  const Arena::Owner arena = Arena::open();
  std::mt19937 random(1);
  std::vector<Filled> filled;
  std::size_t broken = 0;
  for (unsigned i = 0; i < 200'000; ++i) {
    if (filled.empty() || random() % 100 < (i < 100'000 ? 52 : 48)) {
      filled.emplace_back(arena->part(random() % 2), 1 + random() % Cells::largest, i);
    } else {
      std::swap(filled[random() % filled.size()], filled.back());
      broken += !filled.back().intact();
      filled.back().give_back();
      filled.pop_back();
    }
  }
  for (Filled& one : filled) {
    broken += !one.intact();
    one.give_back();
  }
  CHECK(broken == 0);
  CHECK(arena->taken_bytes() == 0);
}

TEST_CASE("a slab that is empty serves for another size", "[memory]") {
  const Arena::Owner arena = Arena::open();
  Cells& cells = arena->part(0);
  std::vector<void*> small, large;
  for (unsigned i = 0; i < 10'000; ++i) small.push_back(cells.take(64));
  const std::size_t most = arena->taken_bytes();
  CHECK(most / slab == (10'000 + 255) / 256);
  for (void* one : small) Arena::give_back(one);
  CHECK(arena->taken_bytes() == 0);
  for (unsigned i = 0; i < 300; ++i) large.push_back(cells.take(2048));
  CHECK(arena->taken_bytes() <= most);
  for (void* one : large) Arena::give_back(one);
}

TEST_CASE("the memory of cells goes back to the process, but for one region", "[memory]") {
  if (!sees_resident_bytes()) return;
  const std::size_t before = resident_bytes();
  {
    const Arena::Owner arena = Arena::open();
    std::vector<void*> taken(60'000);
    for (void*& cell : taken) std::memset(cell = arena->part(3).take(1000), 1, 1000);
    CHECK(resident_bytes() > before + 60'000'000);
    for (void* cell : taken) Arena::give_back(cell);
    taken = {};
    CHECK(arena->mapped_bytes() == Regions::region_bytes);
    CHECK(resident_bytes() < before + 2 * Regions::region_bytes);
  }
  CHECK(resident_bytes() < before + Regions::region_bytes);
}

TEST_CASE("when many cells are free, those that are worth it can move, and memory is given back",
          "[memory]") {
  const Arena::Owner arena = Arena::open();
  Cells& cells = arena->part(0);
  const std::size_t size = GENERATE(48, 160, 1672, 1864, 2048);
  const unsigned stay_of_hundred = GENERATE(1u, 5u, 50u, 90u);
  std::mt19937 random(2);
  std::vector<Filled> filled, stayed;
  for (unsigned i = 0; i < 100'000; ++i) filled.emplace_back(cells, size, i);
  CHECK(cells.untidy_bytes() == 0);
  std::shuffle(filled.begin(), filled.end(), random);
  for (Filled& one : filled) {
    if (random() % 100 < stay_of_hundred) {
      stayed.push_back(one);
    } else {
      one.give_back();
    }
  }
  CHECK(cells.untidy_bytes() != 0);
  std::shuffle(stayed.begin(), stayed.end(), random);
  for (int pass = 0; cells.untidy_bytes() != 0 && pass < 20; ++pass) {
    for (Filled& one : stayed) {
      if (cells.untidy_bytes() == 0 || !cells.worth_moving(one.cell())) continue;
      const Filled moved(cells, one.size(), static_cast<unsigned>(pass));
      one.give_back();
      one = moved;
    }
  }
  CHECK(cells.untidy_bytes() == 0);
  const std::size_t used = stayed.size() * Cells::cost_of(size);
  CHECK(arena->taken_bytes() <= used + used / 14 + 2 * slab);
  CHECK(arena->mapped_bytes() <= used + used / 7 + 3 * Regions::region_bytes);
  for (Filled& one : stayed) {
    CHECK(one.intact());
    one.give_back();
  }
  CHECK(arena->mapped_bytes() == Regions::region_bytes);
}

TEST_CASE("what cannot move is in nobody's way", "[memory]") {
  // One cell of each slab is held for ever: no region can go, so all of them serve on.
  const Arena::Owner arena = Arena::open();
  Cells& cells = arena->part(0);
  std::vector<void*> held, others;
  for (unsigned i = 0; i < 100'000; ++i) (i % 100 == 0 ? held : others).push_back(cells.take(160));
  const std::size_t most = arena->mapped_bytes();
  for (int round = 0; round < 3; ++round) {
    for (void* cell : others) Arena::give_back(cell);
    others.clear();
    const std::size_t size = round % 2 == 0 ? 160 : 80;  // those held are of the first
    for (unsigned i = 0; i < 50'000; ++i) others.push_back(cells.take(size));
    CHECK(arena->mapped_bytes() <= most + 2 * Regions::region_bytes);
  }
  for (void* cell : others) Arena::give_back(cell);
  for (void* cell : held) Arena::give_back(cell);
  CHECK(arena->taken_bytes() == 0);
  CHECK(arena->mapped_bytes() <= Regions::region_bytes);
}

TEST_CASE("as many cells of each size as have come are never untidy", "[memory]") {
  const Arena::Owner arena = Arena::open();
  const std::size_t of_each = GENERATE(1u, 1000u);
  std::vector<void*> taken;
  for (std::size_t size = 8; size <= Cells::largest; size += 8) {
    if (Cells::size_of(size) != size) continue;
    for (std::size_t i = 0; i < of_each; ++i) taken.push_back(arena->part(0).take(size));
    CHECK(arena->part(0).untidy_bytes() == 0);
  }
  for (const void* cell : taken) CHECK_FALSE(arena->part(0).worth_moving(cell));
  for (void* cell : taken) Arena::give_back(cell);
}

TEST_CASE("whoever holds a cell keeps its memory after its arena was closed", "[memory]") {
  Arena::Owner arena = Arena::open();
  const Arena* const was = arena.get();
  Filled first(arena->part(0), 100, 1), second(arena->part(1), 100, 2);
  arena.reset();
  Arena::Owner another = Arena::open();
  CHECK(another.get() != was);
  CHECK(first.intact());
  first.give_back();
  CHECK(second.intact());
  second.give_back();
  // Now it rests, and serves those who come next.
  const Arena::Owner next = Arena::open();
  CHECK(next.get() == was);
  Filled third(next->part(0), 100, 3);
  CHECK(third.intact());
  third.give_back();
}

TEST_CASE("arenas that rest are all found again", "[memory]") {
  std::vector<Arena*> seen;
  {
    std::vector<Arena::Owner> open(5);
    for (auto& one : open) one = Arena::open();
    for (const auto& one : open) seen.push_back(one.get());
  }
  std::vector<Arena::Owner> again(5);
  for (auto& one : again) one = Arena::open();
  for (const auto& one : again) CHECK(std::count(seen.begin(), seen.end(), one.get()) == 1);
}

// The sanitizers cannot follow a process that forks while it has threads.
#if !defined(__SANITIZE_THREAD__) && !defined(__SANITIZE_ADDRESS__)
TEST_CASE("in the child of a fork nobody waits for who held a lock in the parent", "[memory]") {
  Arena::Owner arena = Arena::open(), closed = Arena::open();
  Cells& cells = arena->part(0);
  Cells& of_closed = closed->part(0);
  void* const cell = cells.take(100);
  void* const cell_of_closed = of_closed.take(100);
  std::atomic<bool> stop{false};
  std::thread busy([&] {  // with one lock or the other, nearly always
    while (!stop) {
      Arena::give_back(cells.take(100));
      Arena::give_back(of_closed.take(100));
    }
  });
  closed.reset();
  int hung = 0;
  for (int i = 0; i < 20; ++i) {
    const pid_t child = fork();
    if (child == 0) {
      alarm(5);
      Arena::leave_behind();
      Arena::give_back(cell);
      Arena::give_back(cell_of_closed);
      const Arena::Owner fresh = Arena::open();
      Arena::give_back(fresh->part(0).take(100));
      _exit(0);
    }
    int status = 0;
    REQUIRE(waitpid(child, &status, 0) == child);
    hung += status != 0;
  }
  CHECK(hung == 0);
  stop = true;
  busy.join();
  Arena::give_back(cell);
  Arena::give_back(cell_of_closed);
  CHECK(arena->taken_bytes() == 0);
}

#endif

TEST_CASE("threads take cells and give back each other's", "[memory]") {
  Arena::Owner arena = Arena::open();
  constexpr unsigned threads = 4, steps = 30'000;
  std::mutex mutex;
  std::vector<Filled> common;
  std::atomic<unsigned> broken{0};
  std::vector<std::thread> running;
  for (unsigned t = 0; t < threads; ++t) {
    running.emplace_back([&, t] {
      std::mt19937 random(t);
      std::vector<Filled> mine;
      const auto drop = [&] {
        broken += !mine.back().intact();
        mine.back().give_back();
        mine.pop_back();
      };
      for (unsigned i = 0; i < steps; ++i) {
        mine.emplace_back(arena->part(random() % 2), 1 + random() % 300, i + t);
        if (i % 16 == 0) {
          const std::lock_guard lock(mutex);
          std::swap(mine, common);
        }
        while (!mine.empty() && random() % 2 == 0) drop();
      }
      while (!mine.empty()) drop();
    });
  }
  for (auto& thread : running) thread.join();
  for (Filled& one : common) {
    broken += !one.intact();
    one.give_back();
  }
  CHECK(broken == 0);
  CHECK(arena->taken_bytes() == 0);
}
