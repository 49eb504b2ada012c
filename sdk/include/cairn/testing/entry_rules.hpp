// The rules about keys, payloads and who owns them.
#pragma once

#include <cairn/testing/trial.hpp>

#include <deque>

namespace cairn::testing::rules {

// ---- the plain things ----

inline void absent_is_a_miss(Trial& t) {
  const OptionalEntry found = t.backend().get(t.key("never set"), t.call());
  t.expect(!found, "get answers a key that was never set");
}

inline void set_then_get(Trial& t) {
  t.needs_memory();
  const std::string key = t.key("k");
  t.backend().set(key, t.value("one"), {}, t.call());
  const std::string first = t.read(key), expected = shown(t.value("one"));
  t.expect(first == expected, "set " + expected + ", but get answers " + first);
  t.backend().set(key, t.value("two"), {}, t.call());
  const std::string second = t.read(key);
  t.expect(second == shown(t.value("two")),
           "a second set does not replace the first: get answers " + second);
}

inline void removed_is_gone(Trial& t) {
  const std::string key = t.key("k"), other = t.key("other");
  t.backend().remove(key, t.call());  // nothing there: harmless
  t.backend().set(key, t.value("1"), {}, t.call());
  t.backend().set(other, t.value("2"), {}, t.call());
  const bool kept = t.backend().get(key, t.call()).has_value();
  const bool removed = t.backend().remove(key, t.call());
  t.expect(!kept || removed, "remove answers that there was nothing, but there was");
  t.expect(!t.backend().get(key, t.call()), "get still answers a key after remove");
  t.backend().remove(key, t.call());
  if (kept)
    t.expect(t.read(other) == shown(t.value("2")), "remove of one key took another one along");
}

// ---- keys ----

inline void keys_are_any_bytes(Trial& t) {
  t.needs_memory();
  const std::string stem = t.key("");
  std::vector<std::string> keys{stem + "a",
                                stem + "A",
                                stem + "a ",
                                stem + std::string("a\0", 2),
                                stem + std::string("a\0b", 3),
                                stem + "a\n",
                                stem + "\xff\xfe",
                                stem + "gr\xc3\xbcn",
                                stem + "a/../b",
                                stem + "%61",
                                stem + "*"};
  for (int byte = 0; byte < 256; ++byte) keys.push_back(stem + "byte" + static_cast<char>(byte));
  std::vector<bool> stored(keys.size(), true);
  for (std::size_t i = 0; i < keys.size(); ++i) {
    try {
      t.backend().set(keys[i], t.value("value " + std::to_string(i)), {}, t.call());
    } catch (const Error& error) {
      stored[i] = false;  // a store may say that it cannot; it may not mix them up
      t.expect(error.code() == Errc::rejected,
               "a key with unusual bytes, " + shown(keys[i]) + ", fails with: " + error.what());
    }
  }
  t.expect(stored[0], "even a plain key is rejected");
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (!stored[i]) continue;
    const std::string found = t.read(keys[i]),
                      expected = shown(t.value("value " + std::to_string(i)));
    t.expect(found == expected, "keys are mixed up: under " + shown(keys[i].substr(stem.size())) +
                                    " was set " + expected + ", but get answers " + found);
    t.backend().remove(keys[i], t.call());
  }
}

