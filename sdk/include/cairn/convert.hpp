// Conversion between a program's types and documents.
//
//     cairn::write(out, order);                       // into a document that is being built
//     Order order = cairn::read<Order>(node);         // and back
//
// Strings, numbers, enums, byte vectors, containers, optional, variant, tuple, smart pointers and
// chrono work out of the box; docs/reference/values.md lists the document form of each. A struct
// becomes convertible by naming its fields (see fields.hpp), any type by two functions in its own
// namespace, which also win over what is built in:
//
//     void to_document(const Money& money, cairn::Writer out);
//     void from_document(cairn::Node node, Money& money);
//
// They are for that very type: those of a base class are not taken for a derived one, which would lose half.
//
// Errors: reading throws Error(corrupt) whose text names the place, `orders[3].price: expected
// real, got text`; writing throws Error(rejected) for the few values that have no document form.
#pragma once

#include <cairn/document.hpp>
#include <cairn/entry.hpp>
#include <cairn/error.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace cairn {

/// Writes `value` at the place `out`.
template <class T>
void write(Writer out, const T& value);

/// Reads into `value`, which should be freshly made: what the document does not mention stays as it
/// is.
template <class T>
void read_into(Node node, T& value);

template <class T>
T read(Node node) {
  T value{};
  read_into(node, value);
  return value;
}

namespace detail {

// ---- errors that know where they happened ----

// The place is put together on the way out of the failing conversion, so that one which succeeds
// pays nothing for it.
class ConversionError final : public Error {
 public:
  ConversionError(Errc code, const std::string& path, const std::string& reason)
      : Error(code, path + ": " + reason), path_(path), reason_(reason) {}

  const std::string& path() const noexcept { return path_; }
  const std::string& reason() const noexcept { return reason_; }

 private:
  std::string path_;
  std::string reason_;
};

// Call it in a handler: throws the error in flight again, one step further out.
[[noreturn, gnu::cold, gnu::noinline]] inline void rethrow_inside(const std::string& step) {
  try {
    throw;
  } catch (const ConversionError& error) {
    const char* between = error.path().front() == '[' ? "" : ".";
    throw ConversionError(error.code(), step + between + error.path(), error.reason());
  } catch (const Error& error) {
    throw ConversionError(error.code(), step, error.what());
  }
}
[[noreturn, gnu::cold, gnu::noinline]] inline void rethrow_at(std::size_t index) {
  rethrow_inside("[" + std::to_string(index) + "]");
}
// A map's key as it is shown in a path.
[[noreturn, gnu::cold, gnu::noinline]] inline void rethrow_at_key(Node key) {
  switch (key.type()) {
    case Node::text_string: rethrow_inside("[\"" + std::string(key.text()) + "\"]");
    case Node::integer: rethrow_inside("[" + std::to_string(key.int_value()) + "]");
    case Node::unsigned_integer: rethrow_inside("[" + std::to_string(key.uint_value()) + "]");
    default: rethrow_inside("[" + std::string(key.type_name()) + "]");
  }
}

[[noreturn, gnu::cold, gnu::noinline]] inline void misfit(const std::string& expected,
                                                          const std::string& got) {
  throw Error(Errc::corrupt, "expected " + expected + ", got " + got);
}
inline Node expect_list(Node node) {
  if (!node || node.type() != Node::list) misfit("list", std::string(node.type_name()));
  return node;
}
inline Node expect_map(Node node) {
  if (!node || node.type() != Node::map) misfit("map", std::string(node.type_name()));
  return node;
}
inline Node expect_list_of(Node node, std::size_t size) {
  if (expect_list(node).size() != size) {
    misfit("a list of " + std::to_string(size), "one of " + std::to_string(node.size()));
  }
  return node;
}
inline std::string_view expect_blob_of(Node node, std::size_t size) {
  const std::string_view bytes = node.blob();
  if (bytes.size() != size) {
    misfit("a blob of " + std::to_string(size) + " bytes", std::to_string(bytes.size()) + " bytes");
  }
  return bytes;
}

// ---- which types are what ----

// By whichever functions, of a base class too.
template <class T>
concept SomehowCustom = requires(const T& value, T& result, Writer out, Node node) {
  to_document(value, out);
  from_document(node, result);
};

// A better match than functions for a base class of T, and a worse one than functions for T.
namespace whole {

struct None {};
template <class T, class... More>
None to_document(const T&, Writer, More...);
template <class T, class... More>
None from_document(Node, T&, More...);

template <class T>
concept Custom = requires(const T& value, T& result, Writer out, Node node) {
  requires !std::same_as<decltype(to_document(value, out)), None>;
  requires !std::same_as<decltype(from_document(node, result)), None>;
};

}  // namespace whole

// By functions of T's own.
template <class T>
concept Custom = whole::Custom<T>;

// The argument by which the fields of T are looked up in T's namespace: of no other type, not even
// of one derived from T.
template <class T>
struct FieldsOf {};

template <class T>
concept WithFields = requires {
  cairn_fields(FieldsOf<T>());
};

// Of an enum whose enumerators were named with CAIRN_NAMES.
template <class T>
concept WithNames = std::is_enum_v<T> && requires {
  cairn_names(FieldsOf<T>());
};

template <class T>
concept Byte =
    std::same_as<T, std::byte> || std::same_as<T, unsigned char> || std::same_as<T, char>;

template <class T>
concept ListLike = requires(T list, const T& made, typename T::value_type item) {
  list.emplace_back(std::move(item));
  list.clear();
  { made.size() } -> std::convertible_to<std::size_t>;
  made.begin();
};

template <class T>
concept SetLike = !requires {
  typename T::mapped_type;
}
&&requires(T set, const T& made, typename T::key_type item) {
  set.insert(std::move(item));
  set.clear();
  { made.size() } -> std::convertible_to<std::size_t>;
  made.begin();
};

template <class T>
concept MapLike = requires(T map, const T& made, typename T::key_type key,
                           typename T::mapped_type item) {
  map.emplace(std::move(key), std::move(item));
  map.clear();
  { made.size() } -> std::convertible_to<std::size_t>;
  made.begin();
};

// The built-in conversions: one specialisation per kind of type, with write(), read() and whether
// what it is made of is convertible too. The primary one stands for "there is none".
template <class T>
struct Conversion;

template <class T>
concept BuiltIn = requires {
  Conversion<T>::convertible;
};

template <class T>
constexpr bool convertible() {
  if constexpr (Custom<T> || WithFields<T> || WithNames<T>) {
    return true;
  } else if constexpr (BuiltIn<T>) {
    return Conversion<T>::convertible;
  } else {
    return false;
  }
}

template <class T>
void write_fields(Writer out, const T& value);  // in fields.hpp
template <class T>
void read_fields(Node node, T& value);
template <class T>
void write_name(Writer out, T value);
template <class T>
void read_name(Node node, T& value);

// Whether the text of this value may be referred to instead of copied: only while the document is a
// view of an object, and not inside a to_document of the program's, which may write temporaries.
class CopyingText {
 public:
  explicit CopyingText(Arena& arena) noexcept : arena_(arena), before_(arena.borrows_text) {
    arena_.borrows_text = false;
  }
  CopyingText(const CopyingText&) = delete;
  CopyingText& operator=(const CopyingText&) = delete;
  ~CopyingText() { arena_.borrows_text = before_; }

