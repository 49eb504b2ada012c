// The conversions that are built in: one specialisation of Conversion per kind of type. Part of
// <cairn/convert.hpp>, which says what they are for; docs/reference/values.md has the table.
#pragma once

#include <cairn/convert.hpp>

#include <array>
#include <chrono>
#include <concepts>
#include <cstdint>
#include <cstring>
#include <limits>
#include <memory>
#include <optional>
#include <ratio>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <typeinfo>
#include <utility>
#include <variant>
#include <vector>

namespace cairn::detail {

// ---- scalars ----

template <>
struct Conversion<bool> {
  static constexpr bool convertible = true;
  static void write(Writer out, bool value) { out.boolean(value); }
  static void read(Node node, bool& value) { value = node.boolean_value(); }
};

template <std::integral T>
requires(sizeof(T) <= sizeof(std::int64_t)) struct Conversion<T> {
  static constexpr bool convertible = true;
  static void write(Writer out, T value) {
    if constexpr (std::is_signed_v<T>) {
      out.integer(value);
    } else {
      out.unsigned_integer(value);
    }
  }
  static void read(Node node, T& value) {
    if (node && node.type() == Node::integer && fits(node.raw()->v.i)) [[likely]] {
      value = static_cast<T>(node.raw()->v.i);
    } else if (std::is_unsigned_v<T> && sizeof(T) == sizeof(std::uint64_t) && node &&
               node.type() == Node::unsigned_integer) {
      value = static_cast<T>(node.raw()->v.u);
    } else {
      fail(node);
    }
  }

 private:
  // Character types too are compared as the integers that they are; std::in_range refuses them.
  using Comparable = std::conditional_t<std::is_signed_v<T>, std::int64_t, std::uint64_t>;
  static bool fits(std::int64_t number) noexcept {
    return std::cmp_greater_equal(number, Comparable{std::numeric_limits<T>::min()}) &&
           std::cmp_less_equal(number, Comparable{std::numeric_limits<T>::max()});
  }
  [[noreturn, gnu::cold, gnu::noinline]] static void fail(Node node) {
    if (!node || (node.type() != Node::integer && node.type() != Node::unsigned_integer)) {
      misfit("int", std::string(node.type_name()));
    }
    misfit("an integer from " + std::to_string(Comparable{std::numeric_limits<T>::min()}) + " to " +
               std::to_string(Comparable{std::numeric_limits<T>::max()}),
           node.type() == Node::integer ? std::to_string(node.int_value())
                                        : std::to_string(node.uint_value()));
  }
};

template <class T>
requires std::same_as<T, double> || std::same_as<T, float>
struct Conversion<T> {
  static constexpr bool convertible = true;
  static void write(Writer out, T value) { out.real(static_cast<double>(value)); }
  static void read(Node node, T& value) { value = static_cast<T>(node.real_value()); }
};

template <class T>
requires std::is_enum_v<T> &&(!std::same_as<T, std::byte>)struct Conversion<T> {
  using Number = std::underlying_type_t<T>;
  static constexpr bool convertible = true;
  static void write(Writer out, T value) { cairn::write(out, static_cast<Number>(value)); }
  static void read(Node node, T& value) {
    Number number{};
    cairn::read_into(node, number);
    value = static_cast<T>(number);
  }
};

template <>
struct Conversion<std::byte> {
  static constexpr bool convertible = true;
  static void write(Writer out, std::byte value) { out.integer(std::to_integer<int>(value)); }
  static void read(Node node, std::byte& value) {
    std::uint8_t number = 0;
    cairn::read_into(node, number);
    value = std::byte{number};
  }
};

template <>
struct Conversion<std::monostate> {
  static constexpr bool convertible = true;
  static void write(Writer out, std::monostate) { out.null(); }
  static void read(Node node, std::monostate&) {
    if (!node || !node.is_null()) misfit("null", std::string(node.type_name()));
  }
};

// Time, as whole nanoseconds: exact, and the same number in every language. Floating durations are
// real seconds.
template <class Rep, class Period>
struct Conversion<std::chrono::duration<Rep, Period>> {
  using Duration = std::chrono::duration<Rep, Period>;
  using NanosecondsEach = std::ratio_divide<Period, std::nano>;  // how many one tick is
  static constexpr bool convertible = true;
  static_assert(std::floating_point<Rep> || NanosecondsEach::den == 1,
                "cairn: a duration finer than a nanosecond cannot be kept");

