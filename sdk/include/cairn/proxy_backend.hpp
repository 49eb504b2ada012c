// A ProxyBackend stands in front of another layer: the next one down.
//
// Derive, override what you change, call next() for the rest. What you leave alone and do not declare to
// change passes you by: the host wires it straight to the layer below, and it costs nothing.
//
//     class CountsReads final : public cairn::ProxyBackend {
//      public:
//       static constexpr auto name = "counts-reads";
//       static constexpr auto help = "Counts the keys that are asked for.";
//       static constexpr auto transforms = cairn::Transforms::nothing;
//       using ProxyBackend::ProxyBackend;
//       OptionalEntry get(Key key, Call call) override { return ++reads_, next().get(key, call); }
//       void get_multi(Keys keys, Results results, Call call) override {
//         reads_ += keys.size();
//         next().get_multi(keys, results, call);
//       }
//       ...
//
// Whoever overrides get must also override get_multi, and so on for set and remove: otherwise batches
// would slip past. To have a batch cut into single calls instead, say
// `static constexpr bool split_batches = true;`. A layer that only rewrites keys or values derives from
// KeyMapper or ValueCodec, which leave nothing to forget.
//
// Declare what you change in `transforms` (see Transforms). The default is everything, with which an
// operation that you do not provide is refused rather than answered wrongly: then override get, set, remove
// and their batches, all of them. The host refuses a stack in which one of these would be refused.
//
// Threads, outcomes: as Backend. Lifetimes: next() lives as long as you.
#pragma once

#include <cairn/backend.hpp>
#include <cairn/detail/thunks.hpp>
#include <cairn/options.hpp>

namespace cairn {

namespace detail {

// The slot of an operation that the host does not know.
template <class F>
struct Refusing;
template <class... Args>
struct Refusing<cairn_status (*)(void*, cairn_call*, Args...) noexcept> {
  static cairn_status slot(void*, cairn_call* call, Args...) noexcept {
    return fail(call, "host", CAIRN_UNSUPPORTED, "is older than this operation", 0, false);
  }
};
template <>
struct Refusing<const void* (*)(void*, const char*) noexcept> {
  static const void* slot(void*, const char*) noexcept { return nullptr; }
};

inline cairn_next refusing_table() noexcept {
  cairn_next next{};
#define CAIRN_REFUSE(op) next.op.fn = &Refusing<decltype(next.op.fn)>::slot;
  CAIRN_OPS(CAIRN_REFUSE)
#undef CAIRN_REFUSE
  return next;
}

}  // namespace detail

/// The layer below, as a Backend. Its calls are direct: one load of a function, one of its object.
class Next final : public Backend {
 public:
  explicit Next(const cairn_next& table) noexcept : table_(detail::refusing_table()) {
    // Only what the host wrote: a newer one may know more operations than we do, an older one fewer.
    std::memcpy(&table_, &table, std::min<std::size_t>(table.size, sizeof table_));
    table_.size = sizeof table_;
  }
  /// In front of any Backend, for tests.
  explicit Next(Backend& backend) noexcept;

