// A Region is what a program calls: a stack of plugins with rules.
//
//     cairn::Host host(cairn::Config::from_file("shop.toml"));
//     cairn::Region& users = host.region("users");
//
//     User user = users.get_or_create("user:42", [] { return load_user(42); });
//
// However many threads ask for a missing key at once, one of them runs its creator and the others get
// its value. An expired value is served while one caller makes the new one. A store that fails is a
// miss, unless the configuration says `on_error = "raise"`.
//
// Values are your own types: strings, numbers, containers, and structs that name their fields with
// CAIRN_FIELDS. Keys are any bytes.
//
// Outcomes: a miss is an empty optional. Errors: the creator's exceptions come out as they are. Error
// otherwise, see docs/reference/errors.md.
// Threads: any method, any thread, any time. Lifetimes: a region lives as long as its Host.
#pragma once

#include <cairn/host/detail/creators.hpp>
#include <cairn/host/detail/packing.hpp>
#include <cairn/host/detail/receiving.hpp>
#include <cairn/host/detail/signatures.hpp>
#include <cairn/host/function_keys.hpp>
#include <cairn/host/invalidation.hpp>
#include <cairn/host/region_options.hpp>
#include <cairn/host/region_policy.hpp>
#include <cairn/host/statistics.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <ranges>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace cairn {

namespace hosting {
class RegionCore;
/// What Region::get and get_or_create come down to: called without a detour.
bool read(RegionCore& core, Key key, const GetOptions& options, const detail::Recipient& who);
void create(RegionCore& core, Key key, const CreateOptions& options, const detail::Recipient& who,
            detail::Create create, const std::function<detail::DetachedCreate()>& detach);
}  // namespace hosting

template <class Signature>
struct CachedOptions;
template <class Signature>
class CachedFunction;
template <class Signature>
struct CachedMultiOptions;
template <class Signature>
class CachedMultiFunction;

namespace detail {

template <class Signature, class F>
using CachedOptionsOf = CachedOptions<SignatureFor<Signature, F>>;
template <class Signature, class F>
using CachedMultiOptionsOf = CachedMultiOptions<SignatureFor<Signature, F>>;

}  // namespace detail

class Region {
 public:
  explicit Region(std::shared_ptr<hosting::RegionCore> core) noexcept;  // by Host
  Region(const Region&) = delete;
  Region& operator=(const Region&) = delete;
  ~Region();

  const std::string& name() const noexcept;

  // ---- one key ----

  /// The value under `key` if it is there, fresh and not invalidated.
  template <class T>
  std::optional<T> get(std::string_view key, const GetOptions& options = {}) {
    static_assert(detail::can_be_read<T>());
    std::optional<T> result;
    detail::Receiver<T> receiver(result);
    if (!read(key, options, receiver)) {
      // Or gcc would warn of a small value that nobody wrote, in the program that asked for it.
      constexpr bool in_registers = std::is_trivially_copyable_v<T> && sizeof result <= 16;
      if constexpr (in_registers) return std::nullopt;
      result.reset();
    }
    return result;
  }
  /// The same, shared instead of copied. Empty for a miss.
  template <class T>
  Shared<T> get_shared(std::string_view key, const GetOptions& options = {}) {
    Shared<T> result;
    detail::Receiver<Shared<T>> receiver(result);
    if (!read(key, options, receiver)) result = Shared<T>();
    return result;
  }
  /// The same, with its metadata.
  template <class T>
  std::optional<Cached<T>> get_with_metadata(std::string_view key, const GetOptions& options = {}) {
    std::optional<Cached<T>> result;
    Entry slot;
    const auto accept = [&](Entry&& entry) {
      const Metadata metadata = metadata_of(entry);
      result.emplace(Cached<T>{detail::unpack<T>(std::move(entry)), metadata});
      return detail::found(result->value);
    };
    if (!read(key, options, {accept, slot})) result.reset();
    return result;
  }
  template <class T>
  void get(std::initializer_list<std::string_view>, const GetOptions& = {}) {
    static_assert(detail::one_key<T>());
  }
  /// The metadata alone.
  std::optional<Metadata> metadata(std::string_view key, const GetOptions& options = {});

