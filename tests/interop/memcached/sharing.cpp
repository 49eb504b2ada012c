// Values and creation locks shared with Python programs, run for real: every client of
// dogpile.cache that there is, one server and three, JSON and msgpack, both ways.
#include "../../plugins/memcached/memcached_under_test.hpp"
#include "catch.hpp"

#include <sys/wait.h>

#include <cstdio>

using namespace cairn;
using namespace std::chrono_literals;

namespace {

constexpr int keys = 50;

std::string run(const std::string& command) {
  std::FILE* pipe = popen(command.c_str(), "r");
  REQUIRE(pipe != nullptr);
  std::string output;
  char buffer[256];
  while (std::fgets(buffer, sizeof buffer, pipe) != nullptr) output += buffer;
  const int status = pclose(pipe);
  INFO(command);
  REQUIRE(status == 0);
  while (!output.empty() && output.back() == '\n') output.pop_back();
  return output;
}

class Peer {
 public:
  Peer(std::string client, std::string serializer, std::string servers)
      : client_(std::move(client)),
        serializer_(std::move(serializer)),
        servers_(std::move(servers)) {
    std::erase(servers_, ' ');
  }
  std::string operator()(const std::string& command, const std::string& argument) const {
    return run(std::string(std::getenv("CAIRN_TEST_PYTHON")) + " " +
               std::getenv("CAIRN_TEST_PEER") + " " + client_ + " " + serializer_ + " " + servers_ +
               " " + command + " " + argument);
  }

 private:
  std::string client_, serializer_, servers_;
};

std::string key_of(int i) {
  return std::string("key:").append(std::to_string(i));
}

struct Case {
  const char* client;      // dogpile.cache's name for the backend
  const char* compatible;  // ours
  int most_servers;        // that it can share, locks included
};
const std::vector<Case> peers{
    {"pylibmc", "pylibmc", 3},
    {"memcached", "python-memcached", 3},
    {"pymemcache", "pymemcache", 3},
    {"bmemcached", "bmemcached", 1},
};

}  // namespace

TEST_CASE("Python reads what we write and we read what Python writes, byte for byte", "[interop]") {
  const Case peer = GENERATE(from_range(peers));
  const int count = GENERATE(1, 3);
  const std::string serializer = GENERATE("msgpack", "json");
  if (count > peer.most_servers) return;
  CAPTURE(peer.client, count, serializer);
  Servers servers(count);
  const Peer python(peer.client, serializer, servers.list());
  ComponentUnderTest memcached("memcached",
                               {{"servers", servers.list()}, {"compatible_with", peer.compatible}});

  // Theirs, read by us: an envelope and the payload.
  REQUIRE(python("set", std::to_string(keys)) == std::to_string(keys));
  std::vector<std::string> stored;
  int found = 0;
  for (int i = 0; i < keys; ++i) {
    const auto entry = memcached->get(key_of(i), Call());
    found += entry.has_value();
    stored.emplace_back(entry ? entry->bytes() : std::string_view());
  }
  CHECK(found == keys);
  CHECK_THAT(stored[7], Catch::StartsWith("{\"ct\": ") && Catch::Contains(", \"v\": 2}|"));
  if (serializer == "json") CHECK_THAT(stored[7], Catch::Contains("|{\"n\": 7, "));

  // Ours, read by them: the same bytes, in empty servers.
  for (int i = 0; i < keys; ++i) CHECK(memcached->remove(key_of(i), Call()));
  CHECK(python("check", std::to_string(keys)) == "0");
  std::vector<std::string> names;
  for (int i = 0; i < keys; ++i) names.push_back(key_of(i));
  const std::vector<Key> batch(names.begin(), names.end());
  std::vector<Entry> entries;
  for (const std::string& bytes : stored) entries.push_back(Entry::copy(bytes));
  std::vector<cairn_status> statuses(batch.size(), CAIRN_OK);
  memcached->set_multi(batch, entries, {}, Statuses(statuses.data(), statuses.size()), Call());
  CHECK(python("check", std::to_string(keys)) == std::to_string(keys));
}

TEST_CASE("creation locks exclude each other across languages", "[interop]") {
  const Case peer = GENERATE(from_range(peers));
  const int count = GENERATE(1, 3);
  if (count > peer.most_servers) return;
  CAPTURE(peer.client, count);
  Servers servers(count);
  const Peer python(peer.client, "json", servers.list());
  ComponentUnderTest memcached("memcached",
                               {{"servers", servers.list()}, {"compatible_with", peer.compatible}});
  for (const char* key : {"key:1", "key:2"}) {
    const auto ours = memcached->lock(key, 10min, Call());
    REQUIRE(ours.has_value());
    CHECK(python("locked", key) == "1");
    CHECK(python("lock", key) == "0");
    CHECK(memcached->unlock(key, *ours, Call()));
    CHECK(python("lock", key) == "1");
    CHECK_FALSE(memcached->lock(key, 30s, Call()).has_value());
    CHECK_FALSE(memcached->await_unlock(key, 1ms, Call()));
    CHECK_FALSE(memcached->unlock(key, *ours, Call()));  // it is theirs now
    CHECK(python("unlock", key) == "1");
    CHECK(memcached->await_unlock(key, 0ns, Call()));
  }
}

TEST_CASE("ketama places keys as libmemcached does in Python", "[interop]") {
  Servers servers(3);
  const Peer python("ketama", "-", servers.list());
  ComponentUnderTest memcached("memcached",
                               {{"servers", servers.list()}, {"distribution", "ketama"}});
  REQUIRE(python("set", "100") == "100");
  int found = 0;
  for (int i = 0; i < 100; ++i) found += text_of(memcached->get(key_of(i), Call())) == key_of(i);
  CHECK(found == 100);
}
