// Writing msgpack: once to find the length, once to fill exactly that many bytes.

#include "format.hpp"

#include <bit>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string>

namespace cairn::msgpack {
namespace {

// The two things that can be done with what a document becomes.
struct Length {
  std::size_t size = 0;

  void byte(unsigned) noexcept { ++size; }
  template <class T>
  void big_endian(T) noexcept {
    size += sizeof(T);
  }
  void bytes(const char*, std::size_t n) noexcept { size += n; }
};

class Output {
 public:
  explicit Output(char* begin) noexcept : at_(begin) {}

  void byte(unsigned value) noexcept { *at_++ = static_cast<char>(value); }
  template <class T>
  void big_endian(T value) noexcept {
    if constexpr (std::endian::native == std::endian::little) {
      if constexpr (sizeof(T) == 2) value = __builtin_bswap16(value);
      if constexpr (sizeof(T) == 4) value = __builtin_bswap32(value);
      if constexpr (sizeof(T) == 8) value = __builtin_bswap64(value);
    }
    std::memcpy(at_, &value, sizeof value);
    at_ += sizeof value;
  }
  // Most text in a document is short: a name, a key. Two words that may overlap say it sooner than
  // a call of memcpy does.
  void bytes(const char* data, std::size_t n) noexcept {
    if (n > 16) {
      std::memcpy(at_, data, n);
    } else if (n >= 8) {
      ends<std::uint64_t>(data, n);
    } else if (n >= 4) {
      ends<std::uint32_t>(data, n);
    } else {
      for (std::size_t i = 0; i < n; ++i) at_[i] = data[i];
    }
    at_ += n;
  }

 private:
  template <class Word>
  void ends(const char* data, std::size_t n) noexcept {
    Word first;
    Word last;
    std::memcpy(&first, data, sizeof first);
    std::memcpy(&last, data + n - sizeof last, sizeof last);
    std::memcpy(at_, &first, sizeof first);
    std::memcpy(at_ + n - sizeof last, &last, sizeof last);
  }

