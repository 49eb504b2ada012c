// Keys: any bytes, borrowed for the call that they are passed to.
#pragma once

#include <cairn/abi.h>

#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

namespace cairn {

/// A borrowed key. Converts from and to strings, so that literals work; whoever needs it after the
/// call copies it: `std::string(key.view())`.
class Key {
 public:
  constexpr Key() noexcept : raw_{nullptr, 0} {}
  constexpr Key(std::string_view text) noexcept  // NOLINT: a string is a key
      : raw_{text.data(), text.size()} {}
  constexpr Key(const char* text) noexcept : Key(std::string_view(text)) {}  // NOLINT
  Key(const std::string& text) noexcept : Key(std::string_view(text)) {}     // NOLINT
  constexpr explicit Key(cairn_bytes raw) noexcept : raw_(raw) {}

  constexpr std::string_view view() const noexcept { return {raw_.data, raw_.size}; }
  constexpr operator std::string_view() const noexcept { return view(); }  // NOLINT
  constexpr const char* data() const noexcept { return raw_.data; }
  constexpr std::size_t size() const noexcept { return raw_.size; }
  constexpr cairn_bytes raw() const noexcept { return raw_; }

  friend constexpr bool operator==(Key a, Key b) noexcept { return a.view() == b.view(); }
  friend constexpr bool operator<(Key a, Key b) noexcept { return a.view() < b.view(); }

 private:
  cairn_bytes raw_;
};
static_assert(sizeof(Key) == sizeof(cairn_bytes) && std::is_standard_layout_v<Key>);

using Keys = std::span<const Key>;

/// Where a KeyMapper writes. Keys up to 200 bytes need no allocation.
class KeyBuffer {
 public:
  KeyBuffer() noexcept = default;
  KeyBuffer(const KeyBuffer&) = delete;
  KeyBuffer& operator=(const KeyBuffer&) = delete;

  KeyBuffer& append(std::string_view text) {
    if (long_.empty() && size_ + text.size() <= sizeof short_) {
      if (!text.empty()) std::memcpy(short_ + size_, text.data(), text.size());
      size_ += text.size();
    } else {
      if (long_.empty()) {
        long_.reserve(size_ + text.size());
        long_.assign(short_, size_);
      }
      long_.append(text);
    }
    return *this;
  }
  KeyBuffer& append(char byte) { return append(std::string_view(&byte, 1)); }
  template <class Number>
  requires std::is_arithmetic_v<Number> || std::is_enum_v<Number> KeyBuffer& append(Number) {
    static_assert(!std::is_same_v<Number, Number>,
                  "cairn: a number in a key is written as text: append(std::to_string(number))");
    return *this;
  }

  Key key() const noexcept {
    return long_.empty() ? Key(std::string_view(short_, size_)) : Key(long_);
  }

 private:
  std::size_t size_ = 0;
  std::string long_;  // all of it, once it no longer fits
  char short_[200];
};

}  // namespace cairn
