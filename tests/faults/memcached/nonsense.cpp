// Servers that answer, but not as memcached does.
#include "../../plugins/memcached/memcached_under_test.hpp"
#include "catch.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <thread>

using namespace cairn;
using namespace std::chrono_literals;

namespace {

// Says the same to whatever is asked, on one connection at a time.
class Parrot {
 public:
  explicit Parrot(std::string says)
      : says_(std::move(says)), listener_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    REQUIRE(bind(listener_, reinterpret_cast<sockaddr*>(&address), size) == 0);
    REQUIRE(listen(listener_, 10) == 0);
    REQUIRE(getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) == 0);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { serve(); });
  }
  Parrot(const Parrot&) = delete;
  Parrot& operator=(const Parrot&) = delete;
  /// After whoever talks to it has hung up.
  ~Parrot() {
    shutdown(listener_, SHUT_RDWR);
    thread_.join();
    close(listener_);
  }
  std::string name() const { return "127.0.0.1:" + std::to_string(port_); }

 private:
  void serve() const {
    for (int peer; (peer = accept(listener_, nullptr, nullptr)) >= 0; close(peer)) {
      char asked[4096];
      while (recv(peer, asked, sizeof asked, 0) > 0) {
        if (send(peer, says_.data(), says_.size(), MSG_NOSIGNAL) < 0) break;
      }
    }
  }

  const std::string says_;
  const int listener_;
  int port_ = 0;
  std::thread thread_;
};

}  // namespace

TEST_CASE("an error or nonsense for an answer is a failure, and not a miss", "[faults]") {
  const std::string says =
      GENERATE("SERVER_ERROR no backend\r\n", "CLIENT_ERROR bad\r\n",
               "HTTP/1.1 400 Bad Request\r\n\r\n", "VALUE k 0 9223372036854775807\r\n");
  CAPTURE(says);
  Parrot parrot(says);
  ComponentUnderTest memcached("memcached", {{"servers", parrot.name()}, {"dead_after", "1000"}});
  CHECK_THAT(error_of([&] { memcached->get("k", Call()); }), Catch::StartsWith("unavailable"));
  CHECK_THAT(error_of([&] { memcached->await_unlock("k", 0ns, Call()); }),
             Catch::StartsWith("unavailable"));
  CHECK_THAT(error_of([&] { memcached->renew("k", 1, 1s, Call()); }),
             Catch::StartsWith("unavailable"));
  const Key keys[] = {"k", "l"};
  Entry found[2];
  cairn_status statuses[2] = {CAIRN_MISS, CAIRN_MISS};
  memcached->get_multi(keys, Results(found, statuses, 2), Call());
  CHECK(statuses[0] == CAIRN_UNAVAILABLE);
  CHECK(statuses[1] == CAIRN_UNAVAILABLE);
  CHECK(memcached->stats(Call()).root()["failures"].int_value() == 4);
}