  /// Stores `value`, as made now. With a `ttl`, the store forgets it after that time; with one that is
  /// negative, as a time that has passed makes it, at once.
  template <class T>
  void set(std::string_view key, const T& value, const SetOptions& options = {}) {
    write(key, detail::pack(value, kinds(), true), options);
  }

  /// Forgets `key`. False: there was nothing to forget, or the store could not be reached.
  bool remove(std::string_view key);
  template <class T = void>
  bool remove(std::initializer_list<std::string_view>) {
    return detail::one_key<T>();
  }

  /// The value under `key`, created if there is none.
  ///
  /// `creator()` is called by at most one thread of this process at a time, and, with a distributed
  /// lock, of all processes. Its exceptions come out unchanged. `should_cache(value)` may refuse to
  /// store a value that is returned all the same.
  ///
  /// `T` is what the creator returns, unless it is said: `get_or_create<double>(key, [] { return 1; })`.
  ///
  /// Given as detached(creator), a stale value is recreated by a background thread where the region's
  /// policy (or runner) says so, while the caller already has the old one.
  ///
  /// Errors: Error(timeout) after `lock_wait` if the policy says so; Error(internal) if a creator asks
  /// for the very key that it is creating.
  template <class Said = void, class Creator, class ShouldCache = detail::AlwaysCache>
  auto get_or_create(std::string_view key, Creator&& creator, const CreateOptions& options = {},
                     ShouldCache&& should_cache = {}) {
    using Of = detail::CreatorOf<std::remove_cvref_t<Creator>>;
    using T =
        detail::Stored<detail::SaidOr<Said, typename detail::Made<typename Of::Function>::type>>;
    if constexpr (std::is_same_v<T, Bytes>) {
      Bytes result;
      detail::Receiver<Bytes> receiver(result);
      create_with<T>(key, creator, options, should_cache, receiver);
      return result;
    } else {
      std::optional<T> result;
      detail::Receiver<T> receiver(result);
      create_with<T>(key, creator, options, should_cache, receiver);
      return std::move(*result);
    }
  }
  template <class Said = void, class Creator>
  void get_or_create(std::initializer_list<std::string_view>, Creator&&,
                     const CreateOptions& = {}) {
    static_assert(detail::one_key<Creator>());
  }
  /// The same, shared instead of copied.
  template <class Said = void, class Creator, class ShouldCache = detail::AlwaysCache>
  auto get_or_create_shared(std::string_view key, Creator&& creator,
                            const CreateOptions& options = {}, ShouldCache&& should_cache = {}) {
    using Of = detail::CreatorOf<std::remove_cvref_t<Creator>>;
    using T =
        std::decay_t<detail::SaidOr<Said, typename detail::Made<typename Of::Function>::type>>;
    Shared<T> result;
    detail::Receiver<Shared<T>> receiver(result);
    create_with<T>(key, creator, options, should_cache, receiver);
    return result;
  }

  // ---- many keys, in one go ----

  /// Element i answers key i. Any range of strings will do, also a view that makes them up.
  template <class T, std::ranges::input_range KeyRange>
  std::vector<std::optional<T>> get_multi(KeyRange&& keys, const GetOptions& options = {}) {
    static_assert(detail::can_be_read<T>());
    const detail::KeyList wanted(keys);
    std::vector<std::optional<T>> results(wanted.size());
    read_multi(
        wanted, options,
        [&](std::size_t i, Entry&& entry) {
          results[i].emplace(detail::unpack<T>(std::move(entry)));
          return detail::found(*results[i]);
        },
        [&](std::size_t i) { results[i].reset(); });
    return results;
  }
  template <class T>
  std::vector<std::optional<T>> get_multi(std::initializer_list<std::string_view> keys,
                                          const GetOptions& options = {}) {
    return get_multi<T>(std::span(keys), options);
  }

