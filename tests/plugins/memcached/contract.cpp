#include "catch.hpp"
#include "memcached_under_test.hpp"

#include <cstdlib>

TEST_CASE("the contract of a backend holds, in both protocols, on one server and on three",
          "[memcached]") {
  const auto protocol = GENERATE("ascii", "binary");
  const int count = GENERATE(1, 3);
  Servers servers(count);
  const std::string command = std::string(std::getenv("CAIRN_TEST_CONTRACT")) +
                              " memcached 'servers=" + servers.list() + "' protocol=" + protocol;
  INFO(command);
  CHECK(std::system(command.c_str()) == 0);
}
