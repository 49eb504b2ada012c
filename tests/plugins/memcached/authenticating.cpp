// Servers that want a name and a password (SASL), run for real.
#include "catch.hpp"
#include "memcached_under_test.hpp"

#include <unistd.h>

#include <fstream>

using namespace cairn;

namespace {

// What memcached's SASL library reads: who may come in, and how they prove it.
class Accounts {
 public:
  Accounts(const std::string& mechanisms) {
    std::ofstream(folder_ / "memcached.conf")
        << "pwcheck_method: auxprop\nauxprop_plugin: sasldb\nsasldb_path: " << folder_ / "sasldb"
        << "\nmech_list: " << mechanisms << "\n";
    char host[256] = {};
    gethostname(host, sizeof host - 1);
    const std::string add =
        "echo secret | PATH=$PATH:/usr/sbin saslpasswd2 -p -c -a memcached -f " +
        (folder_ / "sasldb") + " -u " + host + " ada";
    if (std::system(add.c_str()) != 0) throw std::runtime_error("saslpasswd2 (sasl2-bin) failed");
    setenv("SASL_CONF_PATH", folder_.path().c_str(), 1);
  }
  Accounts(const Accounts&) = delete;
  Accounts& operator=(const Accounts&) = delete;
  ~Accounts() { unsetenv("SASL_CONF_PATH"); }

 private:
  PrivateFolder folder_;
};

}  // namespace

TEST_CASE("a server that wants a name and a password gets them, and refuses wrong ones",
          "[memcached]") {
  const auto mechanisms = GENERATE("plain", "scram-sha-256");
  CAPTURE(mechanisms);
  const Accounts accounts(mechanisms);
  Servers servers(1, PrivateMemcached::On::loopback, {"-S"});
  const auto with = [&](const std::string& username, const std::string& password) {
    return ComponentUnderTest::OptionTexts{{"servers", servers.list()},
                                           {"protocol", "binary"},
                                           {"username", username},
                                           {"password", password}};
  };
  {
    ComponentUnderTest memcached("memcached", with("ada", "secret"));
    memcached->set("k", Entry::borrow("v"), {}, Call());
    CHECK(text_of(memcached->get("k", Call())) == "v");
    const auto token = memcached->lock("k", {}, Call());
    REQUIRE(token.has_value());
    CHECK(memcached->unlock("k", *token, Call()));
    servers[0].process().restart();  // whoever comes back shows its name again
    CHECK(text_of(memcached->get("k", Call())) == "(miss)");
  }
  for (const auto& [username, password] :
       {std::pair{"ada", "wrong"}, std::pair{"nobody", "secret"}}) {
    ComponentUnderTest memcached("memcached", with(username, password));
    TextCall call;
    const std::string error = error_of([&] { memcached->get("k", call); });
    CHECK_THAT(error, Catch::StartsWith("rejected: memcached: ") &&
                          Catch::Contains("AUTHENTICATION FAILURE") && !Catch::Contains("secret") &&
                          !Catch::Contains("wrong"));
    CHECK(error_of([&] { memcached->set("k", Entry::borrow("x"), {}, Call()); }) ==
          "rejected: rejected");
    CHECK(memcached->stats(Call()).root()["servers_down"].int_value() == 0);
  }
  ComponentUnderTest stranger("memcached", {{"servers", servers.list()}, {"protocol", "binary"}});
  TextCall call;
  CHECK_THAT(error_of([&] { stranger->get("k", call); }),
             Catch::StartsWith("rejected: ") && Catch::Contains("`username`"));
  const Key keys[] = {"k", "l"};
  Entry found[2];
  cairn_status statuses[2] = {CAIRN_MISS, CAIRN_MISS};
  stranger->get_multi(keys, Results(found, statuses, 2), Call());
  CHECK(statuses[0] == CAIRN_REJECTED);
  CHECK(statuses[1] == CAIRN_REJECTED);
}
