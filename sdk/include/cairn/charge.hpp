// What an object costs to keep, in bytes: an estimate, by which bounded stores count.
//
// Strings, standard containers and structs with named fields are measured. A type that knows
// better, or hides memory behind pointers of its own, says so in its namespace:
//
//     std::size_t cached_size(const Image& image);   // all of it, sizeof included
#pragma once

#include <cairn/convert.hpp>
#include <cairn/fields.hpp>

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>

namespace cairn {

namespace detail {

template <class T>
concept SaysItsSize = requires(const T& value) {
  { cached_size(value) } -> std::convertible_to<std::size_t>;
};

// A node of a list, tree or hash table, and the allocator's own header, beside what it holds.
constexpr std::size_t node_overhead = 48;

template <class T>
std::size_t beyond(const T& value);

// Whether a T can have anything beyond its own bytes: lists of numbers need not be walked.
template <class T>
constexpr bool is_flat = std::is_trivially_copyable_v<T> && !SaysItsSize<T>;

// The bytes that `value` keeps outside of itself.
template <class T>
struct Beyond {
  static std::size_t of(const T& value) {
    if constexpr (SaysItsSize<T>) {
      const std::size_t all = cached_size(value);
      return all > sizeof(T) ? all - sizeof(T) : 0;
    } else if constexpr (is_flat<T>) {
      return 0;
    } else if constexpr (WithFields<T>) {
      std::size_t size = 0;
      for_each_field<T>([&](const auto& field) { size += detail::beyond(value.*field.member); });
      return size;
    } else if constexpr (std::same_as<T, std::string>) {
      return value.capacity() < sizeof(T) ? 0 : value.capacity() + 1;
    } else if constexpr (MapLike<T>) {
      std::size_t size = value.size() * (sizeof(typename T::value_type) + node_overhead);
      if constexpr (!is_flat<typename T::key_type> || !is_flat<typename T::mapped_type>) {
        for (const auto& [key, item] : value) size += detail::beyond(key) + detail::beyond(item);
      }
      return size;
    } else if constexpr (ListLike<T> || SetLike<T>) {
      using Item = typename T::value_type;
      std::size_t size = 0;
      if constexpr (requires { value.capacity(); }) {
        size = value.capacity() * sizeof(Item);
      } else {
        size = value.size() * (sizeof(Item) + node_overhead);
      }
      if constexpr (!is_flat<Item>) {
        for (const Item& item : value) size += detail::beyond(item);
      }
      return size;
    } else {
      return 0;
    }
  }
};
template <>
struct Beyond<Bytes> {
  static std::size_t of(const Bytes& value) { return value.size(); }
};
template <>
struct Beyond<Document> {
  static std::size_t of(const Document& value) { return value.size(); }
};
template <class T>
struct Beyond<std::optional<T>> {
  static std::size_t of(const std::optional<T>& value) {
    return value ? detail::beyond(*value) : 0;
  }
};
template <class T>
struct Beyond<std::unique_ptr<T>> {
  static std::size_t of(const std::unique_ptr<T>& value) {
    return value ? sizeof(T) + detail::beyond(*value) : 0;
  }
};
template <class T>
struct Beyond<std::shared_ptr<T>> {
  static std::size_t of(const std::shared_ptr<T>& value) {
    return value ? sizeof(T) + 2 * sizeof(long) + detail::beyond(*value) : 0;
  }
};
template <class T, std::size_t size>
struct Beyond<std::array<T, size>> {
  static std::size_t of(const std::array<T, size>& value) {
    std::size_t sum = 0;
    if constexpr (!is_flat<T>) {
      for (const T& item : value) sum += detail::beyond(item);
    }
    return sum;
  }
};
template <class First, class Second>
struct Beyond<std::pair<First, Second>> {
  static std::size_t of(const std::pair<First, Second>& value) {
    return detail::beyond(value.first) + detail::beyond(value.second);
  }
};
template <class... T>
struct Beyond<std::tuple<T...>> {
  static std::size_t of(const std::tuple<T...>& value) {
    return std::apply(
        [](const auto&... item) { return (std::size_t{0} + ... + detail::beyond(item)); }, value);
  }
};
template <class... T>
struct Beyond<std::variant<T...>> {
  static std::size_t of(const std::variant<T...>& value) {
    if (value.valueless_by_exception()) return 0;
    return std::visit([](const auto& held) { return detail::beyond(held); }, value);
  }
};

template <class T>
std::size_t beyond(const T& value) {
  return Beyond<std::remove_const_t<T>>::of(value);
}

}  // namespace detail

/// What `value` costs to keep, itself included.
template <class T>
std::size_t charge_of(const T& value) {
  return sizeof(T) + detail::beyond(value);
}

}  // namespace cairn