 private:
  Arena& arena_;
  const bool before_;
};

inline void write_text(Writer out, std::string_view text) {
  if (out.arena().borrows_text) return out.borrowed_text(text);
  out.text(text);
}
inline void write_blob(Writer out, const void* data, std::size_t size) {
  const std::string_view bytes(static_cast<const char*>(data), size);
  if (out.arena().borrows_text) return out.borrowed_blob(bytes);
  out.blob(bytes);
}

}  // namespace detail

/// A type that can be written to a document and read from one.
template <class T>
concept Convertible = std::default_initializable<T> && detail::convertible<T>();

namespace detail {

template <class T>
constexpr bool has_conversion() {
  static_assert(
      !SomehowCustom<T>,
      "cairn: the to_document and from_document that this type has are those of a base class "
      "(or of what it converts to), and would lose what it adds: write its own");
  static_assert(SomehowCustom<T> || convertible<T>(),
                "cairn: no conversion for this type: name its fields with CAIRN_FIELDS(Type, ...), "
                "or write to_document and from_document, in its namespace");
  return true;
}

}  // namespace detail

template <class T>
void write(Writer out, const T& value) {
  if constexpr (detail::Custom<T>) {
    const detail::CopyingText copying(out.arena());
    out.null();  // for one that writes nothing
    to_document(value, out);
  } else if constexpr (detail::WithFields<T>) {
    detail::write_fields(out, value);
  } else if constexpr (detail::WithNames<T>) {
    detail::write_name(out, value);
  } else if constexpr (detail::BuiltIn<T>) {
    detail::Conversion<T>::write(out, value);
  } else {
    static_assert(detail::has_conversion<T>());
  }
}

template <class T>
void read_into(Node node, T& value) {
  if constexpr (detail::Custom<T>) {
    from_document(node, value);
  } else if constexpr (detail::WithFields<T>) {
    detail::read_fields(node, value);
  } else if constexpr (detail::WithNames<T>) {
    detail::read_name(node, value);
  } else if constexpr (requires { detail::Conversion<T>::read(node, value); }) {
    detail::Conversion<T>::read(node, value);
  } else if constexpr (detail::BuiltIn<T>) {
    static_assert(
        !detail::BuiltIn<T>,
        "cairn: a view of text (std::string_view, const char*) can be written, and not be "
        "read or kept, as it would outlive the text: use a std::string");
  } else {
    static_assert(detail::has_conversion<T>());
  }
}

}  // namespace cairn

#include <cairn/detail/conversions.hpp>
