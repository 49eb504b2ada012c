// Layers that the host itself puts into a stack. They are ordinary proxies on the SDK's face.
//
//   EnvelopeLayer   directly above a store that keeps only bytes: metadata in, metadata out
//   SerialLayer     above a component that said Threads::serial: one call at a time
//   KeyLimitLayer   above a store with a key limit: longer keys are replaced by their SHA-1
#pragma once

#include "envelope.hpp"
#include "region/sha1.hpp"

#include <cairn/plugin.hpp>

#include <mutex>
#include <string>
#include <vector>

namespace cairn::hosting {

class EnvelopeLayer final : public ProxyBackend {
 public:
  static constexpr auto name = "envelope";
  static constexpr auto help = "Writes when a value was made in front of its bytes.";
  static constexpr auto transforms = Transforms::value;
  static constexpr auto accepts = Kinds::bytes;
  static constexpr auto emits = Kinds::bytes;
  using ProxyBackend::ProxyBackend;

  OptionalEntry get(Key key, Call call) override {
    OptionalEntry found = next().get(key, call);
    if (found) *found = opened(*found);
    return found;
  }
  void set(Key key, const Entry& entry, const SetOptions& options, Call call) override {
    next().set(key, closed(entry), options, call);
  }
  void get_multi(Keys keys, Results results, Call call) override {
    next().get_multi(keys, results, call);
    for (std::size_t i = 0; i < results.size(); ++i) {
      if (!results.is_hit(i)) continue;
      try {
        results.hit(i, opened(results.entry(i)));
      } catch (const Error& error) {
        results.fail(i, error.code());
      }
    }
  }
  void set_multi(Keys keys, std::span<const Entry> entries, const SetOptions& options,
                 Statuses statuses, Call call) override {
    std::vector<std::size_t> storable;  // a value that is not bytes is refused alone
    std::vector<Key> their_keys;
    std::vector<Entry> stored;
    stored.reserve(entries.size());
    for (std::size_t i = 0; i < entries.size(); ++i) {
      if (!entries[i].is_bytes()) {
        statuses.fail(i, Errc::rejected);
        continue;
      }
      storable.push_back(i);
      their_keys.push_back(keys[i]);
      stored.push_back(write_envelope(entries[i]));
    }
    std::vector<cairn_status> outcomes(stored.size(), CAIRN_OK);
    next().set_multi(their_keys, stored, options, Statuses(outcomes.data(), outcomes.size()), call);
    for (std::size_t i = 0; i < storable.size(); ++i) statuses.raw()[storable[i]] = outcomes[i];
  }

 private:
  static Entry closed(const Entry& entry) {
    if (!entry.is_bytes()) throw Error(Errc::rejected, "the store below takes only bytes");
    return write_envelope(entry);
  }
  static Entry opened(const Entry& stored) {
    const auto head = stored.is_bytes() ? read_envelope(stored.bytes()) : std::nullopt;
    if (!head) {
      throw Error(Errc::corrupt, "the stored value does not begin with {\"ct\": ..., \"v\": ...}|");
    }
    cairn_retain(stored.raw().owner);
    Entry entry = Entry::part_of(stored.bytes().substr(head->size), stored.raw().owner);
    entry.with_metadata_of(stored);
    entry.set_created(head->created);
    entry.set_value_version(head->value_version);
    return entry;
  }
};

class SerialLayer final : public ProxyBackend {
 public:
  static constexpr auto name = "serial";
  static constexpr auto help = "Lets in one call at a time.";
  static constexpr auto transforms = Transforms::everything;
  using ProxyBackend::ProxyBackend;

  OptionalEntry get(Key key, Call call) override {
    const std::lock_guard lock(mutex_);
    return next().get(key, call);
  }
  void set(Key key, const Entry& entry, const SetOptions& options, Call call) override {
    const std::lock_guard lock(mutex_);
    next().set(key, entry, options, call);
  }
  bool remove(Key key, Call call) override {
    const std::lock_guard lock(mutex_);
    return next().remove(key, call);
  }
  void get_multi(Keys keys, Results results, Call call) override {
    const std::lock_guard lock(mutex_);
    next().get_multi(keys, results, call);
  }
  void set_multi(Keys keys, std::span<const Entry> entries, const SetOptions& options,
                 Statuses statuses, Call call) override {
    const std::lock_guard lock(mutex_);
    next().set_multi(keys, entries, options, statuses, call);
  }
  void remove_multi(Keys keys, Statuses statuses, Call call) override {
    const std::lock_guard lock(mutex_);
    next().remove_multi(keys, statuses, call);
  }
  std::optional<Token> lock(Key key, Nanoseconds lease, Call call) override {
    const std::lock_guard lock(mutex_);
    return next().lock(key, lease, call);
  }
  bool renew(Key key, Token token, Nanoseconds lease, Call call) override {
    const std::lock_guard lock(mutex_);
    return next().renew(key, token, lease, call);
  }
  bool unlock(Key key, Token token, Call call) override {
    const std::lock_guard lock(mutex_);
    return next().unlock(key, token, call);
  }
  /// Only asks: a wait in here would keep out the very unlock that it waits for.
  bool await_unlock(Key key, Nanoseconds, Call call) override {
    const std::lock_guard lock(mutex_);
    return next().await_unlock(key, Nanoseconds(0), call);
  }
  Document stats(Call call) override {
    const std::lock_guard lock(mutex_);
    return next().stats(call);
  }
  /// Some other thread of the parent may have held it.
  void after_fork() override { std::construct_at(&mutex_); }

 private:
  // Recursive: the end of a payload that the component releases in here may call the cache again.
  std::recursive_mutex mutex_;
};

class KeyLimitLayer final : public KeyMapper {
 public:
  static constexpr auto name = "key-limit";
  static constexpr auto help = "Replaces keys that are too long for the store by their SHA-1.";
  static constexpr std::array options{Option("max_key_bytes", "int").required()};

  explicit KeyLimitLayer(const Context& context)
      : KeyMapper(context),
        limit_(static_cast<std::size_t>(context.options().integer("max_key_bytes"))) {}

  void map_key(Key key, KeyBuffer& out) const override {
    if (key.size() <= limit_) {
      out.append(key);
    } else {
      out.append(sha1_hex(key));
    }
  }

 private:
  const std::size_t limit_;
};

}  // namespace cairn::hosting
