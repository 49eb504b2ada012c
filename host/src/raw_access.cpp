#include "raw_access.hpp"

#include "plan.hpp"
#include "region/region_core.hpp"
#include "services.hpp"
#include "stack.hpp"

#include <cairn/plugin.hpp>

namespace cairn::hosting {

namespace {

// Where the key goes that a Remembering store on this thread is asked for.
thread_local std::optional<std::string>* remembered = nullptr;

class Remembering final : public Backend {
 public:
  static constexpr auto name = "remembering";
  static constexpr auto help = "Holds nothing, and remembers the first key that it is asked for.";

  std::optional<Entry> get(Key key, Call) override {
    if (remembered != nullptr && !*remembered) *remembered = std::string(key);
    return std::nullopt;
  }
  void set(Key, const Entry&, const SetOptions&, Call) override {}
  bool remove(Key, Call) override { return false; }
};

}  // namespace

std::string key_in_store(const Host& host, const Config& config, std::string_view region,
                         std::string_view key) {
  const RegionConfig& rules = host.config_of(region);
  Findings findings;
  const auto plan = plan_region(rules, config, host.catalog(), findings);
  if (!plan) throw ConfigError(std::move(findings));

  // As the host's own: components refer to them for ever.
  static HostServices& services =
      HostServices::make(std::make_shared<SystemClock>(), nullptr, LogLevel::error);
  const auto store = std::make_shared<const Store>(
      BackendConfig(), detail::ComponentOf<Remembering>::value,
      Document::build([](Writer out) { out.map(0); }), services.table());
  const Stack stack(store, plan->layers, services.table());

  const auto mangler = make_mangler(rules.policy.key_mangler);
  const std::string given = mangler ? mangler(key) : std::string(key);
  std::optional<std::string> asked;
  remembered = &asked;
  cairn_call call;
  begin(call);
  cairn_entry entry{};
  const cairn_next& top = stack.table();
  const cairn_status status = top.get.fn(top.get.self, &call, {given.data(), given.size()}, &entry);
  remembered = nullptr;
  if (status == CAIRN_OK) cairn_release(entry.owner);
  if (status < 0) throw Error(to_errc(status), call.error_text);
  if (!asked) {
    throw Error(Errc::unsupported,
                "a proxy of region `" + std::string(region) + "` answers without asking the store");
  }
  return *asked;
}

std::optional<Entry> entry_in_store(const Host& host, const Config& config, std::string_view region,
                                    std::string_view key) {
  const std::string name = key_in_store(host, config, region, key);
  const cairn_next& store = host.stack_of(region)->store().table();
  cairn_call call;
  begin(call);
  cairn_entry raw{};
  const cairn_status status = store.get.fn(store.get.self, &call, {name.data(), name.size()}, &raw);
  if (status == CAIRN_MISS) return std::nullopt;
  if (status != CAIRN_OK) throw Error(to_errc(status), call.error_text);
  return Entry::adopt(raw);
}

}  // namespace cairn::hosting
