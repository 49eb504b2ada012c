// Invalidating a group of related keys: a key generator remembers what keys look like, so that all
// keys of one user can be found again.
#include <cairn/cairn.hpp>

#include <cstdint>
#include <cstdio>
#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <vector>

// [generator]
/// Remembers the key of every call with its first argument, the user's id, left open.
class KeyTemplates {
 public:
  std::string make_key(std::string_view function, std::span<const cairn::KeyPart> args) {
    std::string before = std::string(function) + "_";
    std::string after;
    for (const cairn::KeyPart& arg : args.subspan(1)) after += "_" + cairn::to_python_text(arg);
    const std::string id = cairn::to_python_text(args.front());
    std::string key = before + id + after;
    const std::lock_guard lock(mutex_);
    templates_.emplace(std::move(before), std::move(after));
    return key;
  }
  std::vector<std::string> keys_of(int user_id) const {
    std::vector<std::string> keys;
    const std::lock_guard lock(mutex_);
    for (const auto& [before, after] : templates_) {
      keys.push_back(before + std::to_string(user_id) + after);
    }
    return keys;
  }

 private:
  mutable std::mutex mutex_;
  std::set<std::pair<std::string, std::string>> templates_;  // what is before the id, and after it
};
// [/generator]

int main() {
  cairn::Host host(cairn::Config::from_text(R"(
    [region.users]
    backend = "memory"
  )"));
  cairn::Region& region = host.region("users");

  // [functions]
  KeyTemplates user_keys;
  region.set_key_generator([&](std::string_view name, std::span<const cairn::KeyPart> args) {
    return user_keys.make_key(name, args);
  });

  int counter = 0;
  const auto says = [&](const char* who) {
    return [&counter, who](int user_id) {
      return std::string("user fn ") + who + ": " + std::to_string(counter++) + ", " +
             std::to_string(user_id);
    };
  };
  auto user_fn_one = region.cached("user_fn_one", says("one"));
  auto user_fn_two = region.cached("user_fn_two", says("two"));
  auto user_fn_three = region.cached("user_fn_three", says("three"));
  // [/functions]

  const auto ask_all = [&] {
    std::puts(user_fn_one(5).c_str());
    std::puts(user_fn_two(5).c_str());
    std::puts(user_fn_three(7).c_str());
    std::puts(user_fn_two(7).c_str());
  };
  ask_all();
  // [invalidate]
  region.remove_multi(user_keys.keys_of(5));
  // [/invalidate]
  std::puts("invalidated:");
  ask_all();
}
