// Between a program's values and entries: what a stack is given for a T, and how a T comes out again.
//
//   strings and byte vectors   bytes, where the stack takes bytes; else a document of one text or blob
//   everything else            the object itself, where the stack keeps objects; else its document
//
// Reading takes any of these, whoever wrote it. Errors: Error(corrupt) if the entry is not a T, and
// Error(unsupported) if the stack takes nothing that a T can become.
#pragma once

#include <cairn/convert.hpp>
#include <cairn/entry.hpp>
#include <cairn/object.hpp>

#include <cstddef>
#include <exception>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace cairn::detail {

template <class T>
constexpr bool is_text = std::is_same_v<T, std::string> || std::is_same_v<T, std::string_view> ||
                         std::is_same_v<T, const char*> || std::is_same_v<T, char*>;
template <class T>
constexpr bool is_byte_vector =
    std::is_same_v<T, std::vector<std::byte>> || std::is_same_v<T, std::vector<unsigned char>>;
template <class T>
constexpr bool is_bytes_like = is_text<T> || is_byte_vector<T> || std::is_same_v<T, Bytes>;

/// What is stored for a T: a literal becomes a string.
template <class T>
using Stored = std::conditional_t<is_text<std::decay_t<T>>, std::string, std::decay_t<T>>;

template <class T>
std::string_view bytes_of(const T& value) {
  if constexpr (is_byte_vector<T>) {
    return {reinterpret_cast<const char*>(value.data()), value.size()};
  } else if constexpr (std::is_same_v<T, Bytes>) {
    return value.view();
  } else {
    return std::string_view(value);
  }
}

[[noreturn]] void refuse_objects();

/// Containers say that they can be copied, whatever they hold.
template <class T>
constexpr bool can_be_copied() {
  if constexpr (!std::is_copy_constructible_v<T>) {
    return false;
  } else if constexpr (ListLike<T> || SetLike<T> || MapLike<T>) {
    return can_be_copied<typename T::value_type>();
  } else {
    return true;
  }
}

template <class T>
constexpr bool can_be_cached() {
  static_assert(
      can_be_copied<T>(),
      "cairn: callers get copies of a cached value, and this type cannot be copied: cache "
      "what it points to, or a std::shared_ptr");
  return true;
}

template <class T>
constexpr bool can_be_read() {
  static_assert(std::is_same_v<T, std::remove_cvref_t<T>>,
                "cairn: what is read is a value, no reference and not const: get<User>(key)");
  static_assert(!is_text<T> || std::is_same_v<T, std::string>,
                "cairn: a view would outlive the text that it shows: read a std::string, or "
                "cairn::Bytes, which shares it");
  return can_be_cached<T>();
}

/// The entry that a stack which takes `kinds` is given. Borrows from `value` only if `borrow`.
template <class T>
Entry pack(T&& value, std::uint32_t kinds, bool borrow) {
  using V = std::decay_t<T>;
  if constexpr (is_bytes_like<V>) {
    if ((kinds & CAIRN_BYTES) != 0) {
      if constexpr (std::is_same_v<V, Bytes>) {
        return value.entry();
      } else {
        return borrow ? Entry::borrow(bytes_of(value)) : Entry::copy(bytes_of(value));
      }
    }
    if ((kinds & CAIRN_DOCUMENT) != 0) {
      return Entry::of(Document::build([&](Writer out) {
        if constexpr (is_text<V>) {
          out.text(bytes_of(value));
        } else {
          out.blob(bytes_of(value));
        }
      }));
    }
    refuse_objects();
  } else {
    static_assert(can_be_cached<V>());
    if ((kinds & CAIRN_OBJECT) != 0) return make_object<V>(std::forward<T>(value));
    if ((kinds & CAIRN_DOCUMENT) != 0) {
      return Entry::of(Document::build([&](Writer out) { cairn::write(out, value); }));
    }
    refuse_objects();
  }
}

[[noreturn, gnu::cold]] inline void refuse_kind(const char* wanted, const Entry& entry) {
  throw Error(Errc::corrupt,
              std::string("expected ") + wanted + ", got " +
                  (entry.is_bytes()      ? "bytes"
                   : entry.is_document() ? std::string(entry.node().type_name())
                                         : std::string("an object of another type")));
}

/// The bytes of an entry that holds some, as bytes or as a document of one text or blob.
inline std::string_view payload_bytes(const Entry& entry) {
  if (entry.is_bytes()) return entry.bytes();
  if (entry.is_document()) {
    const Node node = entry.node();
    if (node.type() == Node::text_string) return node.text();
    if (node.type() == Node::binary) return node.blob();
  }
  refuse_kind("bytes", entry);
}

/// In a handler: what a program's own from_document throws is Error(corrupt), as what ours do is; an Error,
/// and having no memory, stay what they are.
[[noreturn, gnu::cold]] void refuse_unreadable();

/// May take from the entry what it holds.
template <class T>
T unpack(Entry&& entry) {
  static_assert(can_be_read<T>());
  if constexpr (is_bytes_like<T>) {
    if constexpr (std::is_same_v<T, Bytes>) {
      if (entry.is_bytes() && entry.owned()) return Bytes(std::move(entry));
      return Bytes(payload_bytes(entry));
    } else {
      const std::string_view bytes = payload_bytes(entry);
      if constexpr (is_byte_vector<T>) {
        const auto* data = reinterpret_cast<const typename T::value_type*>(bytes.data());
        return T(data, data + bytes.size());
      } else {
        return T(bytes);
      }
    }
  } else {
    if (entry.is_object()) {
      if (const T* object = object_of<T>(entry)) return *object;
    }
    if (entry.is_bytes()) refuse_kind("a document", entry);
    const Entry document = entry.to_document();
    try {
      return cairn::read<T>(document.node());
    } catch (const std::exception&) {
      refuse_unreadable();
    }
  }
}

template <class T>
class Receiver;

}  // namespace cairn::detail

namespace cairn {

/// A cached T that is shared, not copied: as long as you hold it, it lives, and nobody changes it.
template <class T>
class Shared {
 public:
  Shared() noexcept = default;
  Shared(Entry entry, const T* value) noexcept : entry_(std::move(entry)), value_(value) {}
  Shared(const Shared&) noexcept = default;
  Shared& operator=(const Shared&) noexcept = default;
  Shared(Shared&& other) noexcept
      : entry_(std::move(other.entry_)), value_(std::exchange(other.value_, nullptr)) {}
  Shared& operator=(Shared&& other) noexcept {
    entry_ = std::move(other.entry_);
    value_ = std::exchange(other.value_, nullptr);
    return *this;
  }
  ~Shared() = default;

  explicit operator bool() const noexcept { return value_ != nullptr; }
  const T& operator*() const noexcept { return *value_; }
  const T* operator->() const noexcept { return value_; }
  const T* get() const noexcept { return value_; }

 private:
  friend class detail::Receiver<Shared>;

  Entry entry_;
  const T* value_ = nullptr;
};

namespace detail {

template <class T>
Shared<T> make_shared_object(T value) {
  Entry made = make_object<T>(std::move(value));
  const T* object = object_of<T>(made);
  return Shared<T>(std::move(made), object);
}

}  // namespace detail
}  // namespace cairn
