// The promise of the ABI, played through: a component in a host that is younger than itself.
#include "conformance/plugin_rules.hpp"

#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <new>

namespace cairn::hosting {

namespace {

using testing::RecordedCall;

// ---- structs that have grown ----

// A [sized] struct as a later minor has it: longer than a component of today can know. What it cannot
// know cannot be read or written here: a component that goes beyond its own knowledge crashes.
template <class Known>
class Grown {
 public:
  explicit Grown(const Known& known) {
    const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    void* const pages =
        mmap(nullptr, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages == MAP_FAILED) throw Error(Errc::internal, "no memory can be mapped", errno);
    char* const end = static_cast<char*>(pages) + page;
    mprotect(end, page, PROT_NONE);
    static_assert(sizeof(Known) % alignof(Known) == 0);
    known_ = new (end - sizeof(Known)) Known(known);
    known_->size = static_cast<std::uint32_t>(sizeof(Known) + page);
  }
  Known* operator->() const noexcept { return known_; }
  Known* get() const noexcept { return known_; }

 private:
  Known* known_;  // as long as the process, which ends with the rule
};

const testing::ManualClock* clock_of_young_host = nullptr;

cairn_host young_host(const testing::ManualClock& clock) {
  clock_of_young_host = &clock;
  cairn_host host = clock.host();
  host.abi_minor = CAIRN_ABI_MINOR + 1;
  host.now_ns = [](const cairn_host*) noexcept {
    return clock_of_young_host->now().time_since_epoch().count();
  };
  return host;
}

// Every struct that a later host hands to a plugin may be longer than the plugin knows.
void works_in_a_young_host(PluginTrial& t) {
  if (t.plugin.abi_minor() > CAIRN_ABI_MINOR) t.trial.skip("it is younger than this kit itself");
  const Grown<cairn_host> host(young_host(t.plugin.clock()));
  const Grown<cairn_next> below(Next(t.trial.store()).table());
  const bool proxy = t.component.role == CAIRN_PROXY;
  const auto layer =
      t.plugin.make(t.component, t.options, proxy ? below.get() : nullptr, *host.get());
  const cairn_next& table = layer->layer().table();

  const Grown<cairn_call> call(cairn_call{});
  const Grown<cairn_set_options> how(cairn_set_options{});
  const std::string key = t.trial.key("k");
  const Entry value = t.trial.value("v");
  const cairn_status stored =
      table.set.fn(table.set.self, call.get(), Key(key).raw(), &value.raw(), how.get());
  t.trial.expect(stored == CAIRN_OK,
                 fmt::format("in a younger host, whose structs are longer, set answers {}: {}",
                             stored, call->error_text));
  const OptionalEntry found = layer->get(key, Call(call.get()));
  t.trial.expect(!found || testing::same_payload(*found, value),
                 "in a younger host, whose structs are longer, get answers another value");
  layer->remove(key, Call(call.get()));
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

// The keys that are asked for, each as often as it is, in an order that batches cannot change.
std::vector<std::string> keys_of(const std::vector<RecordedCall>& calls) {
  std::vector<std::string> keys;
  for (const RecordedCall& call : calls) {
    for (const std::string& key : call.keys) keys.push_back(testing::shown(key));
  }
  std::sort(keys.begin(), keys.end());
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
      std::vector<std::string> keys = keys_of(*now), keys_then = keys_of(*then);
      const std::size_t asked = keys.size(), asked_then = keys_then.size();
      keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
      keys_then.erase(std::unique(keys_then.begin(), keys_then.end()), keys_then.end());
      t.trial.expect(
          keys == keys_then,
          fmt::format("built before {} existed, it would be passed by, and {} would ask "
                      "for {} instead of {} below: `transforms` must declare key",
                      call.name, call.name, fmt::join(keys_then, " "), fmt::join(keys, " ")));
      t.trial.expect(keys != keys_then || asked == asked_then,
                     fmt::format("built before {} existed, it would be passed by, and {} would ask "
                                 "for {} keys below instead of {}: `transforms` must declare flow",
                                 call.name, call.name, asked_then, asked));
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
