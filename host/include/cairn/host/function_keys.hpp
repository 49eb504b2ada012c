// Keys of cached functions: from a name and arguments to a key.
//
// The default, function_key, never gives two different calls the same key, and can be read:
//
//     user(42)           user|42
//     find("a b", 1)     find|3:a b,1
//     find("a", "b")     find|1:a,1:b
//
// Texts are preceded by their length, so that nothing in them can be taken for something else. A type of
// your own becomes part of a key by a function `std::string to_key(const T&)` in its namespace, which
// must tell different values apart.
//
// For sharing keys with dogpile.cache in Python there is dogpile_key_generator().
#pragma once

#include <cairn/document.hpp>
#include <cairn/entry.hpp>

#include <charconv>
#include <chrono>
#include <concepts>
#include <cstdint>
#include <functional>
#include <optional>
#include <ranges>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace cairn {

/// One argument, for key generators that know no types. Lists and types with a to_key come as text.
using KeyPart =
    std::variant<std::nullptr_t, bool, std::int64_t, std::uint64_t, double, std::string>;

/// As Python's str() would write it: 42, 2.5, True, None, text as it is.
std::string to_python_text(const KeyPart& part);

/// From a function's name (its namespace in front, "namespace:name", if it has one) and arguments to a key.
using KeyGenerator = std::function<std::string(std::string_view name, std::span<const KeyPart>)>;

/// dogpile.cache's own: "module:name|first second", or "module:name|namespace|first second"; byte for
/// byte what its function_key_generator makes of a function `name` in `module`. Different calls may share
/// a key there: that is how it is.
KeyGenerator dogpile_key_generator(std::string module, std::string name_space = {});

namespace detail {

// A better match than a to_key for a base class of T, by which two different T had one key.
namespace whole_key {

struct None {};
template <class T, class... More>
None to_key(const T&, More...);

template <class T>
concept HasToKey = requires(const T& value) {
  { to_key(value) } -> std::convertible_to<std::string>;
};

}  // namespace whole_key

template <class T>
concept HasToKey = whole_key::HasToKey<T>;
template <class T>
concept KeyText =
    std::convertible_to<const T&, std::string_view> && !std::same_as<T, std::nullptr_t>;
template <class T>
constexpr bool is_key_tuple = false;
template <class... T>
constexpr bool is_key_tuple<std::tuple<T...>> = true;
template <class A, class B>
constexpr bool is_key_tuple<std::pair<A, B>> = true;
template <class T>
constexpr bool is_key_duration = false;
template <class R, class P>
constexpr bool is_key_duration<std::chrono::duration<R, P>> = true;
// Of clocks that mean the same in every process.
template <class T>
constexpr bool is_key_time = false;
template <class D>
constexpr bool is_key_time<std::chrono::time_point<std::chrono::system_clock, D>> = true;
template <class D>
constexpr bool is_key_time<std::chrono::time_point<std::chrono::local_t, D>> = true;

/// Whether append_key takes a T.
template <class T>
constexpr bool has_key() {
  if constexpr (HasToKey<T> || KeyText<T> || std::is_enum_v<T> || std::is_arithmetic_v<T> ||
                is_key_duration<T> || is_key_time<T> ||
                std::same_as<T, std::chrono::year_month_day> ||
                requires(const T& t) { std::string_view(t.native()); }) {
    return true;
  } else if constexpr (requires(const T& t) {
                         t.has_value();
                         *t;
                       }) {
    return has_key<std::remove_cvref_t<decltype(*std::declval<const T&>())>>();
  } else if constexpr (is_key_tuple<T>) {
    return []<class... Items>(std::type_identity<std::tuple<Items...>>) {
      return (has_key<std::remove_cvref_t<Items>>() && ...);
    }(std::type_identity<decltype(std::tuple_cat(std::declval<T>()))>());
  } else if constexpr (std::ranges::input_range<const T>) {
    return has_key<std::ranges::range_value_t<const T>>();
  } else {
    return false;
  }
}
[[noreturn]] void refuse_keyless(std::string_view function);

template <class T>
void append_number(std::string& out, T value) {
  char buffer[32];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, value).ptr;
  out.append(buffer, end);
}
inline void append_text(std::string& out, std::string_view text) {
  append_number(out, text.size());
  out += ':';
  out += text;
}

