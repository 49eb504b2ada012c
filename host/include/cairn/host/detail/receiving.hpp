// Where the value of a hit arrives.
//
// A store writes what it found straight into a Receiver's slot. A caller who wants shared bytes or a
// shared object has it there already, since that is what the slot is a part of: an entry is never moved
// on its way up, which would cost more than all else that a region does. For any other T it is read from
// the slot.
#pragma once

#include <cairn/host/detail/creators.hpp>
#include <cairn/host/detail/packing.hpp>

#include <optional>
#include <utility>

namespace cairn::detail {

/// Takes entries for a T. `into` outlives it, and in the end is what the last accepted entry was.
template <class T>
class Receiver {
 public:
  explicit Receiver(std::optional<T>& into) noexcept : into_(into) {}

  operator Recipient() noexcept { return {*this, slot()}; }  // NOLINT: it is one
  Entry& slot() noexcept { return slot_; }
  Found operator()(Entry&& entry) {
    into_.emplace(unpack<T>(std::move(entry)));
    return detail::found(*into_);
  }

 private:
  std::optional<T>& into_;
  Entry slot_;
};

template <>
class Receiver<Bytes> {
 public:
  explicit Receiver(Bytes& into) noexcept : into_(into) {}
  explicit Receiver(std::optional<Bytes>& into) noexcept : into_(into.emplace()) {}

  operator Recipient() noexcept { return {*this, slot(), true}; }  // NOLINT: it is one
  Entry& slot() noexcept { return const_cast<Entry&>(into_.entry()); }
  Found operator()(Entry&& entry) {
    const bool in_place = &entry == &slot() && entry.is_bytes() && entry.owned();
    if (!in_place) into_ = unpack<Bytes>(std::move(entry));
    return Found::value;
  }

 private:
  Bytes& into_;
};

template <class T>
class Receiver<Shared<T>> {
 public:
  explicit Receiver(Shared<T>& into) noexcept : into_(into) {}

  operator Recipient() noexcept { return {*this, slot()}; }  // NOLINT: it is one
  Entry& slot() noexcept { return into_.entry_; }
  Found operator()(Entry&& entry) {
    const T* object = entry.is_object() && entry.owned() ? object_of<T>(entry) : nullptr;
    if (object == nullptr) {
      into_ = make_shared_object<T>(unpack<T>(std::move(entry)));
    } else {
      if (&entry != &slot()) slot() = std::move(entry);
      into_.value_ = object;
    }
    return detail::found(*into_);
  }

 private:
  static_assert(!is_bytes_like<T>,
                "cairn: strings and byte vectors are shared as bytes: use get<cairn::Bytes>(key)");
  Shared<T>& into_;
};

}  // namespace cairn::detail