  /// Stores every pair of a map (or of any range of pairs), as made at the same time. With a `ttl`: as set.
  template <std::ranges::input_range Pairs>
  void set_multi(Pairs&& values, const SetOptions& options = {}) {
    constexpr bool passing = detail::yields_passing<Pairs>;
    std::vector<std::conditional_t<passing, std::string, std::string_view>> keys;
    std::vector<Entry> entries;
    for (auto&& [key, value] : values) {
      static_assert(detail::is_key<decltype(key)>());
      keys.emplace_back(std::string_view(key));
      entries.push_back(detail::pack(value, kinds(), !passing));
    }
    write_multi(detail::KeyList(keys), entries, options);
  }
  /// `set_multi<int>({{"a", 1}, {"b", 2}})`.
  template <class T>
  void set_multi(std::initializer_list<std::pair<std::string_view, T>> values,
                 const SetOptions& options = {}) {
    set_multi(std::span(values), options);
  }

  /// How many there were to forget, as far as the store tells.
  template <std::ranges::input_range KeyRange>
  std::size_t remove_multi(KeyRange&& keys) {
    return erase_multi(detail::KeyList(keys));
  }
  std::size_t remove_multi(std::initializer_list<std::string_view> keys) {
    return erase_multi(detail::KeyList(keys));
  }

  /// The values of `keys`, in their order, the missing ones made by one call of `creator(missing)`
  /// with a span of std::string_view, sorted, each once. It returns either a vector, parallel to what
  /// it was given, or a map from key to value; a key that the map leaves out is neither cached nor
  /// returned. Keys that others are creating are waited for, not created again.
  /// Errors: as get_or_create; Error(internal) if the vector has another length.
  template <class Said = void, std::ranges::input_range KeyRange, class Creator,
            class ShouldCache = detail::AlwaysCache>
  auto get_or_create_multi(KeyRange&& keys, Creator&& creator, const CreateOptions& options = {},
                           ShouldCache&& should_cache = {});
  template <class Said = void, class Creator, class ShouldCache = detail::AlwaysCache>
  auto get_or_create_multi(std::initializer_list<std::string_view> keys, Creator&& creator,
                           const CreateOptions& options = {}, ShouldCache&& should_cache = {}) {
    return get_or_create_multi<Said>(std::span(keys), std::forward<Creator>(creator), options,
                                     std::forward<ShouldCache>(should_cache));
  }

  // ---- functions ----

  /// A function whose results are cached by its arguments: see cached_function.hpp.
  ///
  ///     auto user = region.cached("user", [](int id) { return load_user(id); });
  ///     user(42);
  ///
  /// `Signature` is deduced, except for overloaded and generic functions: `cached<User(int)>(...)`.
  template <class Signature = void, class Function>
  requires(!std::is_same_v<Function, Signature*>) auto cached(
      std::string name, Function function,
      detail::CachedOptionsOf<Signature, Function> options = {});
  /// One of several overloaded functions.
  template <class Signature>
  requires(std::is_function_v<Signature>) auto cached(
      std::string name, std::type_identity_t<Signature>* function,
      std::type_identity_t<CachedOptions<Signature>> options = {});
  /// A member function of an object that outlives the result; the object is no part of the key.
  template <class Object, class R, class... Args>
  auto cached(std::string name, R (Object::*function)(Args...),
              std::type_identity_t<Object>& object, CachedOptions<R(Args...)> options = {});
  template <class Object, class R, class... Args>
  auto cached(std::string name, R (Object::*function)(Args...) const,
              const std::type_identity_t<Object>& object, CachedOptions<R(Args...)> options = {});
  template <class Object, class R, class... Args>
  // NOLINTNEXTLINE(performance-unnecessary-value-param): as in the others, or it would not be one of them
  void cached(std::string, R (Object::*)(Args...) const, const std::type_identity_t<Object>&&,
              CachedOptions<R(Args...)> = {}) {
    static_assert(detail::no_type<Object>,
                  "cairn: the object whose member function is cached must outlive the result, and "
                  "this one is "
                  "gone at once");
  }
  /// A function from many arguments to many results, called for the missing ones only.
  template <class Signature = void, class Function>
  auto cached_multi(std::string name, Function function,
                    detail::CachedMultiOptionsOf<Signature, Function> options = {});

