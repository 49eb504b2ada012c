// Entries that hold an object of the program's own type: kept as it is by a store in the same
// process, and converted through its type descriptor by a codec, which need not know the type.
//
//     Entry entry = make_object(User{42, "Ada"});
//     const User* user = object_of<User>(entry);   // the same object, not a copy
//
// Objects are shared and immutable. Threads: const access to T is concurrent, so T's const members
// must allow it, as those of every standard type do.
#pragma once

#include <cairn/charge.hpp>
#include <cairn/convert.hpp>
#include <cairn/detail/thunks.hpp>
#include <cairn/entry.hpp>
#include <cairn/fields.hpp>

#include <array>
#include <cstddef>
#include <memory>
#include <string_view>
#include <utility>

namespace cairn {

namespace detail {

// The compiler's spelling of T, between "T = " and the last "]"; so no run-time type information is
// needed.
template <class T>
constexpr std::string_view spelling() {
  constexpr std::string_view prefix = "T = ";
  std::string_view text = __PRETTY_FUNCTION__;
  text.remove_prefix(text.find(prefix) + prefix.size());
  // g++ goes on with the aliases that the signature mentions: "T = User; std::string_view = ...]"
  const std::size_t semicolon = text.find("; std::string_view =");
  return text.substr(0, semicolon != std::string_view::npos ? semicolon : text.rfind(']'));
}
template <class T>
struct TypeName {
  static constexpr auto make() {
    std::array<char, spelling<T>().size() + 1> text{};
    for (std::size_t i = 0; i < spelling<T>().size(); ++i) text[i] = spelling<T>()[i];
    return text;
  }
  static constexpr auto value = make();
};

template <class T>
Entry entry_of(Holder<T>* holder, std::size_t size) noexcept;

// Builds the document that views `value`: its text and blobs are not copied.
template <class T>
Entry view_as_document(const T& value) {
  Arena* arena = Arena::make();
  Entry entry;  // owns the arena from here on, also if the conversion throws
  entry.raw().owner = arena;
  cairn_node* root = arena->nodes(1);
  arena->borrows_text = true;
  cairn::write(Writer(root, *arena), value);
  arena->borrows_text = false;
  entry.raw().kind = CAIRN_DOCUMENT;
  entry.raw().data = root;
  entry.raw().size = arena->size();
  return entry;
}

template <class T>
struct TypeThunks {
  static constexpr const char* name = TypeName<T>::value.data();

  static cairn_status to_document(const void* object, cairn_call* call,
                                  cairn_entry* document) noexcept {
    return guard(call, name, [&]() -> cairn_status {
      *document = view_as_document(*static_cast<const T*>(object)).release();
      return CAIRN_OK;
    });
  }
  static cairn_status from_document(const cairn_node* document, cairn_call* call,
                                    cairn_entry* object) noexcept {
    return guard(call, name, [&]() -> cairn_status {
      auto holder = std::make_unique<Holder<T>>();
      cairn::read_into(Node(document), holder->value);
      const std::size_t size = cairn::charge_of(holder->value);
      *object = entry_of(holder.release(), size).release();
      return CAIRN_OK;
    });
  }
};

template <class T>
inline constexpr cairn_type type_descriptor{sizeof(cairn_type), 0, TypeThunks<T>::name,
                                            &TypeThunks<T>::to_document,
                                            &TypeThunks<T>::from_document};

}  // namespace detail

/// The descriptor of T, always the same one within a program or library.
template <class T>
const cairn_type& type_of() noexcept {
  static_assert(std::default_initializable<T>,
                "cairn: a type that is read from a cache has a default constructor");
  return detail::type_descriptor<T>;
}

/// An entry that holds `value` itself.
template <class T>
Entry make_object(T value) {
  const std::size_t size = cairn::charge_of(value);
  return detail::entry_of(new detail::Holder<T>(std::move(value)), size);
}

/// The T in `entry`, alive as long as the entry; null if what it holds is not a T made in this
/// program or library: then go through entry.to_document() and read<T>().
template <class T>
const T* object_of(const Entry& entry) noexcept {
  return entry.is_object() && entry.raw().type == &type_of<T>()
             ? static_cast<const T*>(entry.raw().data)
             : nullptr;
}

template <class T>
Entry detail::entry_of(Holder<T>* holder, std::size_t size) noexcept {
  Entry entry;
  entry.raw().kind = CAIRN_OBJECT;
  entry.raw().data = std::addressof(holder->value);
  entry.raw().size = size;
  entry.raw().owner = holder;
  entry.raw().type = &type_of<T>();
  return entry;
}

}  // namespace cairn
