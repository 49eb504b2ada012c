// Makes a struct convertible by naming its fields, once, after its definition and in its namespace.
//
//     struct User {
//       int id = 0;
//       std::string name;
//       std::optional<std::string> email;
//       std::string plan = "free";
//     };
//     CAIRN_FIELDS(User, id, name, email);
//     CAIRN_LATER_FIELDS(User, plan);        // since version 2: older entries do not have it
//     CAIRN_NAMES(Colour, red, green, blue)  // an enum, written as text instead of as a number
//
// A struct is a map with the fields' names as keys, in the order given here. On reading, in any
// order, every field named by CAIRN_FIELDS must be there, unless it is a std::optional; one named
// by CAIRN_LATER_FIELDS keeps the value of its member initialiser when it is not; names that are
// not known are ignored. So fields may be added (as later ones) and removed while old entries live.
//
// For private members, and for templates, put `friend CAIRN_FIELDS(User, id, name);` into the
// class. Up to 250 fields; a base's members can be named too.
#pragma once

#include <cairn/convert.hpp>
#include <cairn/detail/each.hpp>

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

namespace cairn::detail {

template <class Member>
struct Field {
  std::string_view name;
  Member member;
};
template <class Member>
constexpr Field<Member> make_field(std::string_view name, Member member) {
  static_assert(std::is_member_object_pointer_v<Member>,
                "cairn: what CAIRN_FIELDS names is a data member, neither static nor a function");
  return {name, member};
}

template <class T>
constexpr auto later_fields() {
  if constexpr (requires { cairn_later_fields(FieldsOf<T>()); }) {
    return cairn_later_fields(FieldsOf<T>());
  } else {
    return std::tuple<>();
  }
}

template <class T>
constexpr bool is_optional = false;
template <class T>
constexpr bool is_optional<std::optional<T>> = true;

// Calls `visit(field)` for the fields of T in order, later ones last.
template <class T, class Visit>
constexpr void for_each_field(Visit&& visit) {
  std::apply([&](const auto&... field) { (visit(field), ...); }, cairn_fields(FieldsOf<T>()));
  std::apply([&](const auto&... field) { (visit(field), ...); }, later_fields<T>());
}

template <class T>
void write_fields(Writer out, const T& value) {
  constexpr std::size_t count = std::tuple_size_v<decltype(cairn_fields(FieldsOf<T>()))> +
                                std::tuple_size_v<decltype(later_fields<T>())>;
  auto map = out.map(count);
  for_each_field<T>(
      [&](const auto& field) { cairn::write(map.borrowed_key(field.name), value.*field.member); });
}

// Looks fields up where they are if the writer's order was ours, and searches only if not.
class FieldReader {
 public:
  explicit FieldReader(Node map) : map_(expect_map(map)) {}

  /// The value of the field `name`, or an absent node.
  Node find(std::string_view name) noexcept {
    const std::size_t i = next_++;
    if (i < map_.size()) [[likely]] {
      const cairn_node& key = *map_.key_at(i).raw();
      if (key.type == CAIRN_TEXT && std::string_view(key.v.s, key.len) == name) [[likely]] {
        return map_.value_at(i);
      }
    }
    return map_.find(name);
  }

 private:
  Node map_;
  std::size_t next_ = 0;
};

template <class T>
void read_fields(Node node, T& value) {
  FieldReader reader(node);
  std::string_view name;
  const auto read_field = [&](const auto& field, bool required) {
    name = field.name;
    auto& member = value.*field.member;
    static_assert(
        !std::is_const_v<std::remove_reference_t<decltype(member)>>,
        "cairn: a field that is const could be written, and not be read: leave out the const");
    if (const Node found = reader.find(name)) [[likely]] {
      cairn::read_into(found, member);
    } else if constexpr (is_optional<std::remove_reference_t<decltype(member)>>) {
      if (required) member.reset();
    } else if (required) {
      throw Error(Errc::corrupt, "missing");
    }
  };
  try {
    std::apply([&](const auto&... field) { (read_field(field, true), ...); },
               cairn_fields(FieldsOf<T>()));
    std::apply([&](const auto&... field) { (read_field(field, false), ...); }, later_fields<T>());
  } catch (const Error&) {
    if (name.empty()) throw;
    rethrow_inside(std::string(name));
  }
}

template <class T>
void write_name(Writer out, T value) {
  for (const auto& [name, enumerator] : cairn_names(FieldsOf<T>())) {
    if (enumerator == value) return out.borrowed_text(name);
  }
  throw Error(Errc::rejected, "an enumerator without a name: " +
                                  std::to_string(static_cast<std::underlying_type_t<T>>(value)));
}

template <class T>
void read_name(Node node, T& value) {
  const std::string_view text = node.text();
  for (const auto& [name, enumerator] : cairn_names(FieldsOf<T>())) {
    if (name == text) {
      value = enumerator;
      return;
    }
  }
  std::string known;
  for (const auto& [name, enumerator] : cairn_names(FieldsOf<T>())) {
    known += (known.empty() ? "" : ", ") + std::string(name);
  }
  misfit("one of " + known, "\"" + std::string(text) + "\"");
}

}  // namespace cairn::detail

#define CAIRN_FIELD(Type, field) ::cairn::detail::make_field(#field, &Type::field)
#define CAIRN_NAME(Type, enumerator) \
  ::std::pair<::std::string_view, Type>(#enumerator, Type::enumerator)

/// Names the fields of a struct: CAIRN_FIELDS(User, id, name). A semicolon follows.
#define CAIRN_FIELDS(Type, ...)                                                             \
  constexpr auto cairn_fields [[maybe_unused]] (::cairn::detail::FieldsOf<Type>) noexcept { \
    return ::std::make_tuple(CAIRN_EACH(CAIRN_FIELD, Type, __VA_ARGS__));                   \
  }                                                                                         \
  static_assert(true)

/// Names the fields that were added since: absent in older entries.
#define CAIRN_LATER_FIELDS(Type, ...)                                                             \
  constexpr auto cairn_later_fields [[maybe_unused]] (::cairn::detail::FieldsOf<Type>) noexcept { \
    return ::std::make_tuple(CAIRN_EACH(CAIRN_FIELD, Type, __VA_ARGS__));                         \
  }                                                                                               \
  static_assert(true)

/// Names the enumerators of an enum that is to be written as text.
#define CAIRN_NAMES(Type, ...)                                                             \
  constexpr auto cairn_names [[maybe_unused]] (::cairn::detail::FieldsOf<Type>) noexcept { \
    return ::std::array{CAIRN_EACH(CAIRN_NAME, Type, __VA_ARGS__)};                        \
  }                                                                                        \
  static_assert(true)
