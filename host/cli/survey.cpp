#include "survey.hpp"

#include "region/region_core.hpp"
#include "stack/not_made.hpp"
#include "stack/raw_access.hpp"
#include "stack/stack.hpp"

#include <cairn/extensions/facts.h>

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <optional>

namespace cairn::cli {

namespace {

// Where the entries of one region lie.
struct Place {
  const RegionConfig* region;
  std::string store;
  std::string keyspace;               // equal: the same store
  std::optional<std::string> prefix;  // of the region's keys there; nothing: they are hashed
};

struct Named {
  std::string name;
  Origin origin;
};

Named store_of(const RegionConfig& region, const Config& config) {
  if (const auto* name = std::get_if<std::string>(&region.backend)) {
    if (const BackendConfig* named = config.find_backend(*name)) {
      return {"[backend." + *name + "]", named->origin};
    }
  }
  return {"the store of [region." + region.name + "]", region.backend_origin};
}

HostOptions quiet() {
  HostOptions options;
  options.log = nullptr;
  return options;
}

Document ask_for_facts(const hosting::Layer& backend) {
  const cairn_ops& ops = *backend.component().ops;
  const auto* table =
      CAIRN_HAS(&ops, extension) && ops.extension != nullptr
          ? static_cast<const cairn_facts*>(ops.extension(backend.self(), CAIRN_FACTS_ID))
          : nullptr;
  if (table == nullptr) return Document::build([](Writer out) { out.map(0); });
  cairn_call call;
  hosting::begin(call);
  cairn_entry raw{};
  const cairn_status status = table->facts(backend.self(), &call, &raw);
  if (status != CAIRN_OK) throw Error(to_errc(status), call.error_text);
  return Document::adopt(static_cast<const cairn_node*>(raw.data), raw.owner);
}

void take_facts(const Document& facts, const Origin& origin, bool holds_locks, SurveyedStore& store,
                std::string& keyspace, Findings& warnings) {
  const Node root = facts.root();
  for (std::size_t i = 0; i < root.size(); ++i) {
    const std::string name(root.key_at(i).text());
    const Node value = root.value_at(i);
    if (name == "lock_warnings" && !holds_locks) continue;
    if (name == "warnings" || name == "lock_warnings") {
      for (std::size_t k = 0; k < value.size(); ++k) {
        warnings.push_back({Finding::Severity::warning, origin,
                            store.name + ": " + std::string(value.item(k).text()), ""});
      }
    } else if (name == "keyspace") {
      keyspace = value.text();
    } else {
      store.facts.emplace_back(name, value.text());
    }
  }
}

// A region by itself, with nothing but its store.
Place look_at(const RegionConfig& region, const Config& config, const Origin& origin,
              SurveyedStore& store, Findings& warnings) {
  Config alone = only_region(config, region.name);
  alone.regions.front().policy.invalidation = InvalidationPlace::local;
  Host host(alone, quiet());
  Place place{&region, store.name, store.name, hosting::KeyPath(host, alone, region.name).prefix()};
  try {
    host.region(region.name).get_entry("cairn-check", {.ignore_expiration = true});
  } catch (const Error& error) {
    if (error.code() != Errc::corrupt) throw;
  }
  const auto stack = host.stack_of(region.name);
  take_facts(ask_for_facts(stack->store().backend()), origin,
             stack->store().config().distributed_lock, store, place.keyspace, warnings);
  return place;
}

// The store of a region, with what was found; once.
void add_store(Survey& result, const RegionConfig& region, SurveyedStore store, Findings warnings) {
  const auto known =
      std::find_if(result.stores.begin(), result.stores.end(),
                   [&](const SurveyedStore& other) { return other.name == store.name; });
  if (known == result.stores.end()) {
    result.stores.push_back(std::move(store));
    std::move(warnings.begin(), warnings.end(), std::back_inserter(result.warnings));
  } else if (known->problem.empty() && !store.problem.empty()) {
    const bool shared = store.name.starts_with("[backend.");
    known->problem = (shared ? "region `" + region.name + "`: " : "") + store.problem;
    known->facts.clear();
  }
}

// What keeps regions that can be used alone from being used together, as a program uses them.
void look_at_all(Config config, Survey& result) {
  while (!config.regions.empty()) {
    try {
      const Host host(config, quiet());
      return;
    } catch (const hosting::NotMade& error) {
      const auto region =
          std::find_if(config.regions.begin(), config.regions.end(),
                       [&](const RegionConfig& each) { return each.name == error.region(); });
      if (region == config.regions.end()) throw;
      add_store(result, *region, {store_of(*region, config).name, error.words(), {}}, {});
      config.regions.erase(region);
    }
  }
}

void warn_of_overlap(const Place& a, const Place& b, Findings& warnings) {
  if (a.keyspace != b.keyspace || !a.prefix || !b.prefix) return;
  if (!a.prefix->starts_with(*b.prefix) && !b.prefix->starts_with(*a.prefix)) return;
  // Equal ones in one backend are warned of without connecting.
  if (*a.prefix == *b.prefix && a.store == b.store) return;
  warnings.push_back(
      {Finding::Severity::warning, b.region->origin,
       fmt::format(
           "regions `{}` and `{}` can get in each other's way: in the store their keys begin "
           "with \"{}\" and \"{}\"",
           a.region->name, b.region->name, *a.prefix, *b.prefix),
       "give each a `prefix` that is not the beginning of the other's"});
}

}  // namespace

Survey survey(const Config& config) {
  Survey result;
  std::vector<Place> places;
  Config reached = config;
  reached.regions.clear();
  for (const RegionConfig& region : config.regions) {
    const auto [name, origin] = store_of(region, config);
    SurveyedStore store{name, {}, {}};
    Findings warnings;
    try {
      places.push_back(look_at(region, config, origin, store, warnings));
      reached.regions.push_back(region);
    } catch (const hosting::NotMade& error) {
      store.problem = error.words();
    } catch (const Error& error) {
      store.problem = error.what();
    }
    add_store(result, region, std::move(store), std::move(warnings));
  }
  look_at_all(std::move(reached), result);
  for (std::size_t i = 0; i < places.size(); ++i) {
    for (std::size_t k = 0; k < i; ++k) warn_of_overlap(places[k], places[i], result.warnings);
  }
  return result;
}

std::string describe(const SurveyedStore& store) {
  if (!store.problem.empty()) return store.name + ": " + store.problem + "\n";
  std::string text = store.name + ": reached\n";
  std::size_t width = 0;
  for (const auto& [name, value] : store.facts) width = std::max(width, name.size());
  for (const auto& [name, value] : store.facts) {
    text += fmt::format("    {:<{}}  {}\n", name, width, value);
  }
  return text;
}

Json to_json(const SurveyedStore& store) {
  Json json;
  json["store"] = store.name;
  json["reached"] = store.problem.empty();
  if (!store.problem.empty()) json["problem"] = store.problem;
  if (!store.facts.empty()) {
    json["facts"] = Json::object();
    for (const auto& [name, value] : store.facts) json["facts"][name] = value;
  }
  return json;
}

}  // namespace cairn::cli
