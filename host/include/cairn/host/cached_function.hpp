// Cached functions: a function that remembers its results in a region.
//
//     auto user = region.cached("user", [](int id) { return load_user(id); },
//                               {.expiration_time = 5min});
//     user(42);               // from the cache, or created; one creator per key
//     user.get(42);           // from the cache or nothing
//     user.set(ada, 42);      // as if the function had returned it
//     user.refresh(42);       // calls the function now, stores and returns its result
//     user.invalidate(42);    // forgets
//     user.original(42);      // past the cache
//
// The name belongs to the key: give two functions of a region two names (or namespaces). Where the
// region's policy says `background`, stale results are recreated by a background thread: the function and
// a copy of the arguments must then be usable from it. Text that an argument shows (std::string_view, const
// char*), and the items of a std::span<const T>, are copied for it. Where such views are inside of an
// argument, as in a vector of them, the caller recreates.
//
// A multi function takes many arguments and is called once for those that are missing:
//
//     auto users = region.cached_multi("user", [](std::span<const int> ids) { return load_users(ids); });
//     users({1, 2, 3});
//
// It returns a vector parallel to its arguments, or a map in which it may leave arguments out: those are
// neither cached nor returned.
//
// Threads: any method, any thread, any time, if the function allows it. Lifetimes: the Region must outlive
// it. Errors: what the function throws comes out unchanged; see Region::get_or_create for the rest.
#pragma once

#include <cairn/host/detail/kept.hpp>
#include <cairn/host/region.hpp>

#include <map>
#include <stdexcept>
#include <tuple>
#include <unordered_map>

namespace cairn {

/// When the results of a function expire: never, after a duration, or as a function says at each call.
class ExpirationRule {
 public:
  /// As the region says.
  ExpirationRule() = default;
  ExpirationRule(Expiration expiration) : rule_([expiration] { return expiration; }) {}  // NOLINT
  template <class Rep, class Period>
  // NOLINTNEXTLINE(google-explicit-constructor): that is what it says
  requires std::convertible_to<std::chrono::duration<Rep, Period>, Expiration> ExpirationRule(
      std::chrono::duration<Rep, Period> age)
      : ExpirationRule(Expiration(age)) {}
  /// A function that returns a duration or an Expiration; an empty one: as the region says.
  template <class Rule>
  requires std::is_invocable_r_v<Expiration, const Rule&> ExpirationRule(Rule rule)  // NOLINT
      : rule_(std::move(rule)) {}

  std::optional<Expiration> operator()() const {
    return rule_ ? std::optional(rule_()) : std::nullopt;
  }

 private:
  std::function<Expiration()> rule_;
};

template <class R, class... Args>
struct CachedOptions<R(Args...)> {
  /// Stands in front of the name, "namespace:name".
  std::string name_space = {};
  ExpirationRule expiration_time = {};
  /// False: the result is returned but not stored.
  std::function<bool(const detail::Stored<R>&)> should_cache = {};
  /// The whole key, from the arguments.
  std::function<std::string(const std::decay_t<Args>&...)> key = {};
  /// The key from the name and the arguments; instead of the region's.
  KeyGenerator key_generator = {};
};

template <class R, class... Args>
class CachedFunction<R(Args...)> {
 public:
  using Value = detail::Stored<R>;
  static_assert((std::is_convertible_v<const std::decay_t<Args>&, Args> && ...),
                "cairn: a cached function takes its arguments by value, or by const reference if "
                "they cannot be "
                "copied: what it wrote to them would be missing on a hit");

  /// Errors: Error(config) if an argument cannot be part of a key and `options` has no `key`.
  CachedFunction(Region& region, std::string name, std::function<R(Args...)> function,
                 CachedOptions<R(Args...)> options, const KeyGenerator& region_generator)
      : region_(&region), shared_(std::make_shared<Shared>()) {
    shared_->name = options.name_space.empty() ? std::move(name) : options.name_space + ":" + name;
    shared_->function = std::move(function);
    if (!options.key_generator) options.key_generator = region_generator;
    shared_->options = std::move(options);
    if (!has_keys && !shared_->options.key) detail::refuse_keyless(shared_->name);
  }

