// What is kept of a function's arguments for a thread that calls it when the caller has gone on: what an
// argument only points to is copied, where its type tells, and shown to the function as it wants it.
#pragma once

#include <cairn/fields.hpp>
#include <cairn/host/function_keys.hpp>

#include <optional>
#include <ranges>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace cairn::detail {

/// Whether a copy of a T lives by itself. A type of the program's own is taken to.
template <class T>
constexpr bool owns_itself() {
  if constexpr (std::is_same_v<T, const char*> || std::is_same_v<T, char*> ||
                std::ranges::view<T>) {
    return false;
  } else if constexpr (is_optional<T>) {
    return owns_itself<typename T::value_type>();
  } else if constexpr (is_key_tuple<T>) {
    return []<class... Items>(std::type_identity<std::tuple<Items...>>) {
      return (owns_itself<std::decay_t<Items>>() && ...);
    }(std::type_identity<decltype(std::tuple_cat(std::declval<T>()))>());
  } else if constexpr (std::ranges::range<const T>) {
    using Item = std::ranges::range_value_t<const T>;
    if constexpr (std::is_same_v<Item, T>)
      return true;  // a path
    else
      return owns_itself<Item>();
  } else {
    return true;
  }
}

template <class T>
class Kept {
 public:
  static constexpr bool possible = std::is_copy_constructible_v<T> && owns_itself<T>();

  explicit Kept(const T& value) : value_(value) {}
  const T& get() const noexcept { return value_; }

 private:
  T value_;
};

template <>
class Kept<std::string_view> {
 public:
  static constexpr bool possible = true;

  explicit Kept(std::string_view text) : text_(text) {}
  std::string_view get() const noexcept { return text_; }

 private:
  std::string text_;
};

template <>
class Kept<const char*> {
 public:
  static constexpr bool possible = true;

  explicit Kept(const char* text) {
    if (text != nullptr) text_ = text;
  }
  const char* get() const noexcept { return text_ ? text_->c_str() : nullptr; }

 private:
  std::optional<std::string> text_;
};

template <class T>
class Kept<std::span<const T>> {
 public:
  static constexpr bool possible = owns_itself<T>() && !std::is_same_v<T, bool>;

  explicit Kept(std::span<const T> items) : items_(items.begin(), items.end()) {}
  std::span<const T> get() const noexcept { return items_; }

 private:
  std::vector<T> items_;
};

}  // namespace cairn::detail
