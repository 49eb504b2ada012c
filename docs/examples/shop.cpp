// What a program does with a cache: ask for a value, and say how it is made if it is not there.
#include <cairn/cairn.hpp>

#include <cstdio>
#include <exception>
#include <optional>
#include <string>

// [type]
struct User {
  int id = 0;
  std::string name;
  std::optional<std::string> email;
};
CAIRN_FIELDS(User, id, name, email);
// [/type]

namespace {

User load_user(int id) {
  return {id, "Ada Lovelace", std::nullopt};
}  // from a database, say

}  // namespace

int main() try {
  // [use]
  cairn::Host host(cairn::Config::from_file("shop.toml"));
  cairn::Region& users = host.region("users");

  User user = users.get_or_create("42", [] { return load_user(42); });
  // [/use]
  std::printf("%s\n", user.name.c_str());
  return 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
