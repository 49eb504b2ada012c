// Batches of writes: one answer for all, whatever becomes of each.
#include "catch.hpp"
#include "memcached_under_test.hpp"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <thread>

using namespace cairn;

namespace {

// Accepts one connection on a unix socket, says nothing until it has read `last` and then all there
// is, and answers once.
class LateAnswer {
 public:
  LateAnswer(std::string last, std::string answer)
      : listening_(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path().copy(address.sun_path, sizeof address.sun_path - 1);
    if (bind(listening_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
        listen(listening_, 1) != 0) {
      throw std::runtime_error("cannot listen on " + path());
    }
    thread_ = std::thread([this, last = std::move(last), answer = std::move(answer)] {
      const int client = accept(listening_, nullptr, nullptr);
      std::string seen;
      char buffer[4096];
      while (seen.find(last) == std::string::npos) {
        const ssize_t size = read(client, buffer, sizeof buffer);
        if (size <= 0) break;
        seen.append(buffer, static_cast<std::size_t>(size));
      }
      (void)!write(client, answer.data(), answer.size());
      while (read(client, buffer, sizeof buffer) > 0) {
      }
      close(client);
    });
  }
  LateAnswer(const LateAnswer&) = delete;
  LateAnswer& operator=(const LateAnswer&) = delete;
  ~LateAnswer() {
    thread_.join();
    close(listening_);
  }
  std::string path() const { return folder_ / "socket"; }

 private:
  PrivateFolder folder_;
  int listening_;
  std::thread thread_;
};

// A binary answer to the request with this code: done.
std::string done(char opcode) {
  std::string header(24, '\0');
  header[0] = static_cast<char>(0x81);
  header[1] = opcode;
  return header;
}

struct Keyed {
  std::vector<std::string> names;
  std::vector<Key> keys;
  std::vector<cairn_status> statuses;
  explicit Keyed(int count) : statuses(static_cast<std::size_t>(count), CAIRN_OK) {
    for (int i = 0; i < count; ++i)
      names.push_back(std::string("key").append(std::to_string(100 + i)));
    keys.assign(names.begin(), names.end());
  }
  Statuses answers() { return {statuses.data(), statuses.size()}; }
};

}  // namespace

TEST_CASE("a batch of writes waits for one answer, in both protocols", "[memcached]") {
  const auto protocol = GENERATE("ascii", "binary");
  const bool removes = GENERATE(false, true);
  CAPTURE(protocol, removes);
  const bool binary = std::string(protocol) == "binary";
  Keyed batch(50);
  // A server that answers each of them would be waited for in vain.
  LateAnswer server("key149", binary    ? done(removes ? 4 : 1)
                              : removes ? "DELETED\r\n"
                                        : "STORED\r\n");
  {
    ComponentUnderTest memcached(
        "memcached", {{"servers", server.path()}, {"protocol", protocol}, {"timeout", "5s"}});
    if (removes) {
      memcached->remove_multi(batch.keys, batch.answers(), Call());
    } else {
      const std::vector<Entry> entries(50, Entry::borrow("v"));
      memcached->set_multi(batch.keys, entries, {}, batch.answers(), Call());
    }
  }
  CHECK(std::count(batch.statuses.begin(), batch.statuses.end(), CAIRN_OK) == 50);
}

TEST_CASE("what a server refuses without an answer is gone, and nothing gets out of step",
          "[memcached]") {
  const auto protocol = GENERATE("ascii", "binary");
  const std::size_t refused = GENERATE(std::size_t{0}, std::size_t{7}, std::size_t{19});
  CAPTURE(protocol, refused);
  Servers servers(1, PrivateMemcached::On::loopback, {"-I", "8192", "-o", "slab_chunk_max=4096"});
  ComponentUnderTest memcached("memcached", {{"servers", servers.list()}, {"protocol", protocol}});
  const std::string large(20'000, 'x');  // for the server, but small enough to be sent quietly
  Keyed batch(20);
  memcached->set(batch.keys[refused], Entry::borrow("old"), {}, Call());
  std::vector<Entry> entries;
  for (const std::string& name : batch.names) {
    entries.push_back(Entry::copy(std::string("of ").append(name)));
  }
  entries[refused] = Entry::borrow(large);
  memcached->set_multi(batch.keys, entries, {}, batch.answers(), Call());
  for (std::size_t i = 0; i < 20; ++i) {
    CAPTURE(i);
    // The last is answered.
    CHECK(batch.statuses[i] == (i == refused && i == 19 ? CAIRN_REJECTED : CAIRN_OK));
    CHECK(text_of(memcached->get(batch.keys[i], Call())) ==
          (i == refused ? "(miss)" : std::string("of ").append(batch.names[i])));
  }
  CHECK(memcached->stats(Call()).root()["failures"].int_value() == 0);
}

TEST_CASE("a batch removes what is there and does not mind what is not, in both protocols",
          "[memcached]") {
  const auto protocol = GENERATE("ascii", "binary");
  CAPTURE(protocol);
  Servers servers(1);
  Bystander bystander(servers[0]);
  ComponentUnderTest memcached("memcached", {{"servers", servers.list()}, {"protocol", protocol}});
  Keyed batch(40);
  for (std::size_t i = 0; i < 40; i += 2) {
    memcached->set(batch.keys[i], Entry::borrow("v"), {}, Call());
  }
  memcached->remove_multi(batch.keys, batch.answers(), Call());
  CHECK(batch.statuses[39] == CAIRN_MISS);  // of the last key it is known
  for (const std::string& name : batch.names) CHECK_FALSE(bystander.get(name).has_value());
  CHECK(bystander.add("key100", "x"));  // gone for `add` too, which creation locks are made by
  memcached->set("key101", Entry::borrow("again"), {}, Call());
  CHECK(text_of(memcached->get("key101", Call())) == "again");
  CHECK(memcached->stats(Call()).root()["failures"].int_value() == 0);
}