  OptionalEntry get(Key key, Call call) override {
    OptionalEntry found;
    const cairn_status status = table_.get.fn(table_.get.self, call.raw(), key.raw(), &found.raw());
    if (status != CAIRN_OK) [[unlikely]] {
      found.disown();
      check(status, call);
    }
    return found;
  }
  void set(Key key, const Entry& entry, const SetOptions& options, Call call) override {
    const cairn_set_options raw{sizeof raw, 0, options.ttl.count()};
    check(table_.set.fn(table_.set.self, call.raw(), key.raw(), &entry.raw(), &raw), call);
  }
  bool remove(Key key, Call call) override {
    return check(table_.remove.fn(table_.remove.self, call.raw(), key.raw()), call);
  }
  void get_multi(Keys keys, Results results, Call call) override {
    check(table_.get_multi.fn(table_.get_multi.self, call.raw(), raw(keys), keys.size(),
                              reinterpret_cast<cairn_entry*>(results.entries()), results.raw()),
          call);
  }
  void set_multi(Keys keys, std::span<const Entry> entries, const SetOptions& options,
                 Statuses statuses, Call call) override {
    const cairn_set_options raw_options{sizeof raw_options, 0, options.ttl.count()};
    check(table_.set_multi.fn(table_.set_multi.self, call.raw(), raw(keys),
                              reinterpret_cast<const cairn_entry*>(entries.data()), keys.size(),
                              &raw_options, statuses.raw()),
          call);
  }
  void remove_multi(Keys keys, Statuses statuses, Call call) override {
    check(table_.remove_multi.fn(table_.remove_multi.self, call.raw(), raw(keys), keys.size(),
                                 statuses.raw()),
          call);
  }
  std::optional<Token> lock(Key key, Nanoseconds lease, Call call) override {
    Token token = 0;
    const bool held =
        check(table_.lock.fn(table_.lock.self, call.raw(), key.raw(), lease.count(), &token), call);
    return held ? std::optional(token) : std::nullopt;
  }
  bool renew(Key key, Token token, Nanoseconds lease, Call call) override {
    return check(table_.renew.fn(table_.renew.self, call.raw(), key.raw(), token, lease.count()),
                 call);
  }
  bool unlock(Key key, Token token, Call call) override {
    return check(table_.unlock.fn(table_.unlock.self, call.raw(), key.raw(), token), call);
  }
  bool await_unlock(Key key, Nanoseconds wait, Call call) override {
    return check(
        table_.await_unlock.fn(table_.await_unlock.self, call.raw(), key.raw(), wait.count()),
        call);
  }
  Document stats(Call call) override {
    cairn_entry raw{};
    check(table_.stats.fn(table_.stats.self, call.raw(), &raw), call);
    return Document::adopt(static_cast<const cairn_node*>(raw.data), raw.owner);
  }
  const void* extension(const char* id) override {
    return table_.extension.fn(table_.extension.self, id);
  }

  const cairn_next& table() const noexcept { return table_; }

 private:
  static const cairn_bytes* raw(Keys keys) noexcept {
    return reinterpret_cast<const cairn_bytes*>(keys.data());
  }
  // True for OK, false for an ordinary negative answer; throws for an error.
  static bool check(cairn_status status, Call call) {
    if (status < 0) [[unlikely]]
      detail::throw_status(status, call.raw());
    return status == CAIRN_OK;
  }

  cairn_next table_;
};

class ProxyBackend : public Backend {
 public:
  /// From the host.
  explicit ProxyBackend(const Context& context) noexcept : next_(*context.next()) {}
  /// In front of any Backend, for tests. Precondition: `next` outlives this.
  explicit ProxyBackend(Backend& next) noexcept : next_(next) {}

  OptionalEntry get(Key key, Call call) override { return next_.get(key, call); }
  void set(Key key, const Entry& entry, const SetOptions& options, Call call) override {
    next_.set(key, entry, options, call);
  }
  bool remove(Key key, Call call) override { return next_.remove(key, call); }
  void get_multi(Keys keys, Results results, Call call) override {
    next_.get_multi(keys, results, call);
  }
  void set_multi(Keys keys, std::span<const Entry> entries, const SetOptions& options,
                 Statuses statuses, Call call) override {
    next_.set_multi(keys, entries, options, statuses, call);
  }
  void remove_multi(Keys keys, Statuses statuses, Call call) override {
    next_.remove_multi(keys, statuses, call);
  }
  std::optional<Token> lock(Key key, Nanoseconds lease, Call call) override {
    return next_.lock(key, lease, call);
  }
  bool renew(Key key, Token token, Nanoseconds lease, Call call) override {
    return next_.renew(key, token, lease, call);
  }
  bool unlock(Key key, Token token, Call call) override { return next_.unlock(key, token, call); }
  bool await_unlock(Key key, Nanoseconds wait, Call call) override {
    return next_.await_unlock(key, wait, call);
  }
  Document stats(Call call) override { return next_.stats(call); }
  const void* extension(const char* id) override { return next_.extension(id); }

 protected:
  /// The layer below.
  Next& next() noexcept { return next_; }

 private:
  Next next_;
};

// Adding an operation to Backend without forwarding it here must not compile.
static_assert(!std::is_abstract_v<ProxyBackend>);

namespace detail {

inline cairn_next table_of(Backend& backend) noexcept {
  using T = Thunks<Backend>;
  cairn_next next{};
  next.size = sizeof next;
  next.provided = ~0u;
#define CAIRN_FILL(op) \
  next.op.fn = &T::op; \
  next.op.self = &backend;
  CAIRN_OPS(CAIRN_FILL)
#undef CAIRN_FILL
  return next;
}

}  // namespace detail

inline Next::Next(Backend& backend) noexcept : table_(detail::table_of(backend)) {}

}  // namespace cairn