  static void write(Writer out, Duration value) {
    if constexpr (std::floating_point<Rep>) {
      out.real(std::chrono::duration<double>(value).count());
    } else {
      std::int64_t nanoseconds = 0;
      if (__builtin_mul_overflow(value.count(), std::int64_t{NanosecondsEach::num}, &nanoseconds)) {
        throw Error(Errc::rejected, "a time beyond 292 years cannot be kept in nanoseconds");
      }
      out.integer(nanoseconds);
    }
  }
  static void read(Node node, Duration& value) {
    if constexpr (std::floating_point<Rep>) {
      value =
          std::chrono::duration_cast<Duration>(std::chrono::duration<double>(node.real_value()));
    } else {
      const std::int64_t nanoseconds = node.int_value();
      if (nanoseconds % NanosecondsEach::num != 0 ||
          !std::in_range<Rep>(nanoseconds / NanosecondsEach::num)) {
        misfit("whole ticks of " + std::to_string(NanosecondsEach::num) + " ns",
               std::to_string(nanoseconds) + " ns");
      }
      value = Duration(static_cast<Rep>(nanoseconds / NanosecondsEach::num));
    }
  }
};

// Since 1970. Other clocks mean nothing outside their process.
template <class Duration>
struct Conversion<std::chrono::time_point<std::chrono::system_clock, Duration>> {
  using Point = std::chrono::time_point<std::chrono::system_clock, Duration>;
  static constexpr bool convertible = true;
  static void write(Writer out, Point value) { cairn::write(out, value.time_since_epoch()); }
  static void read(Node node, Point& value) {
    Duration since{};
    cairn::read_into(node, since);
    value = Point(since);
  }
};

// ---- text and bytes ----

template <>
struct Conversion<std::string> {
  static constexpr bool convertible = true;
  static void write(Writer out, const std::string& value) { write_text(out, value); }
  static void read(Node node, std::string& value) { value = node.text(); }
};

// Write only: a view of a document's text would not outlive it.
template <>
struct Conversion<std::string_view> {
  static constexpr bool convertible = false;
  static void write(Writer out, std::string_view value) { write_text(out, value); }
};
template <>
struct Conversion<const char*> {
  static constexpr bool convertible = false;
  static void write(Writer out, const char* value) {
    if (value == nullptr) return out.null();
    write_text(out, value);
  }
};
template <>
struct Conversion<char*> : Conversion<const char*> {};
// Up to its end, if no null comes before.
template <std::size_t size>
struct Conversion<char[size]> {
  static constexpr bool convertible = false;
  static void write(Writer out, const char (&value)[size]) {
    write_text(out, {value, ::strnlen(value, size)});
  }
};

template <Byte T, class Allocator>
struct Conversion<std::vector<T, Allocator>> {
  static constexpr bool convertible = true;
  static void write(Writer out, const std::vector<T, Allocator>& value) {
    write_blob(out, value.data(), value.size());
  }
  static void read(Node node, std::vector<T, Allocator>& value) {
    const std::string_view bytes = node.blob();
    const auto* begin = reinterpret_cast<const T*>(bytes.data());
    value.assign(begin, begin + bytes.size());
  }
};

template <Byte T, std::size_t size>
struct Conversion<std::array<T, size>> {
  static constexpr bool convertible = true;
  static void write(Writer out, const std::array<T, size>& value) {
    write_blob(out, value.data(), size);
  }
  static void read(Node node, std::array<T, size>& value) {
    const std::string_view bytes = expect_blob_of(node, size);
    if constexpr (size > 0) std::memcpy(value.data(), bytes.data(), size);
  }
};

template <>
struct Conversion<Bytes> {
  static constexpr bool convertible = true;
  static void write(Writer out, const Bytes& value) {
    write_blob(out, value.view().data(), value.size());
  }
  static void read(Node node, Bytes& value) { value = Bytes(node.blob()); }
};

// Whatever it is.
template <>
struct Conversion<Document> {
  static constexpr bool convertible = true;
  static void write(Writer out, const Document& value) { out.copy(value.root()); }
  static void read(Node node, Document& value) {
    if (!node) misfit("a value", "nothing");
    value = Document::copy_of(node);
  }
};

// ---- containers ----

// Calls read_item(i) for the items of a list.
template <class ReadItem>
void for_each_item(Node list, ReadItem&& read_item) {
  std::size_t i = 0;
  try {
    for (const std::size_t size = list.size(); i < size; ++i) read_item(i);
  } catch (const Error&) {
    rethrow_at(i);
  }
}

template <ListLike T>
struct Conversion<T> {
  using Item = typename T::value_type;
  static constexpr bool convertible = Convertible<Item>;
  static void write(Writer out, const T& value) {
    auto list = out.list(value.size());
    for (const auto& item : value) cairn::write<Item>(list.item(), item);
  }
  static void read(Node node, T& value) {
    expect_list(node);
    value.clear();
    if constexpr (requires { value.reserve(node.size()); }) value.reserve(node.size());
    for_each_item(node,
                  [&](std::size_t i) { value.emplace_back(cairn::read<Item>(node.item(i))); });
  }
};

template <SetLike T>
struct Conversion<T> {
  using Item = typename T::key_type;
  static constexpr bool convertible = Convertible<Item>;
  static void write(Writer out, const T& value) {
    auto list = out.list(value.size());
    for (const Item& item : value) cairn::write(list.item(), item);
  }
  static void read(Node node, T& value) {
    expect_list(node);
    value.clear();
    if constexpr (requires { value.reserve(node.size()); }) value.reserve(node.size());
    for_each_item(node, [&](std::size_t i) { value.insert(cairn::read<Item>(node.item(i))); });
  }
};

template <class T, std::size_t size>
struct Conversion<std::array<T, size>> {
  static constexpr bool convertible = Convertible<T>;
  static void write(Writer out, const std::array<T, size>& value) {
    auto list = out.list(size);
    for (const T& item : value) cairn::write(list.item(), item);
  }
  static void read(Node node, std::array<T, size>& value) {
    expect_list_of(node, size);
    for_each_item(node, [&](std::size_t i) { cairn::read_into(node.item(i), value[i]); });
  }
};

template <MapLike T>
struct Conversion<T> {
  using Key = typename T::key_type;
  using Item = typename T::mapped_type;
  static constexpr bool convertible = Convertible<Key> && Convertible<Item>;
  static void write(Writer out, const T& value) {
    auto map = out.map(value.size());
    for (const auto& [key, item] : value) {
      auto [key_place, item_place] = map.pair();
      cairn::write<Key>(key_place, key);
      cairn::write<Item>(item_place, item);
    }
  }
  static void read(Node node, T& value) {
    expect_map(node);
    value.clear();
    if constexpr (requires { value.reserve(node.size()); }) value.reserve(node.size());
    std::size_t i = 0;
    try {
      for (; i < node.size(); ++i) {
        auto key = cairn::read<Key>(node.key_at(i));
        auto item = cairn::read<Item>(node.value_at(i));
        if constexpr (requires { value.insert_or_assign(std::move(key), std::move(item)); }) {
          value.insert_or_assign(std::move(key), std::move(item));
        } else {
          value.emplace(std::move(key), std::move(item));
        }
      }
    } catch (const Error&) {
      rethrow_at_key(node.key_at(i));
    }
  }
};

// ---- one of, several of, perhaps ----

template <class T>
struct Conversion<std::optional<T>> {
  static constexpr bool convertible = Convertible<T>;
  static void write(Writer out, const std::optional<T>& value) {
    if (!value) return out.null();
    cairn::write(out, *value);
  }
  static void read(Node node, std::optional<T>& value) {
    if (!node || node.is_null()) return value.reset();
    cairn::read_into(node, value.emplace());
  }
};

// What is read is of the pointer's own class: of an object of a derived one it would be half.
template <class T>
void refuse_derived([[maybe_unused]] const T& pointed_to) {
#ifdef __cpp_rtti
  if constexpr (std::is_polymorphic_v<T> && !std::is_final_v<T>) {
    if (typeid(pointed_to) != typeid(T)) [[unlikely]] {
      throw Error(Errc::rejected,
                  "a pointer to an object of a derived class: only its base would be kept");
    }
  }
#endif
}

template <class T>
requires(!std::is_array_v<T>) struct Conversion<std::unique_ptr<T>> {
  static constexpr bool convertible = Convertible<std::remove_const_t<T>>;
  static void write(Writer out, const std::unique_ptr<T>& value) {
    if (!value) return out.null();
    refuse_derived(*value);
    cairn::write<std::remove_const_t<T>>(out, *value);
  }
  static void read(Node node, std::unique_ptr<T>& value) {
    if (!node || node.is_null()) return value.reset();
    auto made = std::make_unique<std::remove_const_t<T>>();
    cairn::read_into(node, *made);
    value = std::move(made);
  }
};

// Shared ones come back as one copy per pointer.
template <class T>
requires(!std::is_array_v<T>) struct Conversion<std::shared_ptr<T>> {
  static constexpr bool convertible = Convertible<std::remove_const_t<T>>;
  static void write(Writer out, const std::shared_ptr<T>& value) {
    if (!value) return out.null();
    refuse_derived(*value);
    cairn::write<std::remove_const_t<T>>(out, *value);
  }
  static void read(Node node, std::shared_ptr<T>& value) {
    if (!node || node.is_null()) return value.reset();
    auto made = std::make_shared<std::remove_const_t<T>>();
    cairn::read_into(node, *made);
    value = std::move(made);
  }
};

// std::pair and std::tuple: a list.
template <class Tuple, class Indices = std::make_index_sequence<std::tuple_size_v<Tuple>>>
struct TupleConversion;
template <class Tuple, std::size_t... i>
struct TupleConversion<Tuple, std::index_sequence<i...>> {
  static constexpr bool convertible = (Convertible<std::tuple_element_t<i, Tuple>> && ...);
  static void write(Writer out, const Tuple& value) {
    [[maybe_unused]] auto list = out.list(sizeof...(i));
    (cairn::write(list.item(), std::get<i>(value)), ...);
  }
  static void read(Node node, [[maybe_unused]] Tuple& value) {
    expect_list_of(node, sizeof...(i));
    std::size_t at = 0;
    try {
      ((at = i, cairn::read_into(node.item(i), std::get<i>(value))), ...);
    } catch (const Error&) {
      rethrow_at(at);
    }
  }
};
template <class First, class Second>
struct Conversion<std::pair<First, Second>> : TupleConversion<std::pair<First, Second>> {};
template <class... T>
struct Conversion<std::tuple<T...>> : TupleConversion<std::tuple<T...>> {};

// A list of the alternative's number, from 0, and its value.
template <class... T>
struct Conversion<std::variant<T...>> {
  using Variant = std::variant<T...>;
  static constexpr bool convertible = (Convertible<T> && ...);
  static void write(Writer out, const Variant& value) {
    if (value.valueless_by_exception()) {
      throw Error(Errc::rejected, "a variant without a value cannot be kept");
    }
    auto list = out.list(2);
    list.item().unsigned_integer(value.index());
    std::visit([&]<class Alternative>(const Alternative& held) { cairn::write(list.item(), held); },
               value);
  }
  static void read(Node node, Variant& value) {
    expect_list_of(node, 2);
    std::size_t at = 0;
    try {
      const auto index = cairn::read<std::size_t>(node.item(0));
      if (index >= sizeof...(T)) {
        misfit("an alternative below " + std::to_string(sizeof...(T)), std::to_string(index));
      }
      at = 1;
      read_alternative(node.item(1), value, index, std::index_sequence_for<T...>());
    } catch (const Error&) {
      rethrow_at(at);
    }
  }

 private:
  template <std::size_t... i>
  static void read_alternative(Node node, Variant& value, std::size_t index,
                               std::index_sequence<i...>) {
    ((i == index ? cairn::read_into(node, value.template emplace<i>()) : void()), ...);
  }
};

}  // namespace cairn::detail
