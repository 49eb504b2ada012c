// Proxies with one fault each, for the conformance kit to find. All else about them is right.

#include <cairn/plugin.hpp>

#include <algorithm>
#include <cstdlib>
#include <thread>

namespace {

using namespace cairn;

#define NAMED(text)                  \
  static constexpr auto name = text; \
  static constexpr auto help = "Has a fault.";

std::string prefixed(Key key) {
  std::string result("p:");
  return result.append(key.view());
}

struct ForgetsBatches final : ProxyBackend {
  NAMED("forgets-batches")
  static constexpr auto transforms = Transforms::key;
  using ProxyBackend::ProxyBackend;
  OptionalEntry get(Key k, Call c) override { return next().get(prefixed(k), c); }
  void set(Key k, const Entry& e, const SetOptions& o, Call c) override {
    next().set(prefixed(k), e, o, c);
  }
  bool remove(Key k, Call c) override { return next().remove(prefixed(k), c); }
  void get_multi(Keys k, Results r, Call c) override { next().get_multi(k, r, c); }
  void set_multi(Keys k, std::span<const Entry> e, const SetOptions& o, Statuses s,
                 Call c) override {
    next().set_multi(k, e, o, s, c);
  }
  void remove_multi(Keys k, Statuses s, Call c) override { next().remove_multi(k, s, c); }
};

struct NotInjective final : KeyMapper {
  NAMED("not-injective")
  using KeyMapper::KeyMapper;
  void map_key(Key key, KeyBuffer& out) const override { out.append(key.view().substr(0, 250)); }
};

struct UndeclaredKey final : KeyMapper {
  NAMED("undeclared-key")
  static constexpr auto transforms = Transforms::nothing;
  using KeyMapper::KeyMapper;
  void map_key(Key key, KeyBuffer& out) const override { out.append("p:").append(key); }
};

struct UndeclaredValue final : ValueCodec {
  NAMED("undeclared-value")
  static constexpr auto transforms = Transforms::nothing;
  using ValueCodec::ValueCodec;
  Entry encode(const Entry& value) const override {
    std::string marked("<");
    return Entry::own(std::move(marked.append(value.bytes())));
  }
  Entry decode(const Entry& stored) const override {
    if (!stored.bytes().starts_with('<')) throw Error(Errc::corrupt, "no mark");
    return Entry::copy(stored.bytes().substr(1));
  }
};

struct UndeclaredTtl final : ProxyBackend {
  NAMED("undeclared-ttl")
  static constexpr auto transforms = Transforms::nothing;
  using ProxyBackend::ProxyBackend;
  void set(Key k, const Entry& e, const SetOptions& o, Call c) override {
    next().set(k, e, {o.ttl / 2}, c);
  }
  void set_multi(Keys k, std::span<const Entry> e, const SetOptions& o, Statuses s,
                 Call c) override {
    next().set_multi(k, e, {o.ttl / 2}, s, c);
  }
};

struct UndeclaredFlow final : ProxyBackend {
  NAMED("undeclared-flow")
  static constexpr auto transforms = Transforms::nothing;
  using ProxyBackend::ProxyBackend;
  OptionalEntry get(Key k, Call c) override {
    next().get(k, c);
    return next().get(k, c);  // to be sure
  }
  void get_multi(Keys k, Results r, Call c) override { next().get_multi(k, r, c); }
};

struct AsksTwice final : ProxyBackend {
  NAMED("asks-twice")
  static constexpr auto transforms = Transforms::nothing;
  using ProxyBackend::ProxyBackend;
  OptionalEntry get(Key k, Call c) override {
    auto found = next().get(k, c);
    if (found) return found;
    return next().get(k, c);  // perhaps it is there now
  }
  void get_multi(Keys k, Results r, Call c) override { next().get_multi(k, r, c); }
};

struct OffersOnlyGet final : ProxyBackend {
  NAMED("offers-only-get")
  static constexpr auto transforms = Transforms::flow;
  using ProxyBackend::ProxyBackend;
  OptionalEntry get(Key k, Call c) override { return next().get(k, c); }
  void get_multi(Keys k, Results r, Call c) override { next().get_multi(k, r, c); }
};

struct SwallowsErrors final : ProxyBackend {
  NAMED("swallows-errors")
  static constexpr auto transforms = Transforms::nothing;
  using ProxyBackend::ProxyBackend;
  OptionalEntry get(Key k, Call c) override {
    try {
      return next().get(k, c);
    } catch (const Error&) {
      return std::nullopt;
    }
  }
  void get_multi(Keys k, Results r, Call c) override { next().get_multi(k, r, c); }
};

struct LosesTheCall final : ProxyBackend {
  NAMED("loses-the-call")
  static constexpr auto transforms = Transforms::nothing;
  using ProxyBackend::ProxyBackend;
  OptionalEntry get(Key k, Call) override { return next().get(k, Call()); }
  void get_multi(Keys k, Results r, Call c) override { next().get_multi(k, r, c); }
};

// A codec that writes the size in front, and believes what it reads there.
struct Sized : ValueCodec {
  using ValueCodec::ValueCodec;
  Entry encode(const Entry& value) const override {
    const std::uint64_t size = value.size();
    std::string stored(reinterpret_cast<const char*>(&size), sizeof size);
    return Entry::own(std::move(stored.append(value.bytes())));
  }
  static std::uint64_t size_in(const Entry& stored) {
    std::uint64_t size = 0;
    if (stored.size() < sizeof size) throw Error(Errc::corrupt, "too short");
    std::memcpy(&size, stored.bytes().data(), sizeof size);
    return size;
  }
};
struct UnboundedMemory final : Sized {
  NAMED("unbounded-memory")
  using Sized::Sized;
  Entry decode(const Entry& stored) const override {
    ByteBuffer buffer(std::min<std::uint64_t>(size_in(stored), std::uint64_t{1} << 40));
    if (stored.size() - 8 != buffer.size()) throw Error(Errc::corrupt, "wrong size");
    std::memcpy(buffer.data(), stored.bytes().data() + 8, buffer.size());
    return Entry(std::move(buffer));
  }
};
struct CrashesOnGarbage final : Sized {
  NAMED("crashes-on-garbage")
  using Sized::Sized;
  Entry decode(const Entry& stored) const override {
    if (stored.size() - 8 != size_in(stored)) std::abort();
    return Entry::copy(stored.bytes().substr(8));
  }
};
struct FailsWholeBatches final : ProxyBackend {
  NAMED("fails-whole-batches")
  static constexpr auto transforms = Transforms::value;
  static constexpr auto accepts = Kinds::bytes;
  static constexpr auto emits = Kinds::bytes;
  using ProxyBackend::ProxyBackend;
  static Entry encoded(const Entry& e) {
    std::string marked("<");
    return Entry::own(std::move(marked.append(e.bytes())));
  }
  static Entry decoded(const Entry& e) {
    if (!e.bytes().starts_with('<')) throw Error(Errc::corrupt, "no mark");
    return Entry::copy(e.bytes().substr(1));
  }
  OptionalEntry get(Key k, Call c) override {
    auto found = next().get(k, c);
    if (found) *found = decoded(*found);
    return found;
  }
  void set(Key k, const Entry& e, const SetOptions& o, Call c) override {
    next().set(k, encoded(e), o, c);
  }
  void get_multi(Keys k, Results r, Call c) override {
    next().get_multi(k, r, c);
    for (std::size_t i = 0; i < r.size(); ++i) {
      if (r.is_hit(i)) r.hit(i, decoded(r.entry(i)));
    }
  }
  void set_multi(Keys k, std::span<const Entry> e, const SetOptions& o, Statuses s,
                 Call c) override {
    std::vector<Entry> all;
    for (const Entry& one : e) all.push_back(encoded(one));
    next().set_multi(k, all, o, s, c);
  }
};

struct EmitsDocuments final : ProxyBackend {
  NAMED("emits-documents")
  static constexpr auto transforms = Transforms::value;
  static constexpr auto accepts = Kinds::documents;
  static constexpr auto emits = Kinds::bytes;  // says it
  using ProxyBackend::ProxyBackend;
  void set(Key k, const Entry& e, const SetOptions& o, Call c) override { next().set(k, e, o, c); }
  void set_multi(Keys k, std::span<const Entry> e, const SetOptions& o, Statuses s,
                 Call c) override {
    next().set_multi(k, e, o, s, c);
  }
  OptionalEntry get(Key k, Call c) override { return next().get(k, c); }
  void get_multi(Keys k, Results r, Call c) override { next().get_multi(k, r, c); }
};

struct TooSlow final : ProxyBackend {
  NAMED("too-slow")
  static constexpr auto transforms = Transforms::nothing;
  using ProxyBackend::ProxyBackend;
  OptionalEntry get(Key k, Call c) override {
    std::this_thread::sleep_for(std::chrono::microseconds(30));
    return next().get(k, c);
  }
  void get_multi(Keys k, Results r, Call c) override { next().get_multi(k, r, c); }
};

}  // namespace

CAIRN_PLUGIN("org.example.wrong-proxies", "1.0.0", TooSlow, ForgetsBatches, NotInjective,
             UndeclaredKey, UndeclaredValue, UndeclaredTtl, UndeclaredFlow, AsksTwice,
             OffersOnlyGet, SwallowsErrors, LosesTheCall, UnboundedMemory, CrashesOnGarbage,
             FailsWholeBatches, EmitsDocuments);
