// The protocol by which the memory backend's readers and writers agree on when a record may go, alone:
// with membarrier(2), and as it is where that is missing.

#include "../../../plugins/memory/pins.hpp"

#include "catch.hpp"

#include <algorithm>
#include <atomic>
#include <memory>
#include <random>
#include <thread>
#include <vector>

using namespace cairn::memory;

namespace {

struct Item : cairn_owner {
  static constexpr std::uint64_t intact = 0x600d600d600d600d;
  static inline std::atomic<int> alive{0};

  Item() : cairn_owner{1, [](cairn_owner* self) noexcept { delete static_cast<Item*>(self); }} {
    ++alive;
  }
  ~Item() {
    mark = 0;
    --alive;
  }
  std::uint64_t mark = intact;
};

// What the index and limbo are to the store.
class Cell {
 public:
  Cell() : current_(new Item) {}
  ~Cell() {
    replace(nullptr);
    while (!limbo_.empty()) empty_limbo();
  }

  /// As a hit: an owner of the item that is there now, with a reference.
  cairn_owner* get(Item*& found) {
    Reader& reader = Reader::mine();
    for (;;) {
      Item* item = current_.load(std::memory_order_acquire);
      Pin& pin = reader.pin();
      pin.put_on(item);
      if (current_.load(std::memory_order_seq_cst) != item) {
        pin.take_off();
        continue;
      }
      found = item;
      if (reader.may_give_out(pin)) {
        pin.give_out();
        return &pin;
      }
      cairn_retain(item);
      pin.take_off();
      return item;
    }
  }
  /// One thread at a time.
  void replace(Item* with) {
    limbo_.push_back(current_.exchange(with));
    if (limbo_.size() >= 16) empty_limbo();
  }

 private:
  void empty_limbo() {
    std::vector<Item*> left, done;
    const std::uint64_t moment = Fences::moment();
    Fences::heavy();
    REQUIRE(Fences::passed(moment));
    REQUIRE(pinned_.look());
    for (Item* item : limbo_) (pinned_.adopt(item) ? done : left).push_back(item);
    pinned_.settle();
    for (Item* item : done) cairn_release(item);
    limbo_ = left;
  }

  std::atomic<Item*> current_;
  std::vector<Item*> limbo_;
  Pinned pinned_;
};

void stress(int cells) {
  std::vector<Cell> all(static_cast<std::size_t>(cells));
  std::atomic<bool> stop{false};
  std::atomic<std::uint64_t> broken{0}, reads{0};
  std::vector<std::thread> threads;
  for (unsigned t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      struct Held {
        cairn_owner* owner = nullptr;
        const Item* item = nullptr;
      };
      std::mt19937 random(t);
      std::vector<Held> held(12);  // more than there are pins
      while (!stop) {
        Held& one = held[random() % held.size()];
        if (one.owner != nullptr) broken += one.item->mark != Item::intact;
        cairn_release(one.owner);
        Item* found = nullptr;
        one.owner = all[random() % all.size()].get(found);
        one.item = found;
        broken += found->mark != Item::intact;
        ++reads;
      }
      // Somebody else lets go of what this thread held.
      std::thread([&] {
        for (const Held& one : held) {
          if (one.owner != nullptr) broken += one.item->mark != Item::intact;
          cairn_release(one.owner);
        }
      }).join();
    });
  }
  for (int i = 0; i < 20'000; ++i) all[static_cast<std::size_t>(i) % all.size()].replace(new Item);
  while (reads < 20'000) std::this_thread::yield();
  stop = true;
  for (std::thread& thread : threads) thread.join();
  CHECK(broken == 0);
}

}  // namespace

TEST_CASE("no record goes while a reader holds it, and all go in the end", "[memory]") {
  SECTION("with a full fence per read") {
    CHECK_FALSE(Fences::asymmetric());
  }
  SECTION("with membarrier, where there is one") {
    Fences::prepare();
  }
  const int cells = GENERATE(1, 5);
  stress(cells);
  CHECK(Item::alive == 0);
}

TEST_CASE("a record that is held does not keep the store waiting, and goes with its last holder",
          "[memory]") {
  auto cell = std::make_unique<Cell>();
  std::vector<cairn_owner*> owners(20);
  Item* found = nullptr;
  for (cairn_owner*& owner : owners) owner = cell->get(found);
  cell.reset();
  CHECK(Item::alive == 1);
  CHECK(found->mark == Item::intact);
  for (std::size_t i = 0; i + 1 < owners.size(); ++i) cairn_release(owners[i]);
  CHECK(Item::alive == 1);
  cairn_release(owners.back());
  CHECK(Item::alive == 0);
}

TEST_CASE("a thread's pins serve the next thread when it has ended", "[memory]") {
  unsigned highest = 0;
  for (int i = 0; i < 50; ++i) {
    std::thread([&] { highest = std::max(highest, Reader::mine().number()); }).join();
  }
  CHECK(highest < 10);
}
