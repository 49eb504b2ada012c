// What crosses the C boundary when a component written in C++ is called through its table.
#include "catch.hpp"

#include <cairn/plugin.hpp>

#include <functional>
#include <map>

using namespace cairn;

namespace {

// Throws whatever it is told to, from everything.
std::function<void()> throw_it = [] {};

struct Thrower : Backend {
  static constexpr auto name = "thrower";
  static constexpr auto help = "Throws.";
  explicit Thrower(const Context& context) {
    if (context.options().node()) throw_it();
  }
  OptionalEntry get(Key, Call) override { return throw_it(), std::nullopt; }
  void set(Key, const Entry&, const SetOptions&, Call) override { throw_it(); }
  bool remove(Key, Call) override { return throw_it(), true; }
  void get_multi(Keys, Results results, Call) override {
    results.hit(0, Entry::copy("handed out"));
    throw_it();
  }
  void set_multi(Keys, std::span<const Entry>, const SetOptions&, Statuses, Call) override {
    throw_it();
  }
  void remove_multi(Keys, Statuses, Call) override { throw_it(); }
  std::optional<Token> lock(Key, Nanoseconds, Call) override { return throw_it(), 1; }
  bool renew(Key, Token, Nanoseconds, Call) override { return throw_it(), true; }
  bool unlock(Key, Token, Call) override { return throw_it(), true; }
  bool await_unlock(Key, Nanoseconds, Call) override { return throw_it(), true; }
  Document stats(Call) override { return throw_it(), Document(); }
  const void* extension(const char*) override { return throw_it(), this; }
  void after_fork() override { throw_it(); }
};
using Thrown = detail::ComponentOf<Thrower>;

cairn_call fresh_call() {
  cairn_call call{};
  call.size = sizeof call;
  return call;
}

// Every slot that answers with a status, called once on `self`.
std::map<std::string, std::function<cairn_status(cairn_call*)>> every_slot(void* self) {
  static const cairn_bytes key{"k", 1};
  static const Entry value = Entry::copy("v");
  static const cairn_ops& ops = *Thrown::value.ops;
  return {
      {"get",
       [=](cairn_call* c) {
         cairn_entry out{};
         return ops.get(self, c, key, &out);
       }},
      {"set", [=](cairn_call* c) { return ops.set(self, c, key, &value.raw(), nullptr); }},
      {"remove", [=](cairn_call* c) { return ops.remove(self, c, key); }},
      {"get_multi",
       [=](cairn_call* c) {
         cairn_entry out{};
         cairn_status status = CAIRN_MISS;
         const cairn_status all = ops.get_multi(self, c, &key, 1, &out, &status);
         if (all < 0) CHECK(out.owner == nullptr);  // nothing is handed out by a batch that failed
         cairn_release(out.owner);
         return all;
       }},
      {"set_multi",
       [=](cairn_call* c) {
         cairn_status status = CAIRN_OK;
         return ops.set_multi(self, c, &key, &value.raw(), 1, nullptr, &status);
       }},
      {"remove_multi",
       [=](cairn_call* c) {
         cairn_status status = CAIRN_MISS;
         return ops.remove_multi(self, c, &key, 1, &status);
       }},
      {"lock",
       [=](cairn_call* c) {
         uint64_t token = 0;
         return ops.lock(self, c, key, 0, &token);
       }},
      {"renew", [=](cairn_call* c) { return ops.renew(self, c, key, 1, 0); }},
      {"unlock", [=](cairn_call* c) { return ops.unlock(self, c, key, 1); }},
      {"await_unlock", [=](cairn_call* c) { return ops.await_unlock(self, c, key, 0); }},
      {"stats",
       [=](cairn_call* c) {
         cairn_entry out{};
         const cairn_status status = ops.stats(self, c, &out);
         cairn_release(out.owner);
         return status;
       }},
  };
}

struct Throwable {
  const char* what;
  std::function<void()> raise;
  cairn_status status;
  const char* text;
};
const Throwable throwables[] = {
    {"an Error", [] { throw Error(Errc::rejected, "key too long", 36); }, CAIRN_REJECTED,
     "thrower: key too long"},
    {"an Error of a layer below", [] { throw Error::from_layer(Errc::timeout, "redis: slow", 0); },
     CAIRN_TIMEOUT, "redis: slow"},
    {"a standard exception", [] { throw std::runtime_error("driver is lost"); }, CAIRN_INTERNAL,
     "thrower: driver is lost"},
    {"running out of memory", [] { throw std::bad_alloc(); }, CAIRN_INTERNAL,
     "thrower: out of memory"},
    {"a number", [] { throw 42; }, CAIRN_INTERNAL,
     "thrower: threw something that is not a std::exception"},
};

}  // namespace