  /// The result for these arguments: cached, or created by one caller.
  Value operator()(const std::decay_t<Args>&... args) const {
    const Shared& shared = *shared_;
    std::optional<Value> result;
    detail::Receiver<Value> receiver(result);
    const auto make = region_->entry_maker<Value>();
    const auto now = [&] { return shared.function(args...); };
    const auto create_now = [&] { return make(now, shared); };
    const auto detach = [&]() -> detail::DetachedCreate {
      if constexpr ((detail::Kept<std::decay_t<Args>>::possible && ...)) {
        return [make, shared = shared_,
                kept = std::tuple(detail::Kept<std::decay_t<Args>>(args)...)] {
          const auto later = [&] {
            return std::apply(
                [&](const auto&... each) -> R { return shared->function(each.get()...); }, kept);
          };
          return make(later, *shared);
        };
      } else {
        return nullptr;
      }
    };
    region_->create(key(args...), {shared.options.expiration_time()}, receiver, create_now,
                    std::ref(detach));
    return std::move(*result);
  }

  /// What is cached, if it is fresh by the function's own expiration.
  std::optional<Value> get(const std::decay_t<Args>&... args) const {
    return region_->template get<Value>(key(args...), {shared_->options.expiration_time()});
  }
  void set(const Value& value, const std::decay_t<Args>&... args) const {
    region_->set(key(args...), value);
  }
  /// Calls the function whatever is cached, and stores its result whatever it is.
  Value refresh(const std::decay_t<Args>&... args) const {
    const Time began = region_->creation_begins();
    Value value = shared_->function(args...);
    const std::string name = key(args...);
    const Key one(name);
    Entry entry = detail::pack(value, region_->kinds(), true);
    region_->write_made({&one, 1}, {&entry, 1}, began);
    return value;
  }
  /// Forgets the result for these arguments. False: there was none.
  bool invalidate(const std::decay_t<Args>&... args) const { return region_->remove(key(args...)); }
  R original(const std::decay_t<Args>&... args) const { return shared_->function(args...); }

  /// The key under which the result for these arguments is kept, before any mangling.
  std::string key(const std::decay_t<Args>&... args) const {
    const auto& options = shared_->options;
    if (options.key) return options.key(args...);
    if constexpr (has_keys) {
      if (!options.key_generator) return function_key(shared_->name, args...);
      const std::vector<KeyPart> parts{detail::key_part(args)...};
      return options.key_generator(shared_->name, parts);
    } else {
      detail::refuse_keyless(shared_->name);
    }
  }

 private:
  static constexpr bool has_keys = (detail::has_key<std::decay_t<Args>>() && ...);

  struct Shared {
    std::string name;
    std::function<R(Args...)> function;
    CachedOptions<R(Args...)> options;
    bool operator()(const Value& value) const {
      return !options.should_cache || options.should_cache(value);
    }
  };

  Region* region_;
  std::shared_ptr<Shared> shared_;  // background creators keep it
};

template <class Signature, class Function>
requires(!std::is_same_v<Function, Signature*>) auto Region::cached(
    std::string name, Function function, detail::CachedOptionsOf<Signature, Function> options) {
  using S = detail::SignatureFor<Signature, Function>;
  return CachedFunction<S>(*this, std::move(name), detail::Callable<S>::of(std::move(function)),
                           std::move(options), key_generator_);
}
template <class Signature>
requires(std::is_function_v<Signature>) auto Region::cached(
    std::string name, std::type_identity_t<Signature>* function,
    std::type_identity_t<CachedOptions<Signature>> options) {
  return CachedFunction<Signature>(*this, std::move(name), std::function<Signature>(function),
                                   std::move(options), key_generator_);
}
template <class Object, class R, class... Args>
auto Region::cached(std::string name, R (Object::*function)(Args...),
                    std::type_identity_t<Object>& object, CachedOptions<R(Args...)> options) {
  return CachedFunction<R(Args...)>(
      *this, std::move(name),
      [&object, function](Args... args) -> R {
        return (object.*function)(std::forward<Args>(args)...);
      },
      std::move(options), key_generator_);
}
template <class Object, class R, class... Args>
auto Region::cached(std::string name, R (Object::*function)(Args...) const,
                    const std::type_identity_t<Object>& object, CachedOptions<R(Args...)> options) {
  return CachedFunction<R(Args...)>(
      *this, std::move(name),
      [&object, function](Args... args) -> R {
        return (object.*function)(std::forward<Args>(args)...);
      },
      std::move(options), key_generator_);
}

// ---- many at once ----

namespace detail {

template <class T>
struct SpanItem {
  static_assert(
      no_type<T>,
      "cairn: a function of many takes a std::span<const Arg> or a const std::vector<Arg>&");
  using type = int;
};
template <class T>
struct SpanItem<std::span<const T>> {
  using type = T;
};
template <class T>
struct SpanItem<const std::vector<T>&> {
  using type = T;
};

/// The arguments of one call, for as long as it lasts.
template <class Arg>
class ArgList {
 public:
  ArgList(const std::vector<Arg>& args) : args_(&args) {}  // NOLINT: as they come
  ArgList(std::initializer_list<Arg> args) : own_(args), args_(&own_) {}
  template <std::ranges::input_range Range>
  requires(std::is_same_v<std::ranges::range_value_t<Range>, Arg> &&
           !std::is_same_v<std::remove_cvref_t<Range>, std::vector<Arg>>)
      ArgList(Range&& range)  // NOLINT
      : args_(&own_) {
    for (auto&& arg : range) own_.push_back(arg);
  }
  ArgList(const ArgList&) = delete;
  ArgList& operator=(const ArgList&) = delete;

