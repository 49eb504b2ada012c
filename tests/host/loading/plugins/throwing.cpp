// A backend that throws: from its constructor what option `at_create` says, from every operation
// what the key (or, where there is none, `without_key`) says.
#include <cairn/plugin.hpp>

#include <array>
#include <new>
#include <stdexcept>
#include <string>

namespace {

using namespace cairn;

struct Foreign {};  // derives from nothing

[[noreturn]] void raise(std::string_view what) {
  if (what == "int") throw 42;
  if (what == "bad_alloc") throw std::bad_alloc();
  if (what == "exception") throw std::runtime_error("something broke");
  if (what == "error") throw Error(Errc::timeout, "took too long", 110);
  throw Foreign();
}

class Throwing final : public Backend {
 public:
  static constexpr auto name = NAME;
  static constexpr auto help = "Throws.";
  static constexpr std::array options{
      Option("at_create", "enum:nothing|int|bad_alloc|exception|error|foreign")
          .defaults_to("nothing")
          .help("What the constructor throws."),
      Option("without_key", "enum:int|bad_alloc|exception|error|foreign")
          .defaults_to("exception")
          .help("What an operation without a key throws."),
  };

  explicit Throwing(const Context& context) : without_key_(context.options().text("without_key")) {
    const std::string what = context.options().text("at_create");
    if (what != "nothing") raise(what);
  }

  OptionalEntry get(Key key, Call) override { raise(key.view()); }
  void set(Key key, const Entry&, const SetOptions&, Call) override { raise(key.view()); }
  bool remove(Key key, Call) override { raise(key.view()); }
  void get_multi(Keys keys, Results, Call) override { raise(keys[0].view()); }
  void set_multi(Keys keys, std::span<const Entry>, const SetOptions&, Statuses, Call) override {
    raise(keys[0].view());
  }
  void remove_multi(Keys keys, Statuses, Call) override { raise(keys[0].view()); }
  std::optional<Token> lock(Key key, Nanoseconds, Call) override { raise(key.view()); }
  bool renew(Key key, Token, Nanoseconds, Call) override { raise(key.view()); }
  bool unlock(Key key, Token, Call) override { raise(key.view()); }
  bool await_unlock(Key key, Nanoseconds, Call) override { raise(key.view()); }
  Document stats(Call) override { raise(without_key_); }
  const void* extension(const char* id) override { raise(id); }
  void after_fork() override { raise(without_key_); }

 private:
  const std::string without_key_;
};

}  // namespace

CAIRN_PLUGIN("org.cairn.test." NAME, "1.0.0", Throwing);
