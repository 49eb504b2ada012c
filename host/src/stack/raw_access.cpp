#include "raw_access.hpp"

#include "plan.hpp"
#include "region/region_core.hpp"
#include "services.hpp"
#include "stack.hpp"

#include <cairn/extensions/scan.h>
#include <cairn/plugin.hpp>

#include <exception>

namespace cairn::hosting {

namespace {

// Where the key goes that a Remembering store on this thread is asked for.
thread_local std::optional<std::string>* remembered = nullptr;

class Remembering final : public Backend {
 public:
  static constexpr auto name = "remembering";
  static constexpr auto help = "Holds nothing, and remembers the first key that it is asked for.";

  OptionalEntry get(Key key, Call) override {
    if (remembered != nullptr && !*remembered) *remembered = std::string(key);
    return std::nullopt;
  }
  void set(Key, const Entry&, const SetOptions&, Call) override {}
  bool remove(Key, Call) override { return false; }
};

// As the host's own: components refer to them for ever.
HostServices& quiet_services() {
  static HostServices& services =
      HostServices::make(std::make_shared<SystemClock>(), nullptr, LogLevel::error);
  return services;
}

}  // namespace

// ---- keys ----

struct KeyPath::Probe {
  Probe(const RegionConfig& rules, const RegionPlan& plan)
      : mangler(make_mangler(rules.policy.key_mangler)),
        stack(std::make_shared<const Store>(
                  BackendConfig(), detail::ComponentOf<Remembering>::value,
                  Document::build([](Writer out) { out.map(0); }), quiet_services().table()),
              plan.layers, quiet_services().table()) {}

  const decltype(make_mangler(KeyMangler())) mangler;
  const Stack stack;
};

KeyPath::KeyPath(const Host& host, const Config& config, std::string_view region)
    : region_(region) {
  const RegionConfig& rules = host.config_of(region);
  Findings findings;
  const auto plan = plan_region(rules, config, host.catalog(), findings);
  if (!plan) throw ConfigError(std::move(findings));
  probe_ = std::make_unique<const Probe>(rules, *plan);

  constexpr std::string_view sample = "cairn:where-does-this-go";  // in nobody's prefix
  const std::string seen = down(sample);
  const std::size_t at = seen.find(sample);
  if (at == std::string::npos) return;
  before_ = seen.substr(0, at);
  behind_ = seen.substr(at + sample.size());
}

KeyPath::KeyPath(KeyPath&&) noexcept = default;
KeyPath::~KeyPath() = default;

std::string KeyPath::down(std::string_view key) const {
  const std::string given = probe_->mangler ? probe_->mangler(key) : std::string(key);
  std::optional<std::string> asked;
  remembered = &asked;
  cairn_call call;
  begin(call);
  cairn_entry entry{};
  const cairn_next& top = probe_->stack.table();
  const cairn_status status = top.get.fn(top.get.self, &call, {given.data(), given.size()}, &entry);
  remembered = nullptr;
  if (status == CAIRN_OK) cairn_release(entry.owner);
  if (status < 0) throw Error(to_errc(status), call.error_text);
  if (!asked) {
    throw Error(Errc::unsupported,
                "a proxy of region `" + region_ + "` answers without asking the store");
  }
  return *asked;
}

std::optional<std::string> KeyPath::up(std::string_view key) const {
  if (key.size() < before_->size() + behind_.size()) return std::nullopt;
  if (!key.starts_with(*before_) || !key.ends_with(behind_)) return std::nullopt;
  const std::string_view candidate =
      key.substr(before_->size(), key.size() - before_->size() - behind_.size());
  // What was seen of one key may not hold for all.
  if (down(candidate) != key) return std::nullopt;
  return std::string(candidate);
}

// ---- what the store holds ----

std::optional<Entry> entry_in_store(const Host& host, const Config& config, std::string_view region,
                                    std::string_view key) {
  const std::string name = KeyPath(host, config, region).down(key);
  const cairn_next& store = host.stack_of(region)->store().table();
  cairn_call call;
  begin(call);
  cairn_entry raw{};
  const cairn_status status = store.get.fn(store.get.self, &call, {name.data(), name.size()}, &raw);
  if (status == CAIRN_MISS) return std::nullopt;
  if (status != CAIRN_OK) throw Error(to_errc(status), call.error_text);
  return Entry::adopt(raw);
}

void visit_keys(const Store& store, const std::function<bool(std::string_view key)>& visit) {
  constexpr std::size_t page = 1000;
  const Layer& backend = store.backend();
  const cairn_ops& ops = *backend.component().ops;
  const auto* scan =
      CAIRN_HAS(&ops, extension) && ops.extension != nullptr
          ? static_cast<const cairn_scan*>(ops.extension(backend.self(), CAIRN_SCAN_ID))
          : nullptr;
  if (scan == nullptr) {
    throw Error(Errc::unsupported,
                std::string("`") + backend.component().name + "` cannot list what it holds");
  }
  struct Visit {
    const std::function<bool(std::string_view)>& function;
    bool over;
    std::exception_ptr thrown;
  } visiting{visit, false, nullptr};
  const auto each = [](void* user, cairn_bytes key, const cairn_entry*) noexcept {
    auto& state = *static_cast<Visit*>(user);
    if (state.over) return;
    try {
      state.over = !state.function({key.data, key.size});
    } catch (...) {
      state.over = true;
      state.thrown = std::current_exception();
    }
  };
  std::uint64_t cursor = 0;
  do {
    cairn_call call;
    begin(call);
    const cairn_status status = scan->scan(backend.self(), &call, &cursor, page, each, &visiting);
    if (visiting.thrown != nullptr) std::rethrow_exception(visiting.thrown);
    if (status < 0) throw Error(to_errc(status), call.error_text);
  } while (cursor != 0 && !visiting.over);
}

}  // namespace cairn::hosting
