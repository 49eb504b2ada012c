#include "loading.hpp"
#include "loading/plugin_contract.hpp"

#include <limits>

using namespace cairn::hosting;
using namespace loading;

namespace {

// A faultless plugin of one backend with one option; each test breaks one thing.
struct Plugin {
  cairn_ops ops{};
  cairn_option option{};
  cairn_component component{};
  const cairn_component* components[2] = {&component, &component};
  cairn_plugin plugin{};
  PluginNote note{1, 0, "org.cairn.test", "1.0", {{Role::backend, "store"}}};

  Plugin() {
    ops.size = sizeof ops;
    ops.get = [](void*, cairn_call*, cairn_bytes, cairn_entry*) noexcept -> cairn_status {
      return CAIRN_MISS;
    };
    ops.set = [](void*, cairn_call*, cairn_bytes, const cairn_entry*,
                 const cairn_set_options*) noexcept -> cairn_status { return CAIRN_OK; };
    ops.remove = [](void*, cairn_call*, cairn_bytes) noexcept -> cairn_status {
      return CAIRN_MISS;
    };
    option.size = sizeof option;
    option.name = "limit";
    option.type = "size";
    option.default_value = "64MiB";
    option.help = "How much.";
    component.size = sizeof component;
    component.role = CAIRN_BACKEND;
    component.name = "store";
    component.help = "Keeps.";
    component.accepts = CAIRN_ANY_KIND;
    component.options = &option;
    component.option_count = 1;
    component.ops = &ops;
    component.create = [](const cairn_host*, const cairn_node*, const cairn_next*, cairn_call*,
                          void**) noexcept -> cairn_status { return CAIRN_INTERNAL; };
    component.destroy = [](void*) noexcept {};
    plugin.size = sizeof plugin;
    plugin.abi_major = 1;
    plugin.id = "org.cairn.test";
    plugin.version = "1.0";
    plugin.components = components;
    plugin.component_count = 1;
  }
  Plugin(const Plugin&) = delete;

  std::string fault() const { return find_contract_fault(plugin, note); }
};

template <class Break>
std::string fault_after(Break break_it) {
  Plugin p;
  REQUIRE(p.fault().empty());
  break_it(p);
  return p.fault();
}

std::string option_fault(const char* type, const char* value, const char* minimum = nullptr,
                         const char* maximum = nullptr) {
  return fault_after([&](Plugin& p) {
    p.option.type = type;
    p.option.default_value = value;
    p.option.minimum = minimum;
    p.option.maximum = maximum;
  });
}

}  // namespace

TEST_CASE("a plugin's table must be whole, of this ABI, and as its note says", "[contract]") {
  CHECK_THAT(fault_after([](Plugin& p) { p.plugin.size = 8; }),
             Contains("plugin table has a wrong size"));
  CHECK_THAT(fault_after([](Plugin& p) { p.plugin.abi_major = 2; }),
             Contains("ABI 2, its note says 1"));
  CHECK_THAT(fault_after([](Plugin& p) { p.plugin.id = "org.other"; }),
             Contains("id \"org.other\""));
  CHECK_THAT(fault_after([](Plugin& p) { p.plugin.id = nullptr; }), Contains("id \"\""));
  CHECK_THAT(fault_after([](Plugin& p) { p.plugin.version = "2.0"; }),
             Contains("version \"2.0\", its note \"1.0\""));
  CHECK_THAT(fault_after([](Plugin& p) { p.plugin.component_count = 0; }),
             Contains("no components"));
  CHECK_THAT(
      fault_after([](Plugin& p) { p.plugin.component_count = std::numeric_limits<size_t>::max(); }),
      Contains("no components"));
  CHECK_THAT(fault_after([](Plugin& p) { p.components[0] = nullptr; }),
             Contains("component 1 is missing"));
  CHECK_THAT(fault_after([](Plugin& p) { p.plugin.component_count = 2; }),
             Contains("\"store\" is there twice"));
  CHECK_THAT(fault_after([](Plugin& p) { p.note.components[0].role = Role::proxy; }),
             Contains("backend \"store\" is not in its note"));
  CHECK_THAT(fault_after([](Plugin& p) {
               p.note.components.push_back({Role::proxy, "more"});
             }),
             Contains("its note offers proxy \"more\", its table does not"));
}

TEST_CASE("a component must have everything that the host calls or shows", "[contract]") {
  CHECK_THAT(fault_after([](Plugin& p) { p.component.size = 4; }), Contains("wrong size"));
  CHECK_THAT(fault_after([](Plugin& p) { p.component.name = nullptr; }),
             Contains("component 1 has no name"));
  CHECK_THAT(fault_after([](Plugin& p) { p.component.name = "Store"; }),
             Contains("no name of lower-case"));
  CHECK_THAT(fault_after([](Plugin& p) { p.component.help = ""; }),
             Contains("\"store\" has no help"));
  CHECK_THAT(fault_after([](Plugin& p) { p.component.create = nullptr; }), Contains("no `create`"));
  CHECK_THAT(fault_after([](Plugin& p) { p.component.destroy = nullptr; }),
             Contains("no `destroy`"));
  CHECK_THAT(fault_after([](Plugin& p) { p.component.threads = 7; }), Contains("thread rule (7)"));
  CHECK_THAT(fault_after([](Plugin& p) { p.component.accepts = 0; }), Contains("accepts no kind"));
  CHECK_THAT(fault_after([](Plugin& p) { p.component.ops = nullptr; }),
             Contains("has no operations"));
  CHECK_THAT(fault_after([](Plugin& p) { p.ops.size = 16; }),
             Contains("operation table of a wrong size"));
  CHECK_THAT(fault_after([](Plugin& p) { p.ops.get = nullptr; }), Contains("no `get`"));
  CHECK_THAT(fault_after([](Plugin& p) { p.ops.set = nullptr; }), Contains("no `set`"));
  CHECK_THAT(fault_after([](Plugin& p) { p.ops.remove = nullptr; }), Contains("no `remove`"));
}