  char* at_;
};

[[noreturn, gnu::cold, gnu::noinline]] void refuse(const std::string& what) {
  throw Error(Errc::rejected, "cannot say " + what);
}

template <class Sink>
[[gnu::always_inline]] inline void put_number(Sink& out, unsigned head, std::uint64_t value,
                                              unsigned size) {
  out.byte(head);
  switch (size) {
    case 1: return out.byte(static_cast<unsigned>(value));
    case 2: return out.big_endian(static_cast<std::uint16_t>(value));
    case 4: return out.big_endian(static_cast<std::uint32_t>(value));
    default: return out.big_endian(value);
  }
}

template <class Sink>
[[gnu::always_inline]] inline void put_unsigned(Sink& out, std::uint64_t value) {
  if (value < 0x80) return out.byte(static_cast<unsigned>(value));
  if (value <= 0xff) return put_number(out, 0xcc, value, 1);
  if (value <= 0xffff) return put_number(out, 0xcd, value, 2);
  if (value <= 0xffffffff) return put_number(out, 0xce, value, 4);
  put_number(out, 0xcf, value, 8);
}

template <class Sink>
[[gnu::always_inline]] inline void put_integer(Sink& out, std::int64_t value) {
  const auto bits = static_cast<std::uint64_t>(value);
  if (value >= 0) return put_unsigned(out, bits);
  if (value >= -32) return out.byte(static_cast<unsigned>(bits & 0xff));
  if (value >= std::numeric_limits<std::int8_t>::min()) return put_number(out, 0xd0, bits, 1);
  if (value >= std::numeric_limits<std::int16_t>::min()) return put_number(out, 0xd1, bits, 2);
  if (value >= std::numeric_limits<std::int32_t>::min()) return put_number(out, 0xd2, bits, 4);
  put_number(out, 0xd3, bits, 8);
}

// `short_head` carries lengths below `short_end` in itself; `head8`, unless 0, and the two heads
// from `head16` on are followed by a length of 8, 16 and 32 bits.
template <class Sink>
[[gnu::always_inline]] inline void put_length(Sink& out, std::uint64_t length, unsigned short_head,
                                              unsigned short_end, unsigned head8, unsigned head16) {
  if (length < short_end) return out.byte(short_head | static_cast<unsigned>(length));
  if (length <= 0xff && head8 != 0) return put_number(out, head8, length, 1);
  if (length <= 0xffff) return put_number(out, head16, length, 2);
  if (length > 0xffffffff) refuse("lengths beyond 32 bits");
  put_number(out, head16 + 1, length, 4);
}

template <class Sink>
[[gnu::always_inline]] inline void put_extension(Sink& out, const cairn_node& node) {
  const unsigned type = node.ext & 0xffu;
  switch (node.len) {
    case 1: out.byte(0xd4); break;
    case 2: out.byte(0xd5); break;
    case 4: out.byte(0xd6); break;
    case 8: out.byte(0xd7); break;
    case 16: out.byte(0xd8); break;
    default: put_length(out, node.len, 0, 0, 0xc7, 0xc8);
  }
  out.byte(type);
  out.bytes(node.v.s, node.len);
}

// The values from `node` to `end`, one after the other; only lists and maps make it call itself.
// The sink is passed by value, so that it lives in registers.
template <class Sink>
Sink put(Sink out, const cairn_node* node, const cairn_node* end, std::size_t depth_left) {
  for (; node != end; ++node) {
    std::uint64_t children = node->len;
    switch (node->type) {
      case CAIRN_NULL: out.byte(0xc0); continue;
      case CAIRN_BOOL: out.byte(node->v.u != 0 ? 0xc3 : 0xc2); continue;
      case CAIRN_INT: put_integer(out, node->v.i); continue;
      case CAIRN_UINT: put_unsigned(out, node->v.u); continue;
      case CAIRN_REAL:
        out.byte(0xcb);
        out.big_endian(std::bit_cast<std::uint64_t>(node->v.f));
        continue;
      case CAIRN_TEXT:
        put_length(out, node->len, 0xa0, 32, 0xd9, 0xda);
        out.bytes(node->v.s, node->len);
        continue;
      case CAIRN_BLOB:
        if ((node->ext & 0x100u) != 0) {
          put_extension(out, *node);
          continue;
        }
        put_length(out, node->len, 0, 0, 0xc4, 0xc5);
        out.bytes(node->v.s, node->len);
        continue;
      case CAIRN_LIST: put_length(out, node->len, 0x90, 16, 0, 0xdc); break;
      case CAIRN_MAP:
        put_length(out, node->len, 0x80, 16, 0, 0xde);
        children *= 2;
        break;
      default: refuse("a value of unknown type " + std::to_string(node->type));
    }
    if (depth_left == 0) refuse("more than 256 lists and maps in each other");
    if (children == 0) continue;
    out = put(out, node->v.items, node->v.items + children, depth_left - 1);
  }
  return out;
}
template <class Sink>
void put(Sink& out, Node value, std::size_t depth_left) {
  out = put(out, value.raw(), value.raw() + 1, depth_left);
}

// `write_all(sink)` is called twice.
template <class WriteAll>
ByteBuffer in_one_buffer(WriteAll&& write_all) {
  Length length;
  write_all(length);
  ByteBuffer buffer(length.size);
  Output output(buffer.data());
  write_all(output);
  return buffer;
}

}  // namespace

ByteBuffer write(Node value) {
  return in_one_buffer([&](auto& out) { put(out, value, max_depth); });
}

ByteBuffer write_pair(Node value, double created, int version) {
  return in_one_buffer([&](auto& out) {
    out.byte(0x92);
    put(out, value, max_depth - 1);
    out.bytes(
        "\x82\xa2"
        "ct\xcb",
        5);
    out.big_endian(std::bit_cast<std::uint64_t>(created));
    out.bytes("\xa1v", 2);
    put_integer(out, version);
  });
}

}  // namespace cairn::msgpack