  /// Makes the keys of cached functions that have no generator of their own; empty: function_key.
  /// Functions that were cached before keep what they had. Not while others call cached().
  void set_key_generator(KeyGenerator generator) { key_generator_ = std::move(generator); }

  // ---- the region as a whole ----

  /// Makes everything stored until now void: see Invalidation. Also what is being created now.
  /// Errors: what the strategy throws; with `invalidation = "store"` that of a store that could not be told,
  /// in which case this process obeys and the others do not.
  void invalidate(Invalidation kind = Invalidation::hard);
  /// Whether somebody is creating `key`: in this process, or with a distributed lock in any.
  bool key_is_locked(std::string_view key);
  /// Since the region was made.
  RegionStatistics statistics() const;

  /// Replaces the strategy that `invalidation` in the configuration chose.
  void set_invalidation(std::shared_ptr<InvalidationStrategy> strategy);
  /// Has stale values recreated by `runner` instead of the host's own threads; empty: as configured.
  void set_background_runner(BackgroundRunner runner);
  /// Maps every key before anything else; empty: as configured. Not while the region is in use.
  void set_key_mangler(std::function<std::string(std::string_view)> mangler);

  // ---- entries, for tools that know no types ----

  /// Which kinds of payload the stack takes: CAIRN_BYTES | CAIRN_DOCUMENT | CAIRN_OBJECT.
  std::uint32_t kinds() const noexcept;
  std::optional<Entry> get_entry(std::string_view key, const GetOptions& options = {});
  void set_entry(std::string_view key, const Entry& entry, const SetOptions& options = {});
  /// For the host and its tools.
  hosting::RegionCore& core() noexcept { return *core_; }

 private:
  bool read(std::string_view key, const GetOptions& options, const detail::Recipient& who) {
    return hosting::read(*core_, key, options, who);
  }
  void read_multi(Keys keys, const GetOptions& options, detail::AcceptEach accept,
                  detail::FunctionRef<void(std::size_t)> refuse);
  void write(std::string_view key, Entry entry, const SetOptions& options);
  void write_multi(Keys keys, std::span<Entry> entries, const SetOptions& options);
  // For values that a function made outside get_or_create: what was invalidated since it began stays void.
  Time creation_begins();
  void write_made(Keys keys, std::span<Entry> entries, Time began);
  std::size_t erase_multi(Keys keys);
  void create(std::string_view key, const CreateOptions& options, const detail::Recipient& who,
              detail::Create create, const std::function<detail::DetachedCreate()>& detach) {
    hosting::create(*core_, key, options, who, create, detach);
  }
  void create_multi(Keys keys, const CreateOptions& options, detail::AcceptEach accept,
                    detail::FunctionRef<void(std::size_t)> refuse, detail::CreateEach create,
                    const std::function<detail::DetachedCreateEach()>& detach);
  Metadata metadata_of(const Entry& entry) const;

