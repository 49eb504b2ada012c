// TLS: what is accepted, and why the rest is refused.

#include "bare_redis.hpp"
#include "batch.hpp"
#include "catch.hpp"
#include "certificates.hpp"
#include "component_under_test.hpp"
#include "failure_of.hpp"
#include "meanwhile.hpp"
#include "private_server.hpp"

#include <thread>

using namespace cairn;
using namespace std::chrono_literals;

namespace {

const Certificates& certificates() {
  static const Certificates all;
  return all;
}

class TlsRedis {
 public:
  explicit TlsRedis(const std::string& certificate, const std::string& ask_clients = "no")
      : port_(free_port()),
        server_({"--tls-port", std::to_string(port_), "--tls-cert-file",
                 certificates().file(certificate + ".crt"), "--tls-key-file",
                 certificates().file(certificate + ".key"), "--tls-ca-cert-file",
                 certificates().file("ca.crt"), "--tls-auth-clients", ask_clients}) {
    BareRedis(server_.port())({"PING"});  // by then it listens at the other port too
  }
  std::string url() const { return "rediss://127.0.0.1:" + std::to_string(port_); }
  PrivateRedis& plain() noexcept { return server_; }

 private:
  int port_;
  PrivateRedis server_;
};

std::string refusal(ComponentUnderTest::OptionTexts options) {
  options["retry_after"] = "1ms";
  ComponentUnderTest redis("redis", options);
  const Failure failure = failure_of([&](Call call) { redis->get("k", call); });
  CHECK(failure.code == Errc::rejected);
  return failure.text;
}

}  // namespace

