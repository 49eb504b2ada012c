// A process that has membarrier(2) refused in the middle of its work: the memory backend goes on, with
// readers that fence for themselves.
#include "catch.hpp"
#include "component_under_test.hpp"
#include "refuse_membarrier.hpp"
#include "sandboxed_child.hpp"

#include <atomic>
#include <string>
#include <thread>
#include <vector>

using namespace cairn;

namespace {

// 0 if all was well; else what was not.
int live_through_it() {
  ComponentUnderTest memory("memory", {{"max_entries", "200"}, {"shards", "2"}});
  std::atomic<bool> stop{false};
  std::atomic<int> wrong{0};
  const auto value_of = [](int i) { return std::string(100, static_cast<char>('a' + i % 26)); };
  std::vector<std::thread> readers;
  for (int t = 0; t < 2; ++t) {
    readers.emplace_back([&, t] {
      for (int i = t; !stop; i = (i * 31 + 7) % 1000) {
        const OptionalEntry found = memory->get(std::to_string(i), Call());
        if (found && found->bytes() != value_of(i)) ++wrong;
      }
    });
  }
  const auto write = [&] {
    for (int i = 0; i < 20'000; ++i) {
      memory->set(std::to_string(i % 1000), Entry::copy(value_of(i % 1000)), {}, Call());
    }
  };
  write();
  // A filter holds for the thread that sets it and those that it starts: writers are enough.
  if (!refuse_membarrier()) return no_sandbox;
  write();
  stop = true;
  for (std::thread& reader : readers) reader.join();
  const Document said = memory->stats(Call());
  if (said.root()["entries"].int_value() > 202) return 3;
  return wrong == 0 ? 0 : 2;
}

}  // namespace

TEST_CASE("a store outlives a sandbox that comes to refuse membarrier", "[memory]") {
  check_in_child(live_through_it);
}
