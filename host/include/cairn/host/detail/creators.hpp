// What stands between a Region, which knows types, and its core, which knows entries: what is done with an
// entry that was found, and how a missing one is made.
#pragma once

#include <cairn/entry.hpp>
#include <cairn/fields.hpp>
#include <cairn/host/detail/function_ref.hpp>
#include <cairn/host/region_options.hpp>
#include <cairn/key.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <ranges>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace cairn::detail {

/// What a creator made.
struct Created {
  Entry entry;
  bool cache = true;
  bool negative = false;
};
/// What reading an entry as a T found. Reading may also throw Error(corrupt).
enum class Found : std::uint8_t { value, negative };

/// Is given the entry, to take from it what it likes: who needs it afterwards passes a copy. The last
/// user's reference thus becomes the caller's, and a hit counts none up and down.
using Accept = FunctionRef<Found(Entry&&)>;
/// Who asks for an entry: what takes it, and where the store may put it. It may be the slot that is
/// passed to `accept`, and not before.
struct Recipient {
  Accept accept;
  Entry& slot;
  /// Owned bytes in the slot are all that it wants: `accept` need not be called.
  bool takes_bytes = false;
};
using Create = FunctionRef<Created()>;
using DetachedCreate = std::function<Created()>;

/// The batch forms. `i` counts the caller's keys. Creating answers key by key; nothing: there is none.
using AcceptEach = FunctionRef<Found(std::size_t i, Entry&&)>;
using Names = std::span<const std::string_view>;
using CreateEach = FunctionRef<std::vector<std::optional<Created>>(Names)>;
using DetachedCreateEach = std::function<std::vector<std::optional<Created>>(Names)>;

template <class T>
Found found(const T& value) {
  if constexpr (is_optional<T>) {
    return value.has_value() ? Found::value : Found::negative;
  } else {
    return Found::value;
  }
}

struct AlwaysCache {
  template <class T>
  bool operator()(const T&) const noexcept {
    return true;
  }
};

template <class Creator>
struct CreatorOf {
  using Function = std::remove_reference_t<Creator>;
  static constexpr bool is_detached = false;
  template <class C>
  static auto& function(C& creator) {
    return creator;
  }
};
template <class Creator>
struct CreatorOf<Detached<Creator>> {
  using Function = Creator;
  static constexpr bool is_detached = true;
  template <class D>
  static auto& function(D& detached) {
    return detached.creator;
  }
};

template <class>
constexpr bool no_type = false;

/// What is cached is of the type that the caller says, or else that the creator returns.
template <class Said, class Made>
using SaidOr = std::conditional_t<std::is_void_v<Said>, Made, Said>;
/// A T, made only of what is none: text that is kept is a string.
template <class T, class U>
decltype(auto) as(const U& value) {
  if constexpr (std::is_same_v<T, U>) {
    return value;
  } else {
    return T(value);
  }
}

/// Where braces with texts were given: {"a", "b"} would be one text, from the one address to the other.
template <class T>
constexpr bool one_key() {
  static_assert(!std::is_same_v<T, T>,
                "cairn: this takes one key; for many there are get_multi, remove_multi and "
                "get_or_create_multi");
  return false;
}
template <class Key>
constexpr bool is_key() {
  static_assert(std::is_constructible_v<std::string_view, Key>, "cairn: keys are strings");
  return true;
}

/// What `creator()` returns, or a creator of many for the keys that are missing: never nothing.
template <class Creator>
struct Made {
  static_assert(no_type<Creator>,
                "cairn: a creator is called without arguments: let it capture what it needs, as in "
                "[&] { return load(key); }");
  using type = int;
};
template <class Creator>
requires std::is_invocable_v<Creator&>
struct Made<Creator> {
  using type = std::invoke_result_t<Creator&>;
  static_assert(!std::is_void_v<type>,
                "cairn: a creator returns the value to be cached; this one returns nothing");
};
/// Whether it can be asked about a value that was created.
template <class ShouldCache, class T>
constexpr bool decides() {
  static_assert(std::is_invocable_r_v<bool, ShouldCache&, const T&>,
                "cairn: should_cache is called with the value, a const T&, and says whether to "
                "store it, as a "
                "bool");
  return true;
}
/// Whether it can be given to a thread that runs it later.
template <class Function>
constexpr bool can_be_detached() {
  static_assert(std::is_copy_constructible_v<Function>,
                "cairn: a detached creator, and its should_cache, are copied for the thread that "
                "may run them "
                "later: what they capture can be copied (a std::shared_ptr, no std::unique_ptr)");
  return true;
}

template <class Creator>
struct MadeOfMany {
  static_assert(no_type<Creator>,
                "cairn: a creator of many is called with the keys that are missing, a "
                "std::span<const std::string_view>, and returns a vector or a map");
  using type = std::vector<int>;
};
template <class Creator>
requires std::is_invocable_v<Creator&, Names>
struct MadeOfMany<Creator> {
  using type = std::remove_cvref_t<std::invoke_result_t<Creator&, Names>>;
};

/// Whether what a range yields is gone when the next one is asked for, or earlier. Text that it only shows is not.
template <std::ranges::range Range, class Reference = std::ranges::range_reference_t<Range>>
constexpr bool yields_passing =
    !std::ranges::forward_range<Range> ||
    !(std::is_lvalue_reference_v<Reference> || std::is_same_v<Reference, std::string_view> ||
      std::is_pointer_v<Reference>);

/// Keys in whatever range they come, as the core wants them, for as long as this lives: with their bytes,
/// if the range makes them up as it goes.
class KeyList {
 public:
  template <std::ranges::input_range Range>
  explicit KeyList(Range&& range) {
    static_assert(is_key<std::ranges::range_reference_t<Range>>());
    if constexpr (yields_passing<Range>) {
      for (auto&& key : range) own_.emplace_back(std::string_view(key));
      keys_.assign(own_.begin(), own_.end());
    } else {
      if constexpr (std::ranges::sized_range<Range>) keys_.reserve(std::ranges::size(range));
      for (auto&& key : range) keys_.emplace_back(std::string_view(key));
    }
  }
  KeyList(const KeyList&) = delete;
  KeyList& operator=(const KeyList&) = delete;

  std::size_t size() const noexcept { return keys_.size(); }
  operator Keys() const noexcept { return keys_; }  // NOLINT: it is what they are

 private:
  std::vector<std::string> own_;
  std::vector<Key> keys_;
};

template <class R>
concept MapResult = requires {
  typename R::mapped_type;
};

/// The type of one of many values.
template <class R>
struct MultiValue {
  static_assert(
      no_type<R>,
      "cairn: a function of many returns a vector parallel to what it is given, or a map");
  using type = int;
};
template <class R>
requires(!MapResult<R> && !std::is_convertible_v<R, std::string_view>) &&
    requires(R& values, std::size_t i) {
  typename R::value_type;
  values.size();
  values[i];
}
struct MultiValue<R> {
  using type = typename R::value_type;
};
template <MapResult R>
struct MultiValue<R> {
  using type = typename R::mapped_type;
};
template <class R>
using ValueOfMany = typename MultiValue<std::remove_cvref_t<R>>::type;

[[noreturn]] void refuse_length(std::size_t wanted, std::size_t got);

}  // namespace cairn::detail
