// A plugin whose statics crash when the process ends, and that exports more than it should.

#include <cairn/plugin.hpp>
#include <cairn/testing/map_backend.hpp>

#include <thread>

CAIRN_EXPORT int a_name_that_others_may_use = 1;

namespace {

std::thread worker;  // still joinable when it is destroyed

struct CrashesAtExit final : cairn::testing::MapBackend {
  static constexpr auto name = "crashes-at-exit";
  static constexpr auto help = "Has a fault.";
  CrashesAtExit() {
    if (!worker.joinable())
      worker = std::thread([] { std::this_thread::sleep_for(std::chrono::minutes(1)); });
  }
};

}  // namespace

CAIRN_PLUGIN("org.example.wrong-statics", "1.0.0", CrashesAtExit);
