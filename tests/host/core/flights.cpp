// Flights and leads by themselves: what waiters are promised whatever a leader does.
#include "region/flights.hpp"

#include "catch.hpp"
#include "meanwhile.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <future>
#include <thread>
#include <vector>

using namespace cairn;
using namespace cairn::hosting;
using namespace std::chrono_literals;

namespace {

using Landing = Flight::Landing;

const auto no_time = std::chrono::steady_clock::time_point();

}  // namespace

TEST_CASE("the first to claim a key leads, the next one joins", "[flights]") {
  Flights flights;
  Flights::Claim first = flights.claim("k");
  REQUIRE(first.lead);
  CHECK(first.other == nullptr);
  const Flights::Claim second = flights.claim("k");
  CHECK_FALSE(second.lead);
  REQUIRE(second.other != nullptr);
  CHECK(second.other->led_by_this_thread());
  CHECK_FALSE(flights.try_lead("k"));
  CHECK(flights.try_lead("other"));
  CHECK(flights.in_flight("k"));
  CHECK_FALSE(flights.in_flight("other"));  // that lead was dropped at once
}

TEST_CASE("a flight lands once: what its leader does later changes nothing", "[flights]") {
  Flights flights;
  Lead lead = flights.try_lead("k");
  const auto joined = flights.claim("k").other;
  lead.land_with(Entry::copy("value"));
  lead.land_failed(std::make_exception_ptr(1));
  lead.land_empty();
  CHECK_FALSE(lead);
  lead = Lead();
  CHECK(joined->wait(no_time) == Landing::value);
  CHECK(joined->value().bytes() == "value");
  CHECK(joined->error() == nullptr);
  CHECK(flights.landings() == 1);
}

TEST_CASE("a lead that is dropped, or makes room for another, lands empty-handed", "[flights]") {
  Flights flights;
  { const Lead dropped = flights.try_lead("a"); }
  CHECK_FALSE(flights.in_flight("a"));
  Lead lead = flights.try_lead("a");
  const auto joined = flights.claim("a").other;
  lead = flights.try_lead("b");
  CHECK(joined->wait(FutexWord::for_ever) == Landing::gave_up);
  CHECK_FALSE(flights.in_flight("a"));
  CHECK(flights.in_flight("b"));
  CHECK(flights.landings() == 2);
}

TEST_CASE("a wait that is over finds the flight still in the air", "[flights]") {
  Flights flights;
  Lead lead = flights.try_lead("k");
  const auto joined = flights.claim("k").other;
  CHECK(joined->wait(no_time) == Landing::none);
  CHECK(joined->wait(std::chrono::steady_clock::now() + 1ms) == Landing::none);
  lead.land_failed(std::make_exception_ptr(std::runtime_error("no database")));
  CHECK(joined->wait(no_time) == Landing::failed);
  CHECK_THROWS_WITH(std::rethrow_exception(joined->error()), "no database");
}

TEST_CASE("everybody who waits is woken by the landing, with or without a deadline", "[flights]") {
  Flights flights;
  for (int round = 0; round < 50; ++round) {
    Lead lead = flights.try_lead("k");
    std::atomic<int> joined{0};
    std::vector<std::future<std::string>> waiting;
    for (int i = 0; i < 8; ++i) {
      const auto deadline =
          i % 2 == 0 ? FutexWord::for_ever : std::chrono::steady_clock::now() + 1h;
      waiting.push_back(std::async(std::launch::async, [&, deadline]() -> std::string {
        const auto other = flights.claim("k").other;
        ++joined;
        if (other == nullptr) return "it led";
        return other->wait(deadline) == Landing::value ? std::string(other->value().bytes())
                                                       : "it gave up";
      }));
    }
    // It lands while the last of them are about to sleep, and in every other round when they sleep.
    CHECK(eventually([&] { return joined == 8; }));
    if (round % 2 == 0) std::this_thread::sleep_for(1ms);
    lead.land_with(Entry::copy("value"));
    for (auto& one : waiting) CHECK(one.get() == "value");
  }
}

TEST_CASE("a fork's child knows no flights, and ends its own all the same", "[flights]") {
  Flights flights;
  Lead lead = flights.try_lead("k");
  const pid_t child = fork();
  if (child == 0) {
    flights.after_fork();
    if (flights.in_flight("k")) _exit(1);
    Lead again = flights.try_lead("k");
    if (!again) _exit(2);
    lead.land_with(Entry::copy("old"));
    _exit(flights.in_flight("k") ? 0 : 3);  // the other one
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  REQUIRE(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 0);
  CHECK(flights.in_flight("k"));  // the parent's goes on
}