inline void keys_are_long_and_short(Trial& t) {
  t.needs_memory();
  const std::size_t longest = t.traits().max_key_bytes != 0 ? t.traits().max_key_bytes : 65536;
  std::string long_key = t.key("");
  const bool fits = long_key.size() + 1 <= longest;
  if (fits) {
    long_key.append(longest - long_key.size(), 'k');
    std::string twin = long_key;
    twin.back() = 'x';  // differs in the last byte
    try {
      t.backend().set(long_key, t.value("long"), {}, t.call());
      t.backend().set(twin, t.value("twin"), {}, t.call());
      t.expect(
          t.read(long_key) == shown(t.value("long")),
          "keys of " + std::to_string(longest) + " bytes that differ in the last one are mixed up");
    } catch (const Error& error) {
      t.expect(t.traits().max_key_bytes == 0 && error.code() == Errc::rejected,
               "a key of " + std::to_string(longest) +
                   " bytes, which is within max_key_bytes, fails with: " + error.what());
    }
    t.backend().remove(long_key, t.call());
    t.backend().remove(twin, t.call());
  }
  try {
    const OptionalEntry before = t.backend().get("", t.call());
    t.backend().set("", t.value("empty key"), {}, t.call());
    t.expect(t.read("") == shown(t.value("empty key")), "the empty key does not keep its value");
    t.backend().remove("", t.call());
    if (before) t.backend().set("", *before, {}, t.call());
  } catch (const Error& error) {
    t.expect(error.code() == Errc::rejected,
             std::string("the empty key fails with: ") + error.what());
  }
}

// ---- payloads ----

inline void payloads_come_back(Trial& t) {
  t.needs_memory();
  const std::string key = t.key("k");
  for (const NamedSample& sample : samples(t.traits().accepts)) {
    try {
      t.backend().set(key, sample.entry, {}, t.call());
      const OptionalEntry found = t.backend().get(key, t.call());
      if (!found) {
        t.expect(sample.may_be_rejected, sample.name + " is not there after it was set");
      } else {
        t.expect(same_payload(*found, sample.entry),
                 sample.name + " comes back as something else: set " + shown(sample.entry) +
                     ", got " + shown(*found));
      }
    } catch (const Error& error) {
      t.expect(sample.may_be_rejected && error.code() == Errc::rejected,
               sample.name + " fails with " + std::string(to_string(error.code())) + ": " +
                   error.what());
    }
  }
  t.backend().remove(key, t.call());
}