  const std::vector<Arg>& args() const noexcept { return *args_; }

 private:
  std::vector<Arg> own_;
  const std::vector<Arg>* args_;
};

}  // namespace detail

template <class R, class ArgRange>
struct CachedMultiOptions<R(ArgRange)> {
  /// Stands in front of the name, "namespace:name".
  std::string name_space = {};
  ExpirationRule expiration_time = {};
  /// False: this one of the results is returned but not stored.
  std::function<bool(const detail::Stored<detail::ValueOfMany<R>>&)> should_cache = {};
  /// The whole key, from one argument.
  std::function<std::string(const typename detail::SpanItem<ArgRange>::type&)> key = {};
  /// The key from the name and one argument; instead of the region's.
  KeyGenerator key_generator = {};
};

template <class R, class ArgRange>
class CachedMultiFunction<R(ArgRange)> {
 public:
  using Arg = typename detail::SpanItem<ArgRange>::type;
  using Value = detail::Stored<detail::ValueOfMany<R>>;
  static constexpr bool is_map = detail::MapResult<std::remove_cvref_t<R>>;
  /// A vector parallel to the arguments; or a map without those that the function left out.
  using Result = std::conditional_t<is_map, std::map<Arg, Value>, std::vector<Value>>;

  CachedMultiFunction(Region& region, std::string name, std::function<R(ArgRange)> function,
                      CachedMultiOptions<R(ArgRange)> options, const KeyGenerator& region_generator)
      : region_(&region), shared_(std::make_shared<Shared>()) {
    shared_->name = options.name_space.empty() ? std::move(name) : options.name_space + ":" + name;
    shared_->function = std::move(function);
    if (!options.key_generator) options.key_generator = region_generator;
    shared_->options = std::move(options);
    if (!has_keys && !shared_->options.key) detail::refuse_keyless(shared_->name);
  }

  /// The arguments come in braces or in any range of them.
  Result operator()(const detail::ArgList<Arg>& list) const {
    const std::vector<Arg>& args = list.args();
    const std::vector<std::string> keys = keys_of(args);
    const Shared& shared = *shared_;
    const auto make = region_->template entries_maker<Value>();
    const auto create_now = [&](detail::Names missing) {
      const auto now = [&](detail::Names names) {
        return shared.call(names, keys, [&](std::size_t i) -> decltype(auto) { return args[i]; });
      };
      return make(now, shared, missing);
    };
    const auto detach = [&]() -> detail::DetachedCreateEach {
      if constexpr (detail::Kept<Arg>::possible) {
        return [make, shared = shared_, keys,
                kept = std::vector<detail::Kept<Arg>>(args.begin(), args.end())](
                   detail::Names missing) {
          const auto later = [&](detail::Names names) {
            return shared->call(names, keys, [&](std::size_t i) { return kept[i].get(); });
          };
          return make(later, *shared, missing);
        };
      } else {
        return nullptr;
      }
    };
    auto found = region_->template create_multi_with<Value>(
        detail::KeyList(keys), {shared.options.expiration_time()}, create_now, std::ref(detach));
    return result_of(args, found);
  }
  /// What is cached: element i answers argument i.
  std::vector<std::optional<Value>> get(const detail::ArgList<Arg>& list) const {
    return region_->template get_multi<Value>(keys_of(list.args()),
                                              {shared_->options.expiration_time()});
  }
  void set(const std::map<Arg, Value>& values) const {
    std::map<std::string, Value> by_key;
    for (const auto& [arg, value] : values) by_key.emplace(key(arg), value);
    region_->set_multi(by_key);
  }
  /// Pairs in another map or range.
  template <std::ranges::input_range Pairs>
  requires(!std::is_same_v<std::remove_cvref_t<Pairs>, std::map<Arg, Value>>)  //
      void set(Pairs&& values) const {
    std::map<std::string, Value> by_key;
    for (auto&& [arg, value] : values) by_key.insert_or_assign(key(arg), value);
    region_->set_multi(by_key);
  }
  /// Calls the function for all, and stores what it returns.
  Result refresh(const detail::ArgList<Arg>& list) const {
    const std::vector<Arg>& args = list.args();
    const Time began = region_->creation_begins();
    std::remove_cvref_t<R> made = shared_->function(args);
    Result result;
    std::vector<std::string> names;
    std::vector<Entry> entries;
    const auto add = [&](const Arg& arg, const Value& value) {
      names.push_back(key(arg));
      entries.push_back(detail::pack(value, region_->kinds(), true));
    };
    if constexpr (is_map) {
      result.insert(made.begin(), made.end());
      for (const auto& [arg, value] : result) add(arg, value);
    } else {
      if (made.size() != args.size()) detail::refuse_length(args.size(), made.size());
      result.assign(made.begin(), made.end());
      for (std::size_t i = 0; i < args.size(); ++i) add(args[i], result[i]);
    }
    region_->write_made(detail::KeyList(names), entries, began);
    return result;
  }
  /// How many there were to forget.
  std::size_t invalidate(const detail::ArgList<Arg>& list) const {
    return region_->remove_multi(keys_of(list.args()));
  }
  R original(const detail::ArgList<Arg>& list) const { return shared_->function(list.args()); }

