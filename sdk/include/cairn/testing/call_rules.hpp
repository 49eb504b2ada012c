// The rules about batches, times to live, deadlines and the small print of a call.
#pragma once

#include <cairn/testing/trial.hpp>

namespace cairn::testing::rules {

// The answers of a get_multi as texts, "a miss" or "timeout" included.
inline std::vector<std::string> read_batch(Trial& t, Keys keys) {
  std::vector<Entry> out(keys.size());
  std::vector<cairn_status> statuses(keys.size(), CAIRN_MISS);
  t.backend().get_multi(keys, Results(out.data(), statuses.data(), keys.size()), t.call());
  std::vector<std::string> answers;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    answers.push_back(statuses[i] == CAIRN_OK     ? shown(out[i])
                      : statuses[i] == CAIRN_MISS ? "a miss"
                                                  : std::string(to_string(to_errc(statuses[i]))));
  }
  return answers;
}

inline std::vector<cairn_status> write_batch(Trial& t, Keys keys, std::span<const Entry> values,
                                             const SetOptions& options = {}) {
  std::vector<cairn_status> statuses(keys.size(), CAIRN_OK);
  t.backend().set_multi(keys, values, options, Statuses(statuses.data(), keys.size()), t.call());
  return statuses;
}

inline std::vector<cairn_status> remove_batch(Trial& t, Keys keys) {
  std::vector<cairn_status> statuses(keys.size(), CAIRN_MISS);
  t.backend().remove_multi(keys, Statuses(statuses.data(), keys.size()), t.call());
  return statuses;
}

// ---- batches ----

inline void empty_batches_do_nothing(Trial& t) {
  read_batch(t, {});
  write_batch(t, {}, {});
  remove_batch(t, {});
}

inline void batches_agree_with_single_calls(Trial& t) {
  t.needs_memory();
  const std::string names[] = {t.key("a"), t.key("b"), t.key("c"), t.key("absent")};
  const Key keys[] = {names[3], names[0], names[1], names[2], names[0], names[3]};
  for (int i = 0; i < 3; ++i)
    t.backend().set(names[i], t.value("single " + std::to_string(i)), {}, t.call());
  const std::vector<std::string> batch = read_batch(t, keys);
  for (std::size_t i = 0; i < std::size(keys); ++i) {
    const std::string single = t.read(keys[i]);
    t.expect(batch[i] == single, "get_multi and get do not agree: at place " + std::to_string(i) +
                                     " of the batch " + batch[i] + ", alone " + single);
  }

  const Key written[] = {names[0], names[2]};
  const Entry values[] = {t.value("batch 0"), t.value("batch 2")};
  for (const cairn_status status : write_batch(t, written, values)) {
    t.expect(status == CAIRN_OK, "set_multi refuses what set accepts");
  }
  for (int i = 0; i < 2; ++i) {
    const std::string found = t.read(written[i]);
    t.expect(found == shown(values[i]), "what set_multi stored is not what get answers: expected " +
                                            shown(values[i]) + ", got " + found);
  }
  t.expect(t.read(names[1]) == shown(t.value("single 1")),
           "set_multi changed a key that was not in the batch");

  const Key removed[] = {names[0], names[3], names[2]};
  const std::vector<cairn_status> statuses = remove_batch(t, removed);
  t.expect(statuses[0] == CAIRN_OK && statuses[2] == CAIRN_OK,
           "remove_multi answers that there was nothing, but there was");
  t.expect(t.read(names[0]) == "a miss" && t.read(names[2]) == "a miss",
           "get still answers a key after remove_multi");
  t.expect(t.read(names[1]) != "a miss", "remove_multi removed a key that was not in the batch");
  t.backend().remove(names[1], t.call());
}