TEST_CASE("whatever any operation throws becomes a status and a text", "[boundary]") {
  throw_it = [] {};
  Thrower thrower{Context(Options(nullptr), Services())};
  for (const Throwable& thrown : throwables) {
    for (const auto& [name, slot] : every_slot(&thrower)) {
      INFO(thrown.what << " from " << name);
      throw_it = thrown.raise;
      cairn_call call = fresh_call();
      CHECK(slot(&call) == thrown.status);
      CHECK(call.error == thrown.status);
      CHECK(std::string(call.error_text) == thrown.text);
      CHECK(slot(nullptr) == thrown.status);  // without a call the text is dropped, nothing else
      throw_it = [] {};
      cairn_call clean = fresh_call();
      CHECK(slot(&clean) >= 0);
      CHECK(clean.error == CAIRN_OK);
    }
  }
}

TEST_CASE("the errno behind an error is handed on", "[boundary]") {
  throw_it = [] { throw Error(Errc::unavailable, "no route", 113); };
  Thrower thrower{Context(Options(nullptr), Services())};
  cairn_call call = fresh_call();
  Thrown::value.ops->remove(&thrower, &call, {"k", 1});
  CHECK(call.system_error == 113);
}

TEST_CASE("a constructor that throws fails the creation and nothing else", "[boundary]") {
  const Document options = Document::build([](Writer out) { out.map(0); });
  for (const Throwable& thrown : throwables) {
    INFO(thrown.what);
    throw_it = thrown.raise;
    void* self = nullptr;
    cairn_call call = fresh_call();
    CHECK(Thrown::value.create(nullptr, options.root().raw(), nullptr, &call, &self) ==
          thrown.status);
    CHECK(self == nullptr);
    CHECK(std::string(call.error_text) == thrown.text);
  }
}

TEST_CASE("slots without a status swallow what is thrown", "[boundary]") {
  throw_it = [] { throw std::runtime_error("anything"); };
  Thrower thrower{Context(Options(nullptr), Services())};
  CHECK(Thrown::value.ops->extension(&thrower, "x/1") == nullptr);
  REQUIRE(Thrown::value.after_fork != nullptr);
  Thrown::value.after_fork(&thrower);
}

TEST_CASE("the innermost layer that fails writes the text, the others leave it alone",
          "[boundary]") {
  throw_it = [] { throw Error(Errc::corrupt, "outer"); };
  Thrower thrower{Context(Options(nullptr), Services())};
  cairn_call call = fresh_call();
  call.error = CAIRN_TIMEOUT;
  std::strcpy(call.error_text, "inner: too slow");
  CHECK(Thrown::value.ops->remove(&thrower, &call, {"k", 1}) == CAIRN_CORRUPT);
  CHECK(std::string(call.error_text) == "inner: too slow");
}

