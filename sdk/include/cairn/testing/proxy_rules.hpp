// The laws of proxies: what a layer does to what passes through it, and that it is what it
// declares.
//
// The layer on trial stands in front of below(), which writes everything down.
#pragma once

#include <cairn/testing/call_rules.hpp>
#include <cairn/testing/trial.hpp>

#include <algorithm>
#include <map>

namespace cairn::testing::rules {

inline bool declares(Trial& t, std::uint32_t what) {
  return (t.traits().transforms & what) != 0;
}

// What reached the layer below while `call` ran.
template <class F>
std::vector<RecordedCall> reached_below(Trial& t, F call) {
  t.backend();  // what making it asks for is not counted
  t.below().clear();
  try {
    call();
  } catch (const Error& error) {
    if (error.code() != Errc::unsupported) throw;
  }
  return t.below().calls();
}

struct NamedCall {
  const char* name;
  void (*on)(Backend&, Key, Key, const Entry&, Call);
};

// Every operation that carries a key, on one key or on two.
inline std::span<const NamedCall> calls_with_keys() {
  static constexpr std::chrono::seconds time{30};
  static constexpr NamedCall all[] = {
      {"set", [](Backend& b, Key k, Key, const Entry& e, Call c) { b.set(k, e, {time}, c); }},
      {"get", [](Backend& b, Key k, Key, const Entry&, Call c) { b.get(k, c); }},
      {"set_multi",
       [](Backend& b, Key k, Key k2, const Entry& e, Call c) {
         const Key keys[] = {k, k2};
         const Entry entries[] = {e, e};
         cairn_status statuses[2] = {};
         b.set_multi(keys, entries, {time}, Statuses(statuses, 2), c);
       }},
      {"get_multi",
       [](Backend& b, Key k, Key k2, const Entry&, Call c) {
         const Key keys[] = {k, k2};
         Entry out[2];
         cairn_status statuses[2] = {CAIRN_MISS, CAIRN_MISS};
         b.get_multi(keys, Results(out, statuses, 2), c);
       }},
      {"lock", [](Backend& b, Key k, Key, const Entry&, Call c) { b.lock(k, time, c); }},
      {"renew", [](Backend& b, Key k, Key, const Entry&, Call c) { b.renew(k, 1, time, c); }},
      {"await_unlock", [](Backend& b, Key k, Key, const Entry&,
                          Call c) { b.await_unlock(k, std::chrono::seconds(0), c); }},
      {"unlock", [](Backend& b, Key k, Key, const Entry&, Call c) { b.unlock(k, 1, c); }},
      {"remove_multi",
       [](Backend& b, Key k, Key k2, const Entry&, Call c) {
         const Key keys[] = {k, k2};
         cairn_status statuses[2] = {CAIRN_MISS, CAIRN_MISS};
         b.remove_multi(keys, Statuses(statuses, 2), c);
       }},
      {"remove", [](Backend& b, Key k, Key, const Entry&, Call c) { b.remove(k, c); }},
  };
  return all;
}

// ---- operations ----

inline void what_cannot_be_passed_by_is_offered(Trial& t) {
  t.expect(t.traits().missing.empty(), t.traits().missing);
}

// ---- keys ----

inline void one_key_for_every_operation(Trial& t) {
  if (declares(t, Transforms::flow))
    t.skip("it declares that it changes where and how often calls go (flow)");
  const std::string key = t.key("a"), other = t.key("b");
  const Entry value = t.value("v");
  std::map<std::string, std::string>
      asked_by;  // key below -> the first operation that asked for it
  for (const NamedCall& operation : calls_with_keys()) {
    const std::vector<RecordedCall> calls =
        reached_below(t, [&] { operation.on(t.backend(), key, other, value, t.call()); });
    // Of the first call only: a batch may arrive as single calls, the second key's after it.
    if (!calls.empty() && !calls[0].keys.empty()) {
      asked_by.emplace(calls[0].keys[0], operation.name);
    }
  }
  if (asked_by.size() > 1) {
    const auto& [first, first_by] = *asked_by.begin();
    const auto& [second, second_by] = *std::next(asked_by.begin());
    t.violation("operations do not agree on the key below: for one key " + first_by + " asks for " +
                shown(first) + " and " + second_by + " for " + shown(second) +
                "; was an operation or a batch forgotten?");
  }
}

inline void keys_stay_different(Trial& t) {
  std::vector<std::string> keys{"",
                                "a",
                                "A",
                                "a ",
                                " a",
                                "ab",
                                "a:b",
                                "a::b",
                                "a:",
                                ":a",
                                std::string("a\0", 2),
                                "\n",
                                "1",
                                "01",
                                "a/b",
                                "a%2fb",
                                std::string(300, 'x'),
                                std::string(300, 'x') + "y",
                                std::string(5000, 'x'),
                                std::string(5000, 'x') + "y"};
  for (int i = 0; i < 2000; ++i) keys.push_back("key " + std::to_string(i));
  const Entry value = t.value("v");
  std::map<std::string, std::string> from;  // key below -> key above
  for (const std::string& key : keys) {
    std::vector<RecordedCall> calls;
    try {
      calls = reached_below(t, [&] { t.backend().set(key, value, {}, t.call()); });
    } catch (const Error& error) {
      if (error.code() == Errc::rejected) continue;
      throw;
    }
    for (const RecordedCall& call : calls) {
      if (call.operation != "set" || call.keys.empty()) continue;
      const auto [it, is_new] = from.emplace(call.keys[0], key);
      if (!is_new && it->second != key) {
        t.violation("keys are not kept apart: " + shown(it->second) + " and " + shown(key) +
                    " both become " + shown(call.keys[0]) + " below, and replace each other");
        return;
      }
    }
  }
}

// ---- no more than declared ----

inline void undeclared_keys_are_left_alone(Trial& t) {
  if (declares(t, Transforms::key)) t.skip("it declares that it changes keys");
  const std::string key = t.key("a"), other = t.key("b");
  for (const NamedCall& operation : calls_with_keys()) {
    for (const RecordedCall& call :
         reached_below(t, [&] { operation.on(t.backend(), key, other, t.value("v"), t.call()); })) {
      for (const std::string& below : call.keys) {
        t.expect(below == key || below == other, std::string(operation.name) +
                                                     " changes the key to " + shown(below) +
                                                     ", but `transforms` does not declare key");
      }
    }
  }
}

inline void undeclared_values_are_left_alone(Trial& t) {
  if (declares(t, Transforms::value)) t.skip("it declares that it changes values");
  const std::string key = t.key("a");
  for (const NamedSample& sample : samples(t.traits().accepts)) {
    const auto calls = reached_below(t, [&] { t.backend().set(key, sample.entry, {}, t.call()); });
    for (const RecordedCall& call : calls) {
      for (const Entry& below : call.entries) {
        t.expect(below.kind() == sample.entry.kind() && same_payload(below, sample.entry),
                 "set changes " + sample.name + " to " + shown(below) +
                     ", but `transforms` does not declare value");
      }
    }
  }
}

inline void undeclared_ttls_are_left_alone(Trial& t) {
  if (declares(t, Transforms::ttl)) t.skip("it declares that it changes times to live");
  const std::string key = t.key("a"), other = t.key("b");
  constexpr std::chrono::seconds time{30};
  for (const NamedCall& operation : calls_with_keys()) {
    for (const RecordedCall& call :
         reached_below(t, [&] { operation.on(t.backend(), key, other, t.value("v"), t.call()); })) {
      if (call.operation != "set" && call.operation != "set_multi") continue;
      t.expect(call.ttl == time,
               std::string(operation.name) + " changes the time to live from 30 s to " +
                   std::to_string(std::chrono::duration<double>(call.ttl).count()) +
                   " s, but `transforms` does not declare ttl");
    }
  }
}

// Tries each operation on two keys, which those before have set; or `only` one, on keys that are not there.
inline void arrives_once(Trial& t, const std::string& key, const std::string& other,
                         std::string_view only) {
  for (const NamedCall& operation : calls_with_keys()) {
    const std::string name = operation.name;
    if (!only.empty() && only != name) continue;
    std::size_t keys = 0;
    bool strange = false;
    const auto calls =
        reached_below(t, [&] { operation.on(t.backend(), key, other, t.value("v"), t.call()); });
    if (calls.empty() &&
        (name == "lock" || name == "renew" || name == "unlock" || name == "await_unlock")) {
      continue;  // refused: a proxy need not offer locks
    }
    const bool batch = name.ends_with("_multi");
    for (const RecordedCall& call : calls) {
      keys += call.keys.size();
      strange |= call.operation != name && !(batch && call.operation + "_multi" == name);
    }
    t.expect(!strange && keys == (batch ? 2u : 1u),
             name + (only.empty() ? "" : " of what is not there") +
                 " does not arrive below exactly once, but `transforms` does not declare flow: " +
                 (calls.empty()
                      ? "nothing arrives"
                      : std::to_string(calls.size()) + " calls, the first " + calls[0].operation));
  }
}

inline void undeclared_flow_is_left_alone(Trial& t) {
  if (declares(t, Transforms::flow))
    t.skip("it declares that it changes where and how often calls go");
  arrives_once(t, t.key("a"), t.key("b"), "");
  for (const char* name : {"get", "get_multi", "remove", "remove_multi"}) {
    const std::string key = std::string("absent from ") + name;
    arrives_once(t, t.key(key + " 1"), t.key(key + " 2"), name);
  }
}

inline void emits_what_it_declares(Trial& t) {
  if (t.traits().emits == Kinds::as_given) t.skip("it passes on the kinds that it is given");
  const std::string key = t.key("a");
  for (const NamedSample& sample : samples(t.traits().accepts)) {
    try {
      for (const RecordedCall& call :
           reached_below(t, [&] { t.backend().set(key, sample.entry, {}, t.call()); })) {
        for (const Entry& below : call.entries) {
          t.expect(
              (below.raw().kind & t.traits().emits) != 0,
              sample.name + " is passed on as a kind of payload that `emits` does not declare");
        }
      }
    } catch (const Error& error) {
      if (!sample.may_be_rejected || error.code() != Errc::rejected) throw;
    }
  }
}

// ---- what comes back ----

inline void the_call_is_handed_on(Trial& t) {
  const std::string key = t.key("a"), other = t.key("b");
  for (const NamedCall& operation : calls_with_keys()) {
    cairn_call raw{};
    raw.size = sizeof raw;
    raw.deadline_ns = (Call::Clock::now() + std::chrono::hours(1)).time_since_epoch().count();
    for (const RecordedCall& call : reached_below(
             t, [&] { operation.on(t.backend(), key, other, t.value("v"), Call(&raw)); })) {
      t.expect(call.deadline_ns != 0 && call.deadline_ns <= raw.deadline_ns,
               std::string(operation.name) +
                   (call.deadline_ns == 0
                        ? " does not hand the call on: its deadline is lost on the way down"
                        : " moves the deadline back on the way down"));
    }
  }
}

inline void errors_pass_upwards(Trial& t) {
  if (declares(t, Transforms::flow)) t.skip("it declares flow: it may deal with errors itself");
  const std::string key = t.key("a"), other = t.key("b");
  for (const NamedCall& operation : calls_with_keys()) {
    for (const Errc code :
         {Errc::unavailable, Errc::timeout, Errc::rejected, Errc::corrupt, Errc::internal}) {
      cairn_call raw{};
      raw.size = sizeof raw;
      t.backend();
      t.below().clear();
      t.fault().fail(code);
      std::string answer = "an answer as if nothing had happened";
      Errc seen = Errc::config;
      try {
        operation.on(t.backend(), key, other, t.value("v"), Call(&raw));
      } catch (const Error& error) {
        seen = error.code();
        answer = std::string(to_string(seen)) + ": " + error.what();
      }
      t.fault().recover();
      const bool arrived = !t.below().calls().empty();
      if (!arrived ||
          (std::string_view(operation.name).ends_with("_multi") && seen == Errc::config)) {
        continue;  // not offered, or answered key by key
      }
      t.expect(seen == code, "when the layer below fails with " + std::string(to_string(code)) +
                                 ", " + operation.name + " gives " + answer);
      if (seen == code) {
        t.expect(answer.find(FaultyBackend::text) != std::string::npos,
                 std::string(operation.name) + " loses the text of an error below: " + answer);
      }
    }
  }
}

inline void foreign_payloads_are_corrupt(Trial& t) {
  if (!declares(t, Transforms::value)) t.skip("it does not read payloads");
  const std::string key = t.key("a");
  const Entry value = t.value(std::string(2000, 'v'));
  std::string below_key;
  std::vector<Entry> stored;
  for (const RecordedCall& call :
       reached_below(t, [&] { t.backend().set(key, value, {}, t.call()); })) {
    if (!call.keys.empty()) below_key = call.keys[0];
    stored.insert(stored.end(), call.entries.begin(), call.entries.end());
  }
  if (stored.empty() || !stored[0].is_bytes()) t.skip("it does not turn payloads into bytes");
  const std::string good(stored[0].bytes());

  std::vector<std::string> strange{"", std::string(1, '\0'), "not at all",
                                   std::string(100, '\xff')};
  for (const std::size_t size : {std::size_t{1}, good.size() / 2, good.size() - 1}) {
    if (size < good.size()) strange.push_back(good.substr(0, size));
  }
  std::uint32_t noise = 12345;
  for (int i = 0; i < 300; ++i) {  // a few bytes changed, near the front most of all
    std::string changed = good;
    for (int bytes = 0; bytes < 1 + i % 3; ++bytes) {
      noise = noise * 1664525u + 1013904223u;
      const std::size_t reach =
          i % 2 == 0 ? std::min<std::size_t>(32, changed.size()) : changed.size();
      if (reach != 0) changed[(noise >> 8) % reach] = static_cast<char>(noise >> 24);
    }
    strange.push_back(std::move(changed));
  }
  for (const std::string& bytes : strange) {
    t.store().set(below_key, Entry::copy(bytes), {}, t.call());
    try {
      const OptionalEntry found = t.backend().get(key, t.call());
      if (found) shown(*found);  // reads every part of it
    } catch (const Error& error) {
      if (error.code() == Errc::corrupt) continue;
      t.violation("get of a stored value that is damaged, " + shown(bytes) + ", fails with " +
                  std::string(to_string(error.code())) +
                  ", expected corrupt or an answer: " + error.what());
      return;
    }
  }
}

inline void one_corrupt_value_is_one_answer(Trial& t) {
  if (!declares(t, Transforms::value)) t.skip("it does not read payloads");
  const std::string good = t.key("good"), bad = t.key("bad");
  t.backend().set(good, t.value("good"), {}, t.call());
  std::string bad_below;
  for (const RecordedCall& call :
       reached_below(t, [&] { t.backend().set(bad, t.value("bad"), {}, t.call()); })) {
    if (!call.keys.empty()) bad_below = call.keys[0];
  }
  t.store().set(bad_below, Entry::copy("\xc1 this is no payload \xff"), {}, t.call());
  const Key keys[] = {bad, good};
  try {
    const std::vector<std::string> answers = read_batch(t, keys);
    t.expect(
        answers[1] == shown(t.value("good")),
        "a corrupt value in a batch takes the good ones along: the good one is answered with " +
            answers[1]);
  } catch (const Error& error) {
    t.violation(std::string("a corrupt value in a batch fails the whole batch: ") + error.what());
  }
}

}  // namespace cairn::testing::rules