inline void metadata_comes_back(Trial& t) {
  t.needs_memory();
  if (!t.subject().is_proxy() && t.traits().accepts == Kinds::bytes) {
    t.skip("a store of bytes: the host writes the metadata into them");
  }
  const std::string key = t.key("k");
  Entry value = t.value("v");
  value.set_created(Time(std::chrono::seconds(1'234'567'890)));
  value.set_value_version(7);
  t.backend().set(key, value, {}, t.call());
  const Entry found = t.backend().get(key, t.call()).value_or(Entry());
  t.expect(found.created() == value.created(),
           "the time when the value was made is lost or changed");
  t.expect(found.value_version() == 7, "the version of the value's format is lost or changed");
  t.backend().remove(key, t.call());
}

inline void objects_stay_themselves(Trial& t) {
  if ((t.traits().accepts & Kinds::objects) == 0 ||
      (t.subject().is_proxy() && t.traits().emits != 0)) {
    t.skip("it does not keep objects as they are");
  }
  t.needs_memory();
  const std::string key = t.key("k");
  const Entry object = SampleObject::entry("shared");
  t.backend().set(key, object, {}, t.call());
  const OptionalEntry found = t.backend().get(key, t.call());
  if (t.expect(found && found->is_object(), "an object does not come back as an object")) {
    t.expect(found->raw().data == object.raw().data,
             "an object comes back at another address: it was copied");
    t.expect(found->raw().type == object.raw().type, "an object comes back with another type");
  }
  t.backend().remove(key, t.call());
}

// ---- ownership ----

inline void borrowed_payloads_are_copied(Trial& t) {
  t.needs_memory();
  const std::string key = t.key("k"), batch_key = t.key("batch");
  std::string scratch(100, 'a');
  Entry value = Entry::borrow(scratch);
  if ((t.traits().accepts & Kinds::bytes) == 0) {
    if ((t.traits().accepts & Kinds::documents) == 0)
      t.skip("it takes only objects, which are never borrowed");
    static thread_local cairn_node node;
    node = {CAIRN_TEXT, 0, scratch.size(), {.s = scratch.data()}};
    value = Entry();
    value.raw().kind = CAIRN_DOCUMENT;
    value.raw().data = &node;
    value.raw().size = sizeof node + scratch.size();
  }
  const Entry expected = t.value(scratch);
  t.backend().set(key, value, {}, t.call());
  const Key keys[] = {batch_key};
  cairn_status status = CAIRN_OK;
  t.backend().set_multi(keys, {&value, 1}, {}, Statuses(&status, 1), t.call());
  scratch.assign(scratch.size(), '#');  // the caller's buffer is the caller's again
  for (const std::string& k : {key, batch_key}) {
    const OptionalEntry found = t.backend().get(k, t.call());
    t.expect(
        !found || same_payload(*found, expected),
        std::string(k == key ? "set" : "set_multi") +
            " kept a pointer into the caller's buffer: a payload without an owner must be copied "
            "(entry.to_owned())");
    t.backend().remove(k, t.call());
  }
}

inline void results_outlive_the_store(Trial& t) {
  t.needs_memory();
  const std::string key = t.key("k");
  const Entry original = t.value(std::string(500, 'a'));
  t.backend().set(key, original, {}, t.call());
  OptionalEntry held = t.backend().get(key, t.call());
  if (!held) return;
  if (!t.expect(held->owned() || held->size() == 0,
                "get handed out a borrowed pointer: a result needs an owner that keeps it alive")) {
    return;  // reading on would be reading what may be gone
  }
  const Key keys[] = {key};
  Entry batched;
  cairn_status status = CAIRN_MISS;
  t.backend().get_multi(keys, Results(&batched, &status, 1), t.call());
  if (status == CAIRN_OK) {
    t.expect(
        batched.owned() || batched.size() == 0,
        "get_multi handed out a borrowed pointer: a result needs an owner that keeps it alive");
  }
  t.backend().set(key, t.value(std::string(500, 'b')), {}, t.call());
  t.expect(same_payload(*held, original),
           "an entry that was handed out changed when its key was set again");
  t.backend().remove(key, t.call());
  t.expect(same_payload(*held, original),
           "an entry that was handed out changed when its key was removed");
  t.destroy();
  t.expect(same_payload(*held, original),
           "an entry that was handed out changed when the layer was destroyed");
}

// Owners that stay in memory after their end, so that every miscount can be seen.
class Tracked {
 public:
  Entry entry(std::uint32_t accepts, std::string text) {
    Item& item = items_.emplace_back();
    item.refs = 1;
    // An only reference may be let go of without being counted down (cairn_release): here it is.
    item.destroy = [](cairn_owner* owner) noexcept {
      __atomic_store_n(&owner->refs, 0, __ATOMIC_RELAXED);
      ++static_cast<Item*>(owner)->ends;
    };
    item.text = std::move(text);
    Entry entry = Entry::part_of(item.text, &item);
    if ((accepts & Kinds::bytes) != 0) return entry;
    item.node = {CAIRN_TEXT, 0, item.text.size(), {.s = item.text.data()}};
    entry.raw().kind = CAIRN_DOCUMENT;
    entry.raw().data = &item.node;
    return entry;
  }
  /// What is wrong now that nobody should hold a reference; empty: nothing.
  std::string fault() const {
    std::size_t kept = 0, overdone = 0;
    for (const Item& item : items_) {
      if (item.refs > 0) ++kept;
      if (item.refs < 0 || item.ends > 1) ++overdone;
    }
    if (overdone != 0) {
      return "it released payloads that it did not own: " + std::to_string(overdone) + " of " +
             std::to_string(items_.size()) + " were released more often than retained";
    }
    if (kept != 0) {
      return "it leaks references: " + std::to_string(kept) + " of " +
             std::to_string(items_.size()) +
             " payloads were never released, although the layer and all results are gone";
    }
    return "";
  }

 private:
  struct Item : cairn_owner {
    std::string text;
    cairn_node node{};
    std::atomic<int> ends{0};
  };
  std::deque<Item> items_;
};

inline void references_balance(Trial& t) {
  if ((t.traits().accepts & (Kinds::bytes | Kinds::documents)) == 0)
    t.skip("it takes only objects");
  static std::deque<Tracked> kept_for_ever;  // what is leaked may be released as late as exit
  Tracked& tracked = kept_for_ever.emplace_back();
  const std::string key = t.key("k"), other = t.key("other");
  const auto value = [&](const char* text) { return tracked.entry(t.traits().accepts, text); };
  {
    Backend& b = t.backend();
    b.set(key, value("first"), {}, t.call());
    b.get(key, t.call());
    b.set(key, value("second"), {}, t.call());
    const OptionalEntry held = b.get(key, t.call());
    b.remove(key, t.call());
    b.get(key, t.call());
    const Key keys[] = {key, other, key};
    const Entry values[] = {value("a"), value("b"), value("c")};
    cairn_status done[3] = {};
    b.set_multi(keys, values, {}, Statuses(done, 3), t.call());
    Entry out[3];
    cairn_status found[3] = {CAIRN_MISS, CAIRN_MISS, CAIRN_MISS};
    b.get_multi(keys, Results(out, found, 3), t.call());
    cairn_status removed[3] = {CAIRN_MISS, CAIRN_MISS, CAIRN_MISS};
    b.remove_multi(Keys(keys, 1), Statuses(removed, 1), t.call());
    b.set(other, value("left behind"), {}, t.call());
  }
  t.remake();  // a store in this process must have let go; one elsewhere never held on
  t.backend().remove(key, t.call());
  t.backend().remove(other, t.call());
  t.store().remove(key, t.call());
  t.store().remove(other, t.call());
  t.destroy();
  if (t.subject().is_proxy()) {  // what the reference store below still has is not the proxy's
    for (const RecordedCall& call : t.below().calls()) {
      for (const std::string& below_key : call.keys) t.store().remove(below_key, t.call());
    }
    t.below().clear();
  }
  const std::string fault = tracked.fault();
  t.expect(fault.empty(), fault);
}

// A payload whose end calls the cache again, as the destructor of a program's object may.
inline void releasing_may_call_back(Trial& t) {
  struct Caller : cairn_owner {
    std::shared_ptr<Backend*> backend;  // null once the trial is over
    std::string key, text = "calls back";
    cairn_node node{};
  };
  const std::string key = t.key("k");
  const auto backend = std::make_shared<Backend*>(&t.backend());
  const auto make = [&] {
    auto* caller = new Caller();
    caller->refs = 1;
    caller->backend = backend;
    caller->key = key;
    caller->destroy = [](cairn_owner* owner) noexcept {
      auto* self = static_cast<Caller*>(owner);
      try {
        if (*self->backend != nullptr) (*self->backend)->get(self->key, Call());
      } catch (...) {  // what it answers does not matter, only that it does
      }
      delete self;
    };
    Entry entry = Entry::part_of(caller->text, caller);
    if ((t.traits().accepts & Kinds::bytes) == 0) {
      caller->node = {CAIRN_TEXT, 0, caller->text.size(), {.s = caller->text.data()}};
      entry.raw().kind = CAIRN_DOCUMENT;
      entry.raw().data = &caller->node;
    }
    return entry;
  };
  if ((t.traits().accepts & (Kinds::bytes | Kinds::documents)) == 0)
    t.skip("it takes only objects");
  t.backend().set(key, make(), {}, t.call());
  t.backend().set(key, make(), {}, t.call());  // releases the first
  t.backend().remove(key, t.call());           // and the second
  t.below().clear();
  *backend = nullptr;
}

}  // namespace cairn::testing::rules