TEST_CASE("a text longer than its room is cut and terminated", "[boundary]") {
  throw_it = [] { throw std::runtime_error(std::string(1000, 'x')); };
  Thrower thrower{Context(Options(nullptr), Services())};
  cairn_call call = fresh_call();
  Thrown::value.ops->remove(&thrower, &call, {"k", 1});
  CHECK(std::strlen(call.error_text) == sizeof call.error_text - 1);
  CHECK(std::string(call.error_text).starts_with("thrower: xxx"));
}

TEST_CASE("set refuses a flag that it does not know", "[boundary]") {
  throw_it = [] {};
  Thrower thrower{Context(Options(nullptr), Services())};
  const cairn_set_options options{sizeof options, 1u << 7, 0};
  const Entry value = Entry::copy("v");
  cairn_call call = fresh_call();
  CHECK(Thrown::value.ops->set(&thrower, &call, {"k", 1}, &value.raw(), &options) ==
        CAIRN_UNSUPPORTED);
  CHECK(std::string(call.error_text) == "thrower: set was called with a flag that is not known");
}

TEST_CASE("an empty batch is done without calling the author", "[boundary]") {
  throw_it = [] { throw std::logic_error("called"); };
  Thrower thrower{Context(Options(nullptr), Services())};
  const cairn_ops& ops = *Thrown::value.ops;
  cairn_call call = fresh_call();
  CHECK(ops.get_multi(&thrower, &call, nullptr, 0, nullptr, nullptr) == CAIRN_OK);
  CHECK(ops.set_multi(&thrower, &call, nullptr, nullptr, 0, nullptr, nullptr) == CAIRN_OK);
  CHECK(ops.remove_multi(&thrower, &call, nullptr, 0, nullptr) == CAIRN_OK);
  CHECK(call.error == CAIRN_OK);
}

TEST_CASE("a status that the contract does not know counts as a bug", "[boundary]") {
  CHECK(to_errc(CAIRN_UNAVAILABLE) == Errc::unavailable);
  CHECK(to_errc(CAIRN_INTERNAL) == Errc::internal);
  CHECK(to_errc(-8) == Errc::internal);
  CHECK(to_errc(-1000) == Errc::internal);
  for (cairn_status status = CAIRN_UNAVAILABLE; status >= CAIRN_INTERNAL; --status) {
    CHECK_FALSE(to_string(to_errc(status)).empty());
  }
}

TEST_CASE("remaining time is bounded by the deadline and never negative", "[boundary]") {
  using namespace std::chrono_literals;
  CHECK(Call().remaining(5s) == 5s);
  cairn_call raw = fresh_call();
  CHECK(Call(&raw).remaining(5s) == 5s);
  raw.deadline_ns = 1;  // long ago
  CHECK(Call(&raw).has_deadline());
  CHECK(Call(&raw).remaining(5s) == 0s);
  raw.deadline_ns = (Call::Clock::now() + 1h).time_since_epoch().count();
  CHECK(Call(&raw).remaining(5s) == 5s);
  CHECK(Call(&raw).remaining(2h) <= 1h);
}

TEST_CASE("a component's declaration is what its class says", "[boundary]") {
  struct Plain final : Backend {
    OptionalEntry get(Key, Call) override { return std::nullopt; }
    void set(Key, const Entry&, const SetOptions&, Call) override {}
    bool remove(Key, Call) override { return false; }
  };
  CHECK(detail::overrides_get<Plain>());
  CHECK_FALSE(detail::overrides_get_multi<Plain>());
  CHECK_FALSE(detail::overrides_lock<Plain>());
  CHECK(Thrown::value.role == CAIRN_BACKEND);
  CHECK(Thrown::value.transforms == CAIRN_TRANSFORMS_NOTHING);
  CHECK(Thrown::value.accepts == CAIRN_ANY_KIND);
  CHECK(Thrown::value.threads == CAIRN_THREADS_ANY);
  CHECK(std::string(Thrown::value.name) == "thrower");
#define PROVIDED(op) CHECK(Thrown::value.ops->op != nullptr);
  CAIRN_OPS(PROVIDED)
#undef PROVIDED
}