inline void batches_may_repeat_keys(Trial& t) {
  t.needs_memory();
  const std::string a = t.key("a"), b = t.key("b");
  const Key keys[] = {a, b, a, a};
  const Entry values[] = {t.value("1"), t.value("2"), t.value("3"), t.value("4")};
  write_batch(t, keys, values);
  const std::vector<std::string> found = read_batch(t, keys);
  t.expect(found[1] == shown(values[1]),
           "a key next to a repeated one has the wrong value: " + found[1]);
  t.expect(found[0] == found[2] && found[2] == found[3] &&
               (found[0] == shown(values[0]) || found[0] == shown(values[2]) ||
                found[0] == shown(values[3])),
           "a key that is in a batch twice is not answered each time: " + found[0] + ", " +
               found[2] + ", " + found[3]);
  remove_batch(t, keys);
  t.expect(t.read(a) == "a miss", "a key that is in a remove_multi twice is still there");
}

inline void large_batches_stay_in_order(Trial& t) {
  t.needs_memory();
  std::vector<std::string> names;
  std::vector<Entry> values;
  for (int i = 0; i < 1000; ++i) {
    names.push_back(t.key("many/" + std::to_string(i)));
    values.push_back(t.value("value " + std::to_string(i)));
  }
  const std::vector<Key> keys(names.begin(), names.end());
  write_batch(t, keys, values);
  const std::vector<std::string> found = read_batch(t, keys);
  std::size_t wrong = 0, missing = 0;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (found[i] == "a miss")
      ++missing;
    else if (found[i] != shown(values[i]))
      ++wrong;
  }
  t.expect(wrong == 0,
           std::to_string(wrong) + " of a batch of 1000 are answered with another key's value");
  t.expect(missing < 1000, "none of a batch of 1000 is there");
  remove_batch(t, keys);
}

// ---- times to live ----

inline void time_to_live_ends(Trial& t) {
  t.needs_memory();
  const std::string single = t.key("single"), batch = t.key("batch"), kept = t.key("kept");
  const SetOptions second{std::chrono::seconds(1)};
  t.backend().set(single, t.value("1"), second, t.call());
  const Key keys[] = {batch};
  const Entry values[] = {t.value("2")};
  write_batch(t, keys, values, second);
  t.backend().set(kept, t.value("3"), second, t.call());
  t.backend().set(kept, t.value("3"), {}, t.call());  // without one: the first's is forgotten
  const auto gone = [&] { return t.read(single) == "a miss" && t.read(batch) == "a miss"; };
  t.passes_within(std::chrono::seconds(2), std::chrono::milliseconds(2500), gone);
  t.expect(t.read(single) == "a miss", "get answers an entry after its time to live of 1 s");
  t.expect(t.read(batch) == "a miss",
           "get answers what set_multi stored after its time to live of 1 s");
  t.expect(t.read(kept) != "a miss",
           "a set without a time to live ends with the time of the set before it");
  t.backend().remove(kept, t.call());
}

inline void time_to_live_has_no_edges(Trial& t) {
  t.needs_memory();
  const std::string longest = t.key("longest"), year = t.key("year"), shortest = t.key("shortest");
  t.backend().set(longest, t.value("1"), {std::chrono::nanoseconds::max()}, t.call());
  t.expect(t.read(longest) != "a miss",
           "the longest time to live (2^63 - 1 ns) ends at once: it overflows");
  t.backend().set(year, t.value("2"), {std::chrono::hours(24 * 365)}, t.call());
  t.expect(t.read(year) != "a miss", "a time to live of a year ends at once");
  t.backend().set(shortest, t.value("3"), {std::chrono::nanoseconds(1)}, t.call());
  const auto gone = [&] { return t.read(shortest) == "a miss"; };
  t.expect(t.passes_within(std::chrono::seconds(2), std::chrono::milliseconds(2500), gone),
           "a time to live of 1 ns never ends: it is rounded to none");
  for (const std::string& key : {longest, year}) t.backend().remove(key, t.call());
}

// ---- calls ----

