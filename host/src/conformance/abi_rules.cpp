// The promise of the ABI, played through: a component in a host that is younger than itself.
#include "conformance/plugin_rules.hpp"

#include <fmt/format.h>

#include <cstring>

namespace cairn::hosting {

namespace {

using testing::RecordedCall;

// ---- structs that have grown ----

// A [sized] struct as a later minor has it: longer, with what nobody here knows at its end.
template <class Known>
struct Grown : Known {
  Grown() : Known{} { std::memset(tail, 0x5A, sizeof tail); }
  explicit Grown(const Known& known) : Known(known) { std::memset(tail, 0x5A, sizeof tail); }
  unsigned char tail[8192];
};

struct YoungHost : Grown<cairn_host> {
  explicit YoungHost(const testing::ManualClock& time) : Grown(time.host()), clock(time) {
    size = sizeof(Grown<cairn_host>);
    abi_minor = 99;
    now_ns = [](const cairn_host* host) noexcept {
      return static_cast<const YoungHost*>(host)->clock.now().time_since_epoch().count();
    };
    log = [](const cairn_host*, std::int32_t, const char*, cairn_bytes) noexcept {};
  }
  const testing::ManualClock& clock;
};

// Every struct that a later host hands to a plugin may be longer than the plugin knows.
void works_in_a_young_host(PluginTrial& t) {
  const YoungHost host(t.plugin.clock());
  Grown<cairn_next> below(Next(t.trial.store()).table());
  below.size = sizeof below;
  const bool proxy = t.component.role == CAIRN_PROXY;
  const auto layer = t.plugin.make(t.component, t.options, proxy ? &below : nullptr, host);
  const cairn_next& table = layer->layer().table();

  Grown<cairn_call> call;
  call.size = sizeof call;
  Grown<cairn_set_options> how;
  how.size = sizeof how;
  const std::string key = t.trial.key("k");
  const Entry value = t.trial.value("v");
  const cairn_status stored =
      table.set.fn(table.set.self, &call, Key(key).raw(), &value.raw(), &how);
  t.trial.expect(stored == CAIRN_OK,
                 fmt::format("in a younger host, whose structs are longer, set answers {}: {}",
                             stored, call.error_text));
  const std::optional<Entry> found = layer->get(key, Call(&call));
  t.trial.expect(!found || testing::same_payload(*found, value),
                 "in a younger host, whose structs are longer, get answers another value");
  layer->remove(key, Call(&call));
}

// ---- operations that are younger than the proxy ----

struct Operation {
  const char* name;
  std::size_t offset;
};
constexpr Operation operations[] = {
#define CAIRN_OPERATION(op) {#op, offsetof(cairn_ops, op)},
    CAIRN_OPS(CAIRN_OPERATION)
#undef CAIRN_OPERATION
};

// What reached the layer below when `call` went through `layer`; nullopt: it was refused.
std::optional<std::vector<RecordedCall>> arrived_below(PluginTrial& t, Backend& layer,
                                                       const testing::rules::NamedCall& call) {
  t.trial.below().clear();
  try {
    call.on(layer, t.trial.key("a"), t.trial.key("b"), t.trial.value("v"), t.trial.call());
  } catch (const Error& error) {
    if (error.code() == Errc::unsupported) return std::nullopt;
  }
  return t.trial.below().calls();
}

std::string keys_of(const std::vector<RecordedCall>& calls) {
  std::string keys;
  for (const RecordedCall& call : calls) {
    for (const std::string& key : call.keys) keys += testing::shown(key) + ' ';
  }
  return keys;
}

bool changes_values(PluginTrial& t, const std::vector<RecordedCall>& calls) {
  for (const RecordedCall& call : calls) {
    for (const Entry& entry : call.entries) {
      if (!testing::same_payload(entry, t.trial.value("v"))) return true;
    }
  }
  return false;
}

// The proxy as if it had been built before an operation existed. A host then lets the operation pass
// it by, or refuses it, according to `transforms`; if that says too little, the operation means
// another key or another value than the proxy would have made of it.
void is_never_passed_wrongly(PluginTrial& t) {
  if ((t.component.transforms & CAIRN_TRANSFORMS_FLOW) != 0) {
    testing::Trial::skip("it declares flow: what it does not know is refused");
  }
  const cairn_next below = Next(t.trial.below()).table();
  const auto today = t.plugin.make(t.component, t.options, &below, t.plugin.clock().host());
  for (const Operation& operation : operations) {
    cairn_ops known = *t.component.ops;
    if (operation.offset >= known.size) break;
    known.size = static_cast<std::uint32_t>(operation.offset);
    cairn_component old = t.component;
    old.ops = &known;
    const auto layer = t.plugin.make(old, t.options, &below, t.plugin.clock().host());
    for (const testing::rules::NamedCall& call : testing::rules::calls_with_keys()) {
      if (std::strcmp(call.name, operation.name) != 0) continue;
      const auto now = arrived_below(t, *today, call), then = arrived_below(t, *layer, call);
      if (!now || !then) continue;
      t.trial.expect(keys_of(*now) == keys_of(*then),
                     fmt::format("built before {} existed, it would be passed by, and {} would ask "
                                 "for {}instead of {}below: `transforms` must declare key",
                                 call.name, call.name, keys_of(*then), keys_of(*now)));
      t.trial.expect(
          changes_values(t, *now) == changes_values(t, *then),
          fmt::format("built before {} existed, it would be passed by, and {} would store values "
                      "that it has not changed: `transforms` must declare value",
                      call.name, call.name));
    }
  }
}

}  // namespace

std::span<const PluginRule> abi_rules(Role role) noexcept {
  static constexpr PluginRule all[] = {
      {"abi/young-host", 2, &works_in_a_young_host,
       "being used by a younger host, whose structs are longer"},
      {"abi/unknown-operation", 2, &is_never_passed_wrongly,
       "being asked for operations that are younger than itself"},
  };
  return std::span(all).first(role == Role::proxy ? 2 : 1);
}

}  // namespace cairn::hosting