  // From a creator of T to one of entries.
  template <class T>
  auto entry_maker() const {
    return [kinds = kinds()](auto& creator, auto& should_cache) {
      static_assert(detail::decides<decltype(should_cache), T>());
      T value = T(creator());
      detail::Created created;
      created.cache = static_cast<bool>(std::invoke(should_cache, std::as_const(value)));
      created.negative = detail::found(value) == detail::Found::negative;
      created.entry = detail::pack(std::move(value), kinds, false);
      return created;
    };
  }
  template <class T, class Creator, class ShouldCache>
  void create_with(std::string_view key, Creator& creator, const CreateOptions& options,
                   ShouldCache& should_cache, const detail::Recipient& who) {
    using Of = detail::CreatorOf<std::remove_cvref_t<Creator>>;
    const auto make = entry_maker<T>();
    const auto create_now = [&] { return make(Of::function(creator), should_cache); };
    if constexpr (Of::is_detached) {
      static_assert(detail::can_be_detached<std::remove_cvref_t<Creator>>() &&
                    detail::can_be_detached<std::remove_cvref_t<ShouldCache>>());
      // A copy of everything, for a thread that runs when this call is long over; made only if needed.
      const auto detach = [&]() -> detail::DetachedCreate {
        return [make, creator = std::remove_cvref_t<Creator>(creator),
                should = std::remove_cvref_t<ShouldCache>(should_cache)]() mutable {
          return make(Of::function(creator), should);
        };
      };
      create(key, options, who, create_now, std::ref(detach));
    } else {
      create(key, options, who, create_now, nullptr);
    }
  }
  /// As entry_maker, for those of many keys that are missing.
  template <class T>
  auto entries_maker() const {
    return [kinds = kinds()](auto& creator, auto& should_cache, detail::Names names) {
      std::vector<std::optional<detail::Created>> made(names.size());
      static_assert(detail::decides<decltype(should_cache), T>());
      const auto add = [&](std::size_t i, const T& value) {
        made[i].emplace();
        made[i]->cache = static_cast<bool>(std::invoke(should_cache, value));
        made[i]->negative = detail::found(value) == detail::Found::negative;
        made[i]->entry = detail::pack(value, kinds, false);
      };
      auto values = creator(names);
      using R = decltype(values);
      if constexpr (detail::MapResult<R>) {
        for (std::size_t i = 0; i < names.size(); ++i) {
          static_assert(
              std::is_constructible_v<typename R::key_type, std::string_view>,
              "cairn: the map that a creator of many returns has the keys that it was given: "
              "std::string or std::string_view");
          const auto it = values.find(typename R::key_type(names[i]));
          if (it != values.end()) add(i, detail::as<T>(it->second));
        }
      } else {
        if (values.size() != names.size()) detail::refuse_length(names.size(), values.size());
        for (std::size_t i = 0; i < names.size(); ++i) add(i, detail::as<T>(values[i]));
      }
      return made;
    };
  }
  template <class T>
  std::vector<std::optional<T>> create_multi_with(
      Keys keys, const CreateOptions& options, detail::CreateEach create,
      const std::function<detail::DetachedCreateEach()>& detach) {
    std::vector<std::optional<T>> results(keys.size());
    create_multi(
        keys, options,
        [&](std::size_t i, Entry&& entry) {
          results[i].emplace(detail::unpack<T>(std::move(entry)));
          return detail::found(*results[i]);
        },
        [&](std::size_t i) { results[i].reset(); }, create, detach);
    return results;
  }
  template <class Signature>
  friend class CachedFunction;
  template <class Signature>
  friend class CachedMultiFunction;

  std::shared_ptr<hosting::RegionCore> core_;
  KeyGenerator key_generator_;
};

// ---- get_or_create_multi ----

template <class Said, std::ranges::input_range KeyRange, class Creator, class ShouldCache>
auto Region::get_or_create_multi(KeyRange&& keys, Creator&& creator, const CreateOptions& options,
                                 ShouldCache&& should_cache) {
  using Of = detail::CreatorOf<std::remove_cvref_t<Creator>>;
  using T = detail::Stored<detail::SaidOr<
      Said, detail::ValueOfMany<typename detail::MadeOfMany<typename Of::Function>::type>>>;
  const detail::KeyList wanted(keys);
  const auto make = entries_maker<T>();
  const auto create_now = [&](detail::Names names) {
    return make(Of::function(creator), should_cache, names);
  };
  if constexpr (Of::is_detached) {
    static_assert(detail::can_be_detached<std::remove_cvref_t<Creator>>() &&
                  detail::can_be_detached<std::remove_cvref_t<ShouldCache>>());
    const auto detach = [&]() -> detail::DetachedCreateEach {
      return
          [make, creator = std::remove_cvref_t<Creator>(creator),
           should = std::remove_cvref_t<ShouldCache>(should_cache)](detail::Names names) mutable {
            return make(Of::function(creator), should, names);
          };
    };
    return create_multi_with<T>(wanted, options, create_now, std::ref(detach));
  } else {
    return create_multi_with<T>(wanted, options, create_now, nullptr);
  }
}

}  // namespace cairn

#include <cairn/host/cached_function.hpp>  // NOLINT: the definitions of cached and cached_multi