template <class T>
void append_key(std::string& out, const T& value);

template <class Items>
void append_items(std::string& out, const Items& items) {
  out += '(';
  bool first = true;
  for (const auto& item : items) {
    if (!first) out += ',';
    first = false;
    detail::append_key(out, item);
  }
  out += ')';
}

template <class>
constexpr bool no_key = false;

template <class T>
void append_key(std::string& out, const T& value) {
  if constexpr (HasToKey<T>) {
    append_text(out, to_key(value));
  } else if constexpr (std::same_as<T, bool>) {
    out += value ? "true" : "false";
  } else if constexpr (KeyText<T>) {
    if constexpr (std::is_pointer_v<T>) {
      if (value == nullptr) {
        out += '-';
        return;
      }
    }
    append_text(out, std::string_view(value));
  } else if constexpr (std::is_enum_v<T>) {
    append_number(out, static_cast<std::underlying_type_t<T>>(value));
  } else if constexpr (std::is_arithmetic_v<T>) {
    if constexpr (std::is_floating_point_v<T>) out += 'r';
    append_number(out, value);
  } else if constexpr (is_key_duration<T>) {
    // The count as it is, of a period that belongs to the type: nothing is rounded or overflows.
    detail::append_key(out, value.count());
    out += '*';
    append_number(out, T::period::num);
    out += '/';
    append_number(out, T::period::den);
  } else if constexpr (is_key_time<T>) {
    detail::append_key(out, value.time_since_epoch());
  } else if constexpr (std::same_as<T, std::chrono::year_month_day>) {
    append_number(out, static_cast<int>(value.year()));
    out += '-';
    append_number(out, static_cast<unsigned>(value.month()));
    out += '-';
    append_number(out, static_cast<unsigned>(value.day()));
  } else if constexpr (requires {
                         value.has_value();
                         *value;
                       }) {
    if (!value.has_value()) {
      out += '-';
    } else {
      if constexpr (requires { value->has_value(); })
        out += '+';  // tells apart which of two is empty
      detail::append_key(out, *value);
    }
  } else if constexpr (requires { std::string_view(value.native()); }) {
    append_text(out, value.native());  // a path; it is also a range, of paths
  } else if constexpr (is_key_tuple<T>) {
    out += '(';
    bool first = true;
    std::apply(
        [&](const auto&... items) {
          ((first ? void() : void(out += ','), first = false, detail::append_key(out, items)), ...);
        },
        value);
    out += ')';
  } else if constexpr (std::ranges::input_range<const T>) {
    detail::append_items(out, value);
  } else {
    static_assert(
        no_key<T>,
        "cairn: no key for an argument of this type: write `std::string to_key(const T&)` in "
        "its namespace, or give the cached function a `key` of its own");
  }
}

template <class T>
KeyPart key_part(const T& value) {
  if constexpr (HasToKey<T>) {
    return std::string(to_key(value));
  } else if constexpr (std::same_as<T, bool>) {
    return value;
  } else if constexpr (KeyText<T>) {
    if constexpr (std::is_pointer_v<T>) {
      if (value == nullptr) return nullptr;
    }
    return std::string(std::string_view(value));
  } else if constexpr (std::is_enum_v<T>) {
    return static_cast<std::int64_t>(value);
  } else if constexpr (std::is_floating_point_v<T>) {
    return static_cast<double>(value);
  } else if constexpr (std::unsigned_integral<T>) {
    return static_cast<std::uint64_t>(value);
  } else if constexpr (std::integral<T>) {
    return static_cast<std::int64_t>(value);
  } else if constexpr (requires {
                         value.has_value();
                         *value;
                       }) {
    if (!value.has_value()) return nullptr;
    return detail::key_part(*value);
  } else {
    std::string text;
    detail::append_key(text, value);
    return text;
  }
}

}  // namespace detail

/// The default: see the top of this file.
template <class... Args>
std::string function_key(std::string_view name, const Args&... args) {
  std::string key;
  key.reserve(name.size() + 24);
  key += name;
  key += '|';
  [[maybe_unused]] bool first = true;
  ((first ? void() : void(key += ','), first = false, detail::append_key(key, args)), ...);
  return key;
}

}  // namespace cairn