inline void deadlines_are_minded(Trial& t) {
  const std::string key = t.key("k");
  const Entry value = t.value("v");
  const Key keys[] = {key};
  const std::pair<const char*, std::function<void(Call)>> operations[] = {
      {"get", [&](Call c) { t.backend().get(key, c); }},
      {"set", [&](Call c) { t.backend().set(key, value, {}, c); }},
      {"remove", [&](Call c) { t.backend().remove(key, c); }},
      {"get_multi",
       [&](Call c) {
         Entry out;
         cairn_status status = CAIRN_MISS;
         t.backend().get_multi(keys, Results(&out, &status, 1), c);
       }},
  };
  t.backend();  // connecting is not part of a call
  for (const std::chrono::milliseconds ahead :
       {std::chrono::milliseconds(-1000), std::chrono::milliseconds(50)}) {
    for (const auto& [name, operation] : operations) {
      cairn_call raw{};
      raw.size = sizeof raw;
      const auto begin = Call::Clock::now();
      raw.deadline_ns = (begin + ahead).time_since_epoch().count();
      try {
        operation(Call(&raw));
      } catch (const Error& error) {
        t.expect(error.code() == Errc::timeout || error.code() == Errc::unavailable,
                 std::string(name) + " answers a deadline with " +
                     std::string(to_string(error.code())) + ", expected timeout: " + error.what());
      }
      const std::chrono::duration<double> took = Call::Clock::now() - begin;
      t.expect(took < std::chrono::seconds(1),
               std::string(name) + " ignores its deadline: it took " +
                   std::to_string(took.count()) + " s, and the deadline " +
                   (ahead.count() < 0 ? "had passed" : "was 0.05 s away"));
    }
  }
  try {
    t.backend().remove(key, t.call());
  } catch (const Error& error) {  // a store that timed out may be given up for a while
    if (error.code() != Errc::timeout && error.code() != Errc::unavailable) throw;
  }
}

// NULL for the call is legal everywhere.
inline void calls_may_be_null(Trial& t) {
  const std::string key = t.key("k");
  const Key keys[] = {key};
  const Entry values[] = {t.value("v")};
  Entry out;
  cairn_status status = CAIRN_OK;
  t.backend().set(key, values[0], {}, Call());
  t.backend().get(key, Call());
  t.backend().remove(key, Call());
  t.backend().set_multi(keys, values, {}, Statuses(&status, 1), Call());
  t.backend().get_multi(keys, Results(&out, &status, 1), Call());
  t.backend().remove_multi(keys, Statuses(&status, 1), Call());
}

inline void unknown_flags_are_refused(Trial& t) {
  const std::string key = t.key("k");
  const cairn_set_options options{sizeof options, 1u << 30, 0};
  const Entry value = t.value("v");
  Backend& backend = t.backend();
  const cairn_next table =
      t.subject().table ? t.subject().table(backend) : detail::table_of(backend);
  const auto& set = table.set;
  const cairn_status status = set.fn(set.self, nullptr, Key(key).raw(), &value.raw(), &options);
  t.expect(status == CAIRN_UNSUPPORTED,
           "set with a flag that does not exist yet answers " + std::to_string(status) +
               ", expected -5 (unsupported): it would misread a later caller");
}

inline void statistics_are_a_map(Trial& t) {
  try {
    for (int i = 0; i < 2; ++i) {
      const Document stats = t.backend().stats(t.call());
      t.expect(stats.root() && stats.root().type() == Node::map,
               "stats answers " + std::string(stats.root().type_name()) + ", expected a map");
    }
  } catch (const Error& error) {
    if (error.code() == Errc::unsupported) t.skip("it offers no statistics");
    throw;
  }
}

inline void unknown_extensions_are_null(Trial& t) {
  t.expect(t.backend().extension("org.example.no-such-extension/1") == nullptr,
           "extension answers an id that nobody has defined: a caller would call into nothing");
}

}  // namespace cairn::testing::rules