TEST_CASE("entries travel over TLS, large ones, batches and many threads too", "[redis][tls]") {
  TlsRedis server("server");
  ComponentUnderTest redis("redis",
                           {{"url", server.url()}, {"ca_file", certificates().file("ca.crt")}});
  const std::string large(3'000'000, 'z');
  redis->set("large", Entry::borrow(large), {}, Call());
  CHECK(redis->get("large", Call())->bytes() == large);
  CHECK(BareRedis(server.plain().port())({"STRLEN", "large"}) == "3000000");

  std::vector<std::string> names;
  std::vector<Entry> values;
  for (int i = 0; i < 500; ++i) {
    names.push_back(std::to_string(i));
    values.push_back(Entry::copy(std::string(200, 'v').append(names.back())));
  }
  Batch batch(names);
  redis->set_multi(batch.keys, values, {}, batch.answers(), Call());
  redis->get_multi(batch.keys, batch.results(), Call());
  CHECK(batch.entries[499].bytes() == values[499].bytes());

  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&, t] {
      const std::string key = std::string("t").append(std::to_string(t));
      for (int i = 0; i < 100; ++i) {
        redis->set(key, Entry::borrow(key), {}, Call());
        if (redis->get(key, Call())->bytes() != key) ++wrong;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(wrong == 0);
}

TEST_CASE("locks and their news travel over TLS", "[redis][tls]") {
  TlsRedis server("server");
  const ComponentUnderTest::OptionTexts options{{"url", server.url()},
                                                {"ca_file", certificates().file("ca.crt")}};
  ComponentUnderTest holder("redis", options);
  ComponentUnderTest waiter("redis", options);
  const auto token = holder->lock("k", 5min, Call());
  REQUIRE(token.has_value());
  std::atomic<bool> free{false};
  std::thread waits([&] { free = waiter->await_unlock("k", 2min, Call()); });
  BareRedis bare(server.plain().port());
  const std::vector<std::string> who_listens{"PUBSUB", "NUMSUB", "cairn:unlocked:_lockk"};
  CHECK(eventually([&] { return bare(who_listens) == "cairn:unlocked:_lockk 1"; }));
  CHECK(holder->unlock("k", *token, Call()));
  waits.join();
  CHECK(free);
}

TEST_CASE("a server name other than the host can be expected", "[redis][tls]") {
  TlsRedis server("server");
  ComponentUnderTest redis("redis", {{"url", server.url()},
                                     {"ca_file", certificates().file("ca.crt")},
                                     {"server_name", "cache.example"}});
  redis->set("k", Entry::copy("v"), {}, Call());
  CHECK(redis->get("k", Call())->bytes() == "v");
}

TEST_CASE("a client certificate is shown to a server that asks", "[redis][tls]") {
  TlsRedis server("server", "yes");
  ComponentUnderTest redis("redis", {{"url", server.url()},
                                     {"ca_file", certificates().file("ca.crt")},
                                     {"cert_file", certificates().file("client.crt")},
                                     {"key_file", certificates().file("client.key")}});
  redis->set("k", Entry::copy("v"), {}, Call());
  CHECK(redis->get("k", Call())->bytes() == "v");
}

TEST_CASE("a certificate that is wrong is refused with the reason", "[redis][tls]") {
  using Catch::Contains;
  const std::string ca = certificates().file("ca.crt");
  TlsRedis good("server");
  CHECK_THAT(refusal({{"url", good.url()}, {"ca_file", certificates().file("other-ca.crt")}}),
             Contains("certificate is refused") && Contains("give whom to trust as `ca_file`"));
  CHECK_THAT(refusal({{"url", good.url()}, {"ca_file", ca}, {"server_name", "other.example"}}),
             Contains("hostname mismatch: it is not for `other.example`"));
  TlsRedis elsewhere("elsewhere");
  CHECK_THAT(refusal({{"url", elsewhere.url()}, {"ca_file", ca}}), Contains("IP address mismatch"));
  TlsRedis expired("expired");
  CHECK_THAT(refusal({{"url", expired.url()}, {"ca_file", ca}}), Contains("expired"));

  ComponentUnderTest careless("redis", {{"url", expired.url()}, {"verify", "false"}});
  careless->set("k", Entry::copy("v"), {}, Call());
  CHECK(careless->get("k", Call())->bytes() == "v");
}

TEST_CASE(
    "who speaks no TLS to a port that wants it, or shows no certificate, is told what to give",
    "[redis][tls]") {
  TlsRedis server("server", "yes");
  const auto failure_at = [](ComponentUnderTest::OptionTexts options) {
    ComponentUnderTest redis("redis", options);
    return failure_of([&](Call call) { redis->get("k", call); }).text;
  };
  const std::string plain = "redis" + server.url().substr(std::string("rediss").size());
  CHECK_THAT(failure_at({{"url", plain}}), Catch::Contains("does it want TLS (rediss://"));
  CHECK_THAT(failure_at({{"url", server.url()}, {"ca_file", certificates().file("ca.crt")}}),
             Catch::Contains("`cert_file`"));
}

TEST_CASE("a server that does not speak TLS is asked whether it does", "[redis][tls]") {
  PrivateRedis plain;
  ComponentUnderTest redis("redis", {{"url", "rediss://127.0.0.1:" + std::to_string(plain.port())},
                                     {"verify", "false"},
                                     {"connect_timeout", "100ms"}});
  const Failure failure = failure_of([&](Call call) { redis->get("k", call); });
  CHECK(failure.code == Errc::timeout);
  CHECK_THAT(failure.text, Catch::Contains("does it speak TLS at this port?"));
}

TEST_CASE("a TLS server that dies takes nobody down", "[redis][tls][fault]") {
  TlsRedis server("server");
  ComponentUnderTest redis("redis", {{"url", server.url()},
                                     {"ca_file", certificates().file("ca.crt")},
                                     {"retry_after", "5ms"},
                                     {"retry_after_at_most", "20ms"}});
  redis->set("k", Entry::copy("v"), {}, Call());
  server.plain().process().kill();
  CHECK(failure_of([&](Call call) { redis->set("k", Entry::copy("w"), {}, call); }).code ==
        Errc::unavailable);
  server.plain().process().start();
  CHECK(eventually([&] {
    std::this_thread::sleep_for(1ms);
    return !failure_of([&](Call call) { redis->set("k", Entry::copy("x"), {}, call); }).code;
  }));
  std::string found;
  CHECK(failure_of([&](Call call) { found = redis->get("k", call)->bytes(); }).text == "");
  CHECK(found == "x");
}
