// null: keeps nothing. Every read is a miss, so that a program runs as if it had no cache.

#include <cairn/plugin.hpp>

namespace {

using namespace cairn;

class Null final : public Backend {
 public:
  static constexpr auto name = "null";
  static constexpr auto help = "Keeps nothing: every read is a miss.";

  OptionalEntry get(Key, Call) override { return std::nullopt; }
  void set(Key, const Entry&, const SetOptions&, Call) override {}
  bool remove(Key, Call) override { return false; }
  void get_multi(Keys, Results, Call) override {}
  void set_multi(Keys, std::span<const Entry>, const SetOptions&, Statuses, Call) override {}
  void remove_multi(Keys, Statuses, Call) override {}
  // Everybody gets the lock: creators run every time, and side by side.
  std::optional<Token> lock(Key, Nanoseconds, Call) override { return 1; }
  bool renew(Key, Token, Nanoseconds, Call) override { return true; }
  bool unlock(Key, Token, Call) override { return true; }
  bool await_unlock(Key, Nanoseconds, Call) override { return true; }
  void after_fork() override {}
};

}  // namespace

CAIRN_PLUGIN("org.cairn.null", "0.1.0", Null);