TEST_CASE("a proxy needs one operation, whichever", "[contract]") {
  const auto proxy = [](Plugin& p) {
    p.component.role = CAIRN_PROXY;
    p.note.components[0].role = Role::proxy;
    p.ops.get = nullptr;
    p.ops.set = nullptr;
  };
  CHECK(fault_after(proxy).empty());
  CHECK_THAT(fault_after([&](Plugin& p) {
               proxy(p);
               p.ops.remove = nullptr;
             }),
             Contains("provides no operation"));
}

TEST_CASE("a component of a role that came later is passed over", "[contract]") {
  CHECK(fault_after([](Plugin& p) {
          static cairn_component later{};
          later.size = sizeof later;
          later.role = 3;
          p.components[1] = &later;
          p.plugin.component_count = 2;
        }).empty());
}

TEST_CASE("options must be well formed", "[contract]") {
  CHECK_THAT(fault_after([](Plugin& p) { p.option.size = 12; }),
             Contains("option 1 has a wrong size"));
  CHECK_THAT(fault_after([](Plugin& p) { p.option.name = "Max Bytes"; }),
             Contains("option 1 has no name"));
  CHECK_THAT(fault_after([](Plugin& p) { p.option.name = "plugin"; }), Contains("called `plugin`"));
  CHECK_THAT(fault_after([](Plugin& p) { p.option.help = nullptr; }),
             Contains("option `limit`: it has no help"));
  CHECK_THAT(fault_after([](Plugin& p) { p.option.flags = CAIRN_OPTION_REQUIRED; }),
             Contains("required and has a default"));
  CHECK_THAT(fault_after([](Plugin& p) { p.component.options = nullptr; }),
             Contains("counts options and has none"));
  CHECK_THAT(fault_after([](Plugin& p) { p.component.option_count = 100000; }),
             Contains("claims 100000 options"));
  CHECK_THAT(fault_after([](Plugin& p) {
               static cairn_option twice[2];
               twice[0] = twice[1] = p.option;
               p.component.options = twice;
               p.component.option_count = 2;
             }),
             Contains("option `limit` is declared twice"));
}

TEST_CASE("options of a later, larger declaration are read at its own distance", "[contract]") {
  struct LaterOption {
    cairn_option known;
    const char* added = "by 1.1";
  };
  const auto two = [](const char* second_type) {
    return fault_after([&](Plugin& p) {
      static LaterOption later[2];
      later[0].known = later[1].known = p.option;
      later[0].known.size = later[1].known.size = sizeof(LaterOption);
      later[1].known.name = "second";
      later[1].known.type = second_type;
      p.component.options = &later[0].known;
      p.component.option_count = 2;
    });
  };
  CHECK(two("size").empty());
  CHECK_THAT(two("weight"), Contains("option `second`: its type \"weight\" is not known"));
}

TEST_CASE("an option's type, default and bounds must agree", "[contract]") {
  for (const auto& [type, value] : {std::pair("text", ""),
                                    {"path", "/x"},
                                    {"bool", "true"},
                                    {"int", "-3"},
                                    {"real", "0.5"},
                                    {"duration", "1h30m"},
                                    {"size", "64MiB"},
                                    {"percent", "10%"},
                                    {"enum:a|b", "b"},
                                    {"list:int", "1, 2"},
                                    {"list:text", ""},
                                    {"list:enum:a|b", "b,a"}}) {
    INFO(type << " = " << value);
    CHECK(option_fault(type, value).empty());
    CHECK(option_fault(type, nullptr).empty());
  }
  for (const auto& [type, value] : {std::pair("bool", "yes"),
                                    {"int", "3.5"},
                                    {"int", ""},
                                    {"real", "much"},
                                    {"duration", "5"},
                                    {"size", "64"},
                                    {"percent", "0.1"},
                                    {"enum:a|b", "c"},
                                    {"list:int", "1,x"}}) {
    INFO(type << " = " << value);
    CHECK_THAT(option_fault(type, value), Contains("its default \""));
  }
  for (const char* type :
       {"string", "", "list:", "list:list:int", "enum:", "enum:a|a", "enum:a||b"}) {
    INFO(type);
    CHECK_THAT(option_fault(type, nullptr), Contains("type"));
  }
  CHECK(option_fault("duration", "5s", "1s", "1h").empty());
  CHECK(option_fault("int", "1", "1", nullptr).empty());
  CHECK_THAT(option_fault("duration", "5s", "10s"), Contains("outside its own range"));
  CHECK_THAT(option_fault("list:int", "1,99", "0", "9"), Contains("\"99\" is outside"));
  CHECK_THAT(option_fault("int", nullptr, "9", "1"), Contains("minimum is above its maximum"));
  CHECK_THAT(option_fault("size", nullptr, "lots"), Contains("bound \"lots\" is not a size"));
  CHECK_THAT(option_fault("text", nullptr, "a"), Contains("a text has no range"));
}
