// Where records wait that have left a shard, alone.

#include "../../../plugins/memory/limbo.hpp"

#include "catch.hpp"

using namespace cairn;
using namespace cairn::memory;

namespace {

constexpr int a_round = 128;  // records that wait together

class Leaving {
 public:
  ~Leaving() {
    Limbo::destroy(limbo.drain());
    CHECK(limbo.empty());
  }
  Limbo limbo{32 * 1024};

  /// One more leaves; what that writer has to do.
  Limbo::Leftovers leave(std::uint64_t bytes = 100) {
    limbo.add(*Record::make("key", Entry::copy("value"), 0), bytes);
    return limbo.take_leftovers();
  }
};

int destroyed(const Limbo::Leftovers& left) {
  int count = 0;
  for (const Record* record = left.garbage; record != nullptr; record = record->next()) ++count;
  Limbo::destroy(left.garbage);
  return count;
}

}  // namespace

TEST_CASE("nothing is destroyed before a fence, for which one writer is asked in good time",
          "[memory]") {
  Fences::prepare();
  if (!Fences::asymmetric()) return;
  Fences::heavy();  // one from before does not count
  Leaving leaving;
  int gone = 0, asked = 0;
  for (int i = 0; i < 2 * a_round - 1; ++i) {
    const Limbo::Leftovers left = leaving.leave();
    asked += left.fence;
    gone += destroyed(left);
  }
  CHECK(gone == 0);
  CHECK(asked == 1);

  SECTION("and if he did not, the next round executes it") {
    const std::uint64_t moment = Fences::moment();
    gone += destroyed(leaving.leave());
    CHECK(Fences::passed(moment));
  }
  SECTION("and if he did, it is enough") {
    Fences::heavy();
    const std::uint64_t moment = Fences::moment();
    gone += destroyed(leaving.leave());
    CHECK_FALSE(Fences::passed(moment));
  }
  CHECK(gone == 1);
}

TEST_CASE("small records are destroyed one for each that leaves", "[memory]") {
  Fences::prepare();
  Leaving leaving;
  int gone = 0, most = 0;
  for (int i = 0; i < 20 * a_round; ++i) {
    const int count = destroyed(leaving.leave());
    gone += count;
    most = std::max(most, count);
  }
  CHECK(most <= 2);
  CHECK(gone >= 17 * a_round);  // all but the last three rounds
}

TEST_CASE("much is not kept waiting", "[memory]") {
  Fences::prepare();
  Leaving leaving;
  CHECK(destroyed(leaving.leave(64 * 1024)) == 1);
  CHECK(leaving.limbo.empty());
}
