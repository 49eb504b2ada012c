#include "loading.hpp"
#include "loading/plugin_instance.hpp"
#include "loading/plugin_library.hpp"

#include <cairn/document.hpp>
#include <cairn/entry.hpp>

#include <tuple>

using namespace cairn;
using namespace cairn::hosting;
using namespace loading;

namespace {

Document throwing_options(const char* at_create, const char* without_key) {
  return Document::build([&](Writer out) {
    auto map = out.map(2);
    map.key("at_create").text(at_create);
    map.key("without_key").text(without_key);
  });
}

const cairn_component& component_of(const std::string& name) {
  const PluginFile file(fixture(name));
  return *load_plugin(file, read_plugin_note(file.fd(), file.path()), test_host()).components[0];
}

struct Answer {
  std::string thrown;
  cairn_status status;
  std::string text;
};
const Answer answers[] = {
    {"int", CAIRN_INTERNAL, "threw something that is not a std::exception"},
    {"foreign", CAIRN_INTERNAL, "threw something that is not a std::exception"},
    {"bad_alloc", CAIRN_INTERNAL, "out of memory"},
    {"exception", CAIRN_INTERNAL, "something broke"},
    {"error", CAIRN_TIMEOUT, "took too long"},
};

}  // namespace

TEST_CASE("whatever a constructor throws reaches the host as an error of that layer",
          "[instance]") {
  const std::string name = GENERATE("throwing", "throwing-private-runtime");
  const cairn_component& component = component_of(name);
  for (const Answer& answer : answers) {
    try {
      const Document options = throwing_options(answer.thrown.c_str(), "int");
      PluginInstance instance(component, test_host(), options.root().raw(), nullptr);
      FAIL("made an instance although " << answer.thrown << " was thrown");
    } catch (const Error& error) {
      CHECK(error.what() == name + ": " + answer.text);
      CHECK(static_cast<cairn_status>(error.code()) == answer.status);
      CHECK(error.system_error() == (answer.thrown == "error" ? 110 : 0));
    }
  }
}

TEST_CASE("whatever an operation throws becomes a status and a text", "[instance]") {
  const std::string name = GENERATE("throwing", "throwing-private-runtime");
  const cairn_component& component = component_of(name);
  for (const Answer& answer : answers) {
    const Document options = throwing_options("nothing", answer.thrown.c_str());
    const PluginInstance instance(component, test_host(), options.root().raw(), nullptr);
    const cairn_ops& ops = *component.ops;
    void* const self = instance.self();

    const cairn_bytes key{answer.thrown.data(), answer.thrown.size()};
    cairn_entry entry{};
    entry.data = "v";
    entry.size = 1;
    entry.kind = CAIRN_BYTES;
    cairn_entry out{};
    cairn_status each = CAIRN_MISS;
    uint64_t token = 1;
    const auto check = [&](const char* slot, auto run) {
      cairn_call call{};
      call.size = sizeof call;
      const cairn_status status = run(&call);
      INFO(slot << " throws " << answer.thrown);
      CHECK(status == answer.status);
      CHECK(call.error == answer.status);
      CHECK(call.error_text == name + ": " + answer.text);
      CHECK(run(nullptr) == answer.status);  // nobody wants the text
    };
    check("get", [&](cairn_call* call) { return ops.get(self, call, key, &out); });
    check("set", [&](cairn_call* call) { return ops.set(self, call, key, &entry, nullptr); });
    check("remove", [&](cairn_call* call) { return ops.remove(self, call, key); });
    check("get_multi",
          [&](cairn_call* call) { return ops.get_multi(self, call, &key, 1, &out, &each); });
    check("set_multi", [&](cairn_call* call) {
      return ops.set_multi(self, call, &key, &entry, 1, nullptr, &each);
    });
    check("remove_multi",
          [&](cairn_call* call) { return ops.remove_multi(self, call, &key, 1, &each); });
    check("lock", [&](cairn_call* call) { return ops.lock(self, call, key, 1, &token); });
    check("renew", [&](cairn_call* call) { return ops.renew(self, call, key, token, 1); });
    check("unlock", [&](cairn_call* call) { return ops.unlock(self, call, key, token); });
    check("await_unlock", [&](cairn_call* call) { return ops.await_unlock(self, call, key, 0); });
    check("stats", [&](cairn_call* call) { return ops.stats(self, call, &out); });
    CHECK(ops.extension(self, answer.thrown.c_str()) == nullptr);
    component.after_fork(self);
    CHECK(out.owner == nullptr);
  }
}

TEST_CASE("a create that answers nonsense is an error, not an instance", "[instance]") {
  cairn_component component{};
  component.size = sizeof component;
  component.name = "odd";
  component.destroy = [](void*) noexcept { FAIL("destroyed what was never made"); };
  const auto refusal = [&] {
    try {
      PluginInstance instance(component, test_host(), nullptr, nullptr);
      return std::tuple(Errc::config, std::string("no error"));
    } catch (const Error& error) {
      return std::tuple(error.code(), std::string(error.what()));
    }
  };
  component.create = [](const cairn_host*, const cairn_node*, const cairn_next*, cairn_call*,
                        void**) noexcept -> cairn_status { return CAIRN_OK; };
  CHECK(refusal() == std::tuple(Errc::internal, "odd: create answered OK without an instance"));
  component.create = [](const cairn_host*, const cairn_node*, const cairn_next*, cairn_call*,
                        void**) noexcept -> cairn_status { return 42; };
  CHECK(refusal() ==
        std::tuple(Errc::internal, "odd: create answered 42, which is no error and no success"));
  component.create = [](const cairn_host*, const cairn_node*, const cairn_next*, cairn_call*,
                        void**) noexcept -> cairn_status { return -99; };
  CHECK(refusal() == std::tuple(Errc::internal, "odd: create failed (internal)"));
  component.create = [](const cairn_host*, const cairn_node*, const cairn_next*, cairn_call* call,
                        void**) noexcept -> cairn_status {
    call->error = CAIRN_CONFIG;
    for (char& c : call->error_text) c = 'x';  // not terminated
    return CAIRN_CONFIG;
  };
  CHECK(std::get<1>(refusal()).size() == sizeof(cairn_call::error_text) - 1);
  CHECK(std::get<0>(refusal()) == Errc::config);
}

TEST_CASE("a failed create leaves nothing to destroy, even if it left a pointer", "[instance]") {
  cairn_component component{};
  component.size = sizeof component;
  component.name = "odd";
  static int destroyed;
  destroyed = 0;
  component.destroy = [](void*) noexcept { ++destroyed; };
  component.create = [](const cairn_host*, const cairn_node*, const cairn_next*, cairn_call*,
                        void** self) noexcept -> cairn_status {
    *self = &destroyed;
    return CAIRN_UNAVAILABLE;
  };
  CHECK_THROWS_AS(PluginInstance(component, test_host(), nullptr, nullptr), Error);
  CHECK(destroyed == 0);
}
