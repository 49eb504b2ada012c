// What a region's log says of an outage: that it began, and that it is over.

#include "bare_redis.hpp"
#include "catch.hpp"
#include "meanwhile.hpp"
#include "private_server.hpp"
#include "test_host.hpp"

#include <algorithm>
#include <thread>

using namespace cairn;
using namespace std::chrono_literals;

namespace {

std::string region_at(const PrivateRedis& server, const std::string& more = "") {
  return "[backend.shared]\nplugin = \"redis\"\nurl = \"" + server.url() +
         "\"\ntimeout = \"500ms\"\nconnect_timeout = \"500ms\"\nretry_after = \"10ms\"\n"
         "retry_after_at_most = \"20ms\"\n[region.r]\nbackend = \"shared\"\nvalues = \"bytes\"\n" +
         more;
}

std::ptrdiff_t lines_with(const TestHost& host, const std::string& text) {
  const auto lines = host.log();
  return std::count_if(lines.begin(), lines.end(), [&](const std::string& line) {
    return line.find(text) != std::string::npos;
  });
}

bool comes_to_hit(const TestHost& host) {
  return eventually([&] {
    std::this_thread::sleep_for(5ms);
    return host.region().get<std::string>("k") == "v";
  });
}

}  // namespace

TEST_CASE("that reads work again is logged once, by a hit too", "[redis][log][fault]") {
  PrivateRedis server;
  TestHost host(region_at(server));
  host.region().set("k", std::string("v"));
  REQUIRE(comes_to_hit(host));
  server.process().freeze();
  CHECK_FALSE(host.region().get<std::string>("k"));
  CHECK(lines_with(host, "get failed (timeout)") == 1);
  CHECK(lines_with(host, "works again") == 0);
  server.process().resume();
  REQUIRE(comes_to_hit(host));
  CHECK(lines_with(host, "region r: get works again, ") == 1);
  for (int i = 0; i < 10; ++i) host.region().get<std::string>("k");
  CHECK(lines_with(host, "works again") == 1);
}

TEST_CASE("an outage that nobody was told of does not end in the log", "[redis][log][fault]") {
  PrivateRedis server;
  TestHost host(region_at(server));
  for (int outage = 0; outage < 2; ++outage) {
    server.process().kill();
    CHECK_FALSE(host.region().get<std::string>("k"));
    server.process().start();
    CHECK(eventually([&] {
      std::this_thread::sleep_for(5ms);
      host.region().set("k", std::string("v"));
      return host.region().get<std::string>("k") == "v";
    }));
  }
  CHECK(lines_with(host, "get failed (unavailable)") == 1);
  CHECK(lines_with(host, "get works again") == 1);
}

TEST_CASE("a creator's value that is stored, a miss and a get_or_create show that all is well",
          "[redis][log][fault]") {
  PrivateRedis server;
  const bool mangled = GENERATE(false, true);
  TestHost host(region_at(server, mangled ? "key_mangler = \"sha1\"\n" : ""));
  const auto value = [&] {
    return host.region().get_or_create("k", [] { return std::string("v"); });
  };
  server.process().kill();
  CHECK(value() == "v");
  CHECK(lines_with(host, "get failed (unavailable)") == 1);
  CHECK(lines_with(host, "set failed (unavailable)") == 1);
  server.process().start();
  CHECK(eventually([&] {
    std::this_thread::sleep_for(5ms);
    value();
    return lines_with(host, "works again") == 2;
  }));
  CHECK(lines_with(host, "get works again") == 1);
  CHECK(lines_with(host, "set works again") == 1);
}

TEST_CASE("one operation that works says nothing of another, nor of what is refused",
          "[redis][log][fault]") {
  PrivateRedis server({"--maxmemory-policy", "noeviction"});
  TestHost host(region_at(server));
  BareRedis bare(server.port());
  bare({"CONFIG", "SET", "maxmemory", "1"});
  host.region().set("k", std::string("v"));
  CHECK(lines_with(host, "set failed (unavailable): redis: the server answers: OOM") == 1);
  host.region().get<std::string>("k");
  CHECK(lines_with(host, "works again") == 0);
  bare({"CONFIG", "SET", "maxmemory", "0"});
  host.region().set("k", std::string("v"));
  CHECK(lines_with(host, "set works again") == 1);

  bare({"DEL", "list"});
  bare({"RPUSH", "list", "1"});
  host.region().get<std::string>("list");
  host.region().get<std::string>("k");
  CHECK(lines_with(host, "get failed (corrupt)") == 1);
  CHECK(lines_with(host, "get works again") == 0);
}

TEST_CASE("batches, removals and locks tell it too", "[redis][log][fault]") {
  PrivateRedis server;
  std::string toml = region_at(server);
  toml.insert(toml.find("timeout"), "distributed_lock = true\n");
  TestHost host(toml);
  const std::vector<std::string> keys{"a", "b"};
  const auto use = [&] {
    host.region().get_multi<std::string>(keys);
    host.region().set_multi<std::string>({{"a", "1"}, {"b", "2"}});
    host.region().remove("c");
    host.region().remove_multi({"c", "d"});
    host.region().remove("new");
    host.region().get_or_create("new", [] { return std::string("v"); });
  };
  const std::vector<std::string> operations{"get_multi", "set_multi", "remove", "remove_multi",
                                            "lock"};
  server.process().kill();
  use();
  for (const std::string& each : operations) {
    INFO(each);
    CHECK(lines_with(host, "region r: " + each + " failed (unavailable)") == 1);
  }
  server.process().start();
  CHECK(eventually([&] {
    std::this_thread::sleep_for(5ms);
    use();
    return lines_with(host, "lock works again") == 1;
  }));
  use();
  for (const std::string& each : operations) {
    INFO(each);
    CHECK(lines_with(host, "region r: " + each + " works again") == 1);
  }
}
