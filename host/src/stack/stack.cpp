#include "stack.hpp"

#include "host_layers.hpp"
#include "not_made.hpp"

#include <algorithm>
#include <cstring>

namespace cairn::hosting {

namespace {

template <class T>
std::unique_ptr<Layer> host_layer(const cairn_host* services, const cairn_next& below,
                                  Document options = {}) {
  return std::make_unique<Layer>(detail::ComponentOf<T>::value, services, std::move(options),
                                 &below, T::name);
}

std::unique_ptr<Layer> plugin_layer(const cairn_component& component, const cairn_host* services,
                                    Document options, const cairn_next* below,
                                    const ComponentConfig& asked, std::string_view backend = {}) {
  try {
    return std::make_unique<Layer>(component, services, std::move(options), below, component.name);
  } catch (const Error& error) {
    throw NotMade(error, asked, component.name, backend);
  }
}

bool is_serial(const cairn_component& component) {
  return component.threads == CAIRN_THREADS_SERIAL;
}

std::size_t count_of(const std::vector<const cairn_component*>& proxies, std::string_view name) {
  return static_cast<std::size_t>(std::count_if(
      proxies.begin(), proxies.end(), [&](const cairn_component* c) { return c->name == name; }));
}

std::uint32_t given_below(const cairn_component& proxy) {
  return proxy.emits != 0 ? proxy.emits : proxy.accepts;
}

// What to do when `above` hands on what `taker`, further down, does not take.
std::string remedy_between(const cairn_component& above, const cairn_component& taker) {
  const auto named = [](const cairn_component& c) { return std::string("`") + c.name + '`'; };
  if (taker.role != CAIRN_PROXY) {
    return (given_below(above) & CAIRN_BYTES) != 0
               ? "leave " + named(above) + " out"
               : "put a codec such as `msgpack` between them, or leave " + named(above) + " out";
  }
  if (std::strcmp(above.name, taker.name) == 0) return named(above) + " is there twice: keep one";
  if ((given_below(taker) & above.accepts) != 0) {
    return "list " + named(taker) + " before " + named(above) +
           ": the first in `wrap` is nearest to your code";
  }
  const bool codecs = (given_below(above) & given_below(taker) & CAIRN_BYTES) != 0;
  return codecs ? "both turn values into bytes: keep " + named(above) + " or " + named(taker)
                : "keep " + named(above) + " or " + named(taker);
}

// Those before it pass on whatever they are given; all of them do: their number.
std::size_t first_with_own_kinds(const std::vector<const cairn_component*>& proxies) {
  const auto it = std::find_if(proxies.begin(), proxies.end(), [](const cairn_component* proxy) {
    return proxy->emits != 0 || (proxy->accepts & (CAIRN_DOCUMENT | CAIRN_OBJECT)) == 0;
  });
  return static_cast<std::size_t>(it - proxies.begin());
}

const Origin& origin_of(const RegionConfig& region, std::size_t proxy) {
  return proxy < region.wrap.size() ? region.wrap[proxy].origin : region.backend_origin;
}

}  // namespace

Store::Store(const BackendConfig& config, const cairn_component& component, Document options,
             const cairn_host* services)
    : config_(config) {
  layers_.push_back(plugin_layer(component, services, std::move(options), nullptr,
                                 config_.component, config_.name));
  if (is_serial(component)) layers_.push_back(host_layer<SerialLayer>(services, table()));
  if (CAIRN_HAS(&component, max_key_bytes) && component.max_key_bytes != 0) {
    layers_.push_back(host_layer<KeyLimitLayer>(
        services, table(), Document::build([&](Writer out) {
          out.map(1).key("max_key_bytes").integer(component.max_key_bytes);
        })));
  }
  if (component.accepts == CAIRN_BYTES) {
    layers_.push_back(host_layer<EnvelopeLayer>(services, table()));
  }
}

Store::~Store() {
  while (!layers_.empty()) layers_.pop_back();  // from the top
}

Stack::Stack(std::shared_ptr<const Store> store, const std::vector<LayerPlan>& plans,
             const cairn_host* services)
    : store_(std::move(store)) {
  std::vector<const cairn_component*> proxies;
  proxies.reserve(plans.size());
  for (const LayerPlan& plan : plans) proxies.push_back(plan.component);
  accepts_ = kinds_between(proxies, store_->backend().component()).front();

  for (auto plan = plans.rbegin(); plan != plans.rend(); ++plan) {
    const cairn_component& component = *plan->component;
    layers_.push_back(plugin_layer(component, services, plan->options, &table(), *plan->config));
    if (is_serial(component)) layers_.push_back(host_layer<SerialLayer>(services, table()));
  }
}

Stack::~Stack() {
  while (!layers_.empty()) layers_.pop_back();  // from the top
}

const cairn_next& Stack::table() const noexcept {
  return layers_.empty() ? store_->table() : layers_.back()->table();
}

bool Stack::after_fork() const noexcept {
  bool usable = true;
  for (const auto& layer : store_->layers()) usable = layer->after_fork() && usable;
  for (const auto& layer : layers_) usable = layer->after_fork() && usable;
  return usable;
}

std::string kind_names(std::uint32_t kinds) {
  std::string names;
  const auto add = [&](std::uint32_t kind, const char* name) {
    if ((kinds & kind) == 0) return;
    if (!names.empty()) names += " or ";
    names += name;
  };
  add(CAIRN_BYTES, "bytes");
  add(CAIRN_DOCUMENT, "documents");
  add(CAIRN_OBJECT, "objects");
  return names;
}

std::vector<std::uint32_t> kinds_between(const std::vector<const cairn_component*>& proxies,
                                         const cairn_component& store) {
  std::vector<std::uint32_t> kinds(proxies.size() + 1);
  kinds.back() = store.accepts;
  for (std::size_t i = proxies.size(); i-- > 0;) {
    const cairn_component& proxy = *proxies[i];
    if (proxy.emits == 0) {
      kinds[i] = proxy.accepts & kinds[i + 1];
    } else {
      kinds[i] = (proxy.emits & kinds[i + 1]) != 0 ? proxy.accepts : 0;
    }
  }
  return kinds;
}

void check_kinds(const RegionConfig& region, const std::vector<const cairn_component*>& proxies,
                 const cairn_component& store, Findings& findings) {
  const auto report = [&](Finding::Severity severity, const Origin& origin, std::string message,
                          std::string remedy) {
    findings.push_back({severity, origin, std::move(message), std::move(remedy)});
  };
  const std::vector<std::uint32_t> kinds = kinds_between(proxies, store);
  for (std::size_t i = proxies.size(); i-- > 0;) {
    if (kinds[i] != 0) continue;
    const cairn_component& above = *proxies[i];
    const std::uint32_t given = given_below(above);
    // Those between that pass on what they are given are not to blame.
    std::size_t k = i + 1;
    for (std::uint32_t left = given; k < proxies.size() && proxies[k]->emits == 0; ++k) {
      left &= proxies[k]->accepts;
      if (left == 0) break;
    }
    const cairn_component& taker = k < proxies.size() ? *proxies[k] : store;
    report(Finding::Severity::error, origin_of(region, i),
           std::string("`") + above.name + "` hands on " + kind_names(given) + ", but `" +
               taker.name + "` takes only " + kind_names(taker.accepts),
           remedy_between(above, taker));
    return;  // what is further out follows from this
  }
  if (!region.bytes_only && (kinds.front() & (CAIRN_DOCUMENT | CAIRN_OBJECT)) == 0) {
    const std::size_t taker = first_with_own_kinds(proxies);
    report(Finding::Severity::error, origin_of(region, taker),
           taker < proxies.size()
               ? std::string("`") + proxies[taker]->name +
                     "` takes only bytes, and nothing before it in `wrap` turns values into bytes"
               : std::string("`") + store.name +
                     "` keeps only bytes, and nothing in `wrap` turns values into bytes",
           "add \"msgpack\" (or \"json\") in front of `wrap`, or say `values = \"bytes\"` if the "
           "program stores only strings");
  }
  for (std::size_t i = 0; i < proxies.size(); ++i) {
    const bool first = count_of({proxies.begin(), proxies.begin() + static_cast<std::ptrdiff_t>(i)},
                                proxies[i]->name) == 0;
    if (!first && (proxies[i]->transforms & CAIRN_TRANSFORMS_VALUE) != 0) {
      report(Finding::Severity::warning, origin_of(region, i),
             std::string("`") + proxies[i]->name + "` is in this stack twice",
             "remove one of them");
    }
  }
}

}  // namespace cairn::hosting
