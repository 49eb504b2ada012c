// A ValueCodec is a proxy that rewrites payloads and nothing else: a pair of functions, applied to
// every operation and every batch.
//
//     class Rot13 final : public cairn::ValueCodec {
//      public:
//       static constexpr auto name = "rot13";
//       static constexpr auto help = "Makes text unreadable for those who do not look closely.";
//       using ValueCodec::ValueCodec;
//       Entry encode(const Entry& value) const override { return Entry::own(rot13(value.bytes())); }
//       Entry decode(const Entry& stored) const override { return Entry::own(rot13(stored.bytes())); }
//      ...
//
// By default it takes bytes and passes bytes on. One that turns documents into bytes says
// `static constexpr auto accepts = Kinds::documents | Kinds::objects;` and reads
// `value.to_document().node()`.
//
// decode(encode(x)) must equal x. What cannot be decoded throws Error(corrupt): the caller sees a
// miss, counted in this layer's statistics. In a batch, an Error concerns only its key.
// Metadata (when created, version) is carried over by this class; where the store knows none, what
// decode() set is kept.
// Threads: both functions are called from any thread at any time.
#pragma once

#include <cairn/proxy_backend.hpp>

#include <algorithm>
#include <atomic>
#include <vector>

namespace cairn {

class ValueCodec : public ProxyBackend {
 public:
  static constexpr auto transforms = Transforms::value;
  static constexpr auto accepts = Kinds::bytes;
  static constexpr auto emits = Kinds::bytes;

  using ProxyBackend::ProxyBackend;

  /// What the layer below is to store. Errors: Error(rejected) for what cannot be encoded.
  virtual Entry encode(const Entry& value) const = 0;
  /// What the layer above is to see. May share the bytes of `stored`, by keeping its owner.
  /// Errors: Error(corrupt).
  virtual Entry decode(const Entry& stored) const = 0;

  OptionalEntry get(Key key, Call call) final {
    OptionalEntry found = next().get(key, call);
    if (found) *found = decoded(*found);
    return found;
  }
  void set(Key key, const Entry& entry, const SetOptions& options, Call call) final {
    next().set(key, encoded(entry), options, call);
  }
  void get_multi(Keys keys, Results results, Call call) final {
    next().get_multi(keys, results, call);
    for (std::size_t i = 0; i < results.size(); ++i) {
      if (!results.is_hit(i)) continue;
      try {
        results.hit(i, decoded(results.entry(i)));
      } catch (const Error& error) {
        results.fail(i, error.code());
      }
    }
  }
  void set_multi(Keys keys, std::span<const Entry> entries, const SetOptions& options,
                 Statuses statuses, Call call) final {
    std::vector<Entry> passed_on;
    passed_on.reserve(entries.size());
    std::vector<std::size_t> refused;
    for (std::size_t i = 0; i < entries.size(); ++i) {
      try {
        passed_on.push_back(encoded(entries[i]));
      } catch (const Error& error) {
        statuses.fail(i, error.code());
        refused.push_back(i);
      }
    }
    if (refused.empty()) return next().set_multi(keys, passed_on, options, statuses, call);
    set_others(keys, passed_on, refused, options, statuses, call);
  }
  /// `{"corrupt": how many payloads could not be decoded}`.
  Document stats(Call) override {
    return Document::build([&](Writer out) {
      out.map(1).key("corrupt").unsigned_integer(corrupt_.load(std::memory_order_relaxed));
    });
  }

 protected:
  std::uint64_t corrupt_payloads() const noexcept {
    return corrupt_.load(std::memory_order_relaxed);
  }

 private:
  // The rest of a batch of which some values could not be encoded; `refused` is in order.
  [[gnu::cold]] void set_others(Keys keys, std::span<const Entry> entries,
                                std::span<const std::size_t> refused, const SetOptions& options,
                                Statuses statuses, Call call) {
    std::vector<Key> others;
    std::vector<std::size_t> places;
    for (std::size_t i = 0; i < keys.size(); ++i) {
      if (std::binary_search(refused.begin(), refused.end(), i)) continue;
      others.push_back(keys[i]);
      places.push_back(i);
    }
    if (others.empty()) return;
    std::vector<cairn_status> answers(others.size(), CAIRN_OK);
    next().set_multi(others, entries, options, Statuses(answers.data(), answers.size()), call);
    for (std::size_t i = 0; i < places.size(); ++i) statuses.raw()[places[i]] = answers[i];
  }

  Entry encoded(const Entry& value) const {
    Entry result = encode(value);
    return std::move(result.with_metadata_of(value));
  }
  Entry decoded(const Entry& stored) {
    try {
      Entry result = decode(stored);
      const Time created = result.created();
      const int version = result.value_version();
      result.with_metadata_of(stored);
      if (stored.created() == Time() && created != Time()) {
        result.set_created(created);
        result.set_value_version(version);
      }
      return result;
    } catch (...) {
      corrupt_.fetch_add(1, std::memory_order_relaxed);
      throw;
    }
  }

  std::atomic<std::uint64_t> corrupt_{0};
};

}  // namespace cairn
