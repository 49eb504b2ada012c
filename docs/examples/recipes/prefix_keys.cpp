// Prefixing all keys of a region, so that it can share a store with others: by a function, or by a
// layer of the stack.
//
//     prefix_keys FILE.toml
#include <cairn/cairn.hpp>

#include <cstdio>
#include <string>

int main(int argc, char** argv) {
  const char* file = argc > 1 ? argv[1] : "prefix_keys.toml";
  cairn::Host host(cairn::Config::from_file(file));

  // [function]
  cairn::Region& in_code = host.region("in_code");
  in_code.set_key_mangler([](std::string_view key) { return "myapp:code:" + std::string(key); });
  // [/function]
  in_code.set("color", "red");

  cairn::Region& in_the_file = host.region("in_the_file");
  in_the_file.set("color", "blue");

  cairn::Region& everything = host.region("everything");
  for (const char* key : {"color", "myapp:code:color", "myapp:cairn:color"}) {
    std::printf("%s = %s\n", key, everything.get<std::string>(key).value_or("(nothing)").c_str());
  }
  std::printf("each sees its own: %s, %s\n", in_code.get<std::string>("color")->c_str(),
              in_the_file.get<std::string>("color")->c_str());
}
