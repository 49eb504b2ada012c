// Encoding values on their way to the store: by the msgpack plugin, and by a codec of one's own.
//
//     CAIRN_PLUGIN_PATH=/where/cairn-hex.so/is encode_values FILE.toml
#include <cairn/cairn.hpp>

#include <cstdio>
#include <string>
#include <vector>

struct User {
  int id;
  std::string name;
  std::vector<std::string> roles;
};
CAIRN_FIELDS(User, id, name, roles);

int main(int argc, char** argv) {
  const char* file = argc > 1 ? argv[1] : "encode_values.toml";
  cairn::Host host(cairn::Config::from_file(file));
  cairn::Region& users = host.region("users");
  cairn::Region& raw = host.region("raw");

  users.set("ada", User{1, "Ada", {"admin"}});
  std::printf("stored: %s\n", raw.get<std::string>("ada")->c_str());
  const auto ada = users.get<User>("ada");
  std::printf("read:   %d %s, %s\n", ada->id, ada->name.c_str(), ada->roles.front().c_str());

  raw.set("ada", "no digits");
  std::printf("what cannot be decoded is a miss: %s\n", users.get<User>("ada") ? "no" : "yes");
}