  /// The key under which the result for one argument is kept, before any mangling.
  std::string key(const Arg& arg) const {
    if (shared_->options.key) return shared_->options.key(arg);
    if constexpr (has_keys) {
      const KeyGenerator& generator = shared_->options.key_generator;
      if (!generator) return function_key(shared_->name, arg);
      const KeyPart part = detail::key_part(arg);
      return generator(shared_->name, std::span(&part, 1));
    } else {
      detail::refuse_keyless(shared_->name);
    }
  }

 private:
  static constexpr bool has_keys = detail::has_key<Arg>();

  struct Shared {
    std::string name;
    std::function<R(ArgRange)> function;
    CachedMultiOptions<R(ArgRange)> options;

    bool operator()(const Value& value) const {
      return !options.should_cache || options.should_cache(value);
    }
    /// The results for those arguments whose keys are missing; `arg_at(i)` is that of key i.
    template <class ArgAt>
    std::map<std::string, Value> call(detail::Names missing, const std::vector<std::string>& keys,
                                      ArgAt arg_at) const {
      std::unordered_map<std::string_view, std::size_t> place_of;
      for (std::size_t i = 0; i < keys.size(); ++i) place_of.try_emplace(keys[i], i);
      std::vector<Arg> wanted;
      for (const auto key : missing) wanted.push_back(arg_at(place_of.at(key)));
      std::remove_cvref_t<R> made = function(wanted);
      std::map<std::string, Value> values;
      if constexpr (is_map) {
        for (std::size_t i = 0; i < missing.size(); ++i) {
          const auto it = made.find(wanted[i]);
          if (it != made.end()) values.emplace(missing[i], it->second);
        }
      } else {
        if (made.size() != missing.size()) detail::refuse_length(missing.size(), made.size());
        for (std::size_t i = 0; i < missing.size(); ++i) values.emplace(missing[i], made[i]);
      }
      return values;
    }
  };

  std::vector<std::string> keys_of(const std::vector<Arg>& args) const {
    std::vector<std::string> keys;
    keys.reserve(args.size());
    for (const Arg& arg : args) keys.push_back(key(arg));
    return keys;
  }
  static Result result_of(const std::vector<Arg>& args, std::vector<std::optional<Value>>& found) {
    Result result;
    for (std::size_t i = 0; i < args.size(); ++i) {
      if constexpr (is_map) {
        if (found[i]) result.emplace(args[i], std::move(*found[i]));
      } else {
        result.push_back(std::move(found[i].value()));
      }
    }
    return result;
  }

  Region* region_;
  std::shared_ptr<Shared> shared_;
};

template <class Signature, class Function>
auto Region::cached_multi(std::string name, Function function,
                          detail::CachedMultiOptionsOf<Signature, Function> options) {
  using S = detail::SignatureFor<Signature, Function>;
  return CachedMultiFunction<S>(*this, std::move(name),
                                detail::Callable<S>::of(std::move(function)), std::move(options),
                                key_generator_);
}

}  // namespace cairn
