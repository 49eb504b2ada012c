// Reading msgpack, in two passes over the same heads: the first finds out whether the input is
// whole and how many nodes it says, the second fills them in. So the memory is asked for once and
// exactly, and only after every length in the input has proved to be true.

#include "format.hpp"

#include <bit>
#include <cstdint>
#include <cstring>
#include <string>

namespace cairn::msgpack {
namespace {

template <class T>
T big_endian(const char* at) noexcept {
  T value;
  std::memcpy(&value, at, sizeof value);
  if constexpr (std::endian::native == std::endian::little) {
    if constexpr (sizeof(T) == 2) value = static_cast<T>(__builtin_bswap16(value));
    if constexpr (sizeof(T) == 4) value = static_cast<T>(__builtin_bswap32(value));
    if constexpr (sizeof(T) == 8) value = static_cast<T>(__builtin_bswap64(value));
  }
  return value;
}

class Input {
 public:
  explicit Input(std::string_view bytes) noexcept
      : begin_(bytes.data()), at_(begin_), end_(begin_ + bytes.size()) {}

  std::size_t left() const noexcept { return static_cast<std::size_t>(end_ - at_); }
  bool empty() const noexcept { return at_ == end_; }

  const char* take(std::uint64_t size) {
    if (size > left()) [[unlikely]]
      fail_short();
    const char* taken = at_;
    at_ += size;
    return taken;
  }
  template <class T>
  T take_big_endian() {
    return big_endian<T>(take(sizeof(T)));
  }

  [[noreturn, gnu::cold, gnu::noinline]] void fail(const std::string& what) const {
    throw Error(Errc::corrupt, what + " at byte " + std::to_string(at_ - begin_) + " of " +
                                   std::to_string(end_ - begin_));
  }
  [[noreturn, gnu::cold, gnu::noinline]] void fail_short() const {
    fail("the input ends too early");
  }

 private:
  const char* begin_;
  const char* at_;
  const char* end_;
};

// The next value into `node`, past the bytes of its scalar, text or blob. A list or map gets its
// length, and its items follow.
inline void take_value(Input& in, cairn_node& node) {
  const auto integer = [&](std::int64_t value) { node = {CAIRN_INT, 0, 0, {.i = value}}; };
  const auto bytes = [&](std::uint32_t type, std::uint64_t size) {
    node = {type, 0, size, {.s = in.take(size)}};
  };
  const auto extension = [&](std::uint64_t size) {
    const auto type = static_cast<unsigned char>(*in.take(1));
    node = {CAIRN_BLOB, 0x100u | type, size, {.s = in.take(size)}};
  };
  const auto container = [&](std::uint32_t type, std::uint64_t size) {
    node = {type, 0, size, {.items = nullptr}};
  };

  const auto head = static_cast<unsigned char>(*in.take(1));
  if (head < 0x80) return integer(head);
  if (head >= 0xe0) return integer(static_cast<signed char>(head));
  if (head >= 0xa0 && head < 0xc0) return bytes(CAIRN_TEXT, head & 0x1fu);
  if (head < 0x90) return container(CAIRN_MAP, head & 0x0fu);
  if (head < 0xa0) return container(CAIRN_LIST, head & 0x0fu);
  switch (head) {
    case 0xc0: node = {CAIRN_NULL, 0, 0, {.u = 0}}; return;
    case 0xc2: node = {CAIRN_BOOL, 0, 0, {.u = 0}}; return;
    case 0xc3: node = {CAIRN_BOOL, 0, 0, {.u = 1}}; return;
    case 0xc4: return bytes(CAIRN_BLOB, in.take_big_endian<std::uint8_t>());
    case 0xc5: return bytes(CAIRN_BLOB, in.take_big_endian<std::uint16_t>());
    case 0xc6: return bytes(CAIRN_BLOB, in.take_big_endian<std::uint32_t>());
    case 0xc7: return extension(in.take_big_endian<std::uint8_t>());
    case 0xc8: return extension(in.take_big_endian<std::uint16_t>());
    case 0xc9: return extension(in.take_big_endian<std::uint32_t>());
    case 0xca: {
      const auto value = std::bit_cast<float>(in.take_big_endian<std::uint32_t>());
      node = {CAIRN_REAL, 0, 0, {.f = static_cast<double>(value)}};
      return;
    }
    case 0xcb:
      node = {CAIRN_REAL, 0, 0, {.u = in.take_big_endian<std::uint64_t>()}};  // the same bits
      return;
    case 0xcc: return integer(in.take_big_endian<std::uint8_t>());
    case 0xcd: return integer(in.take_big_endian<std::uint16_t>());
    case 0xce: return integer(in.take_big_endian<std::uint32_t>());
    case 0xcf: {
      const auto value = in.take_big_endian<std::uint64_t>();
      node = {value <= INT64_MAX ? CAIRN_INT : CAIRN_UINT, 0, 0, {.u = value}};
      return;
    }
    case 0xd0: return integer(static_cast<std::int8_t>(in.take_big_endian<std::uint8_t>()));
    case 0xd1: return integer(static_cast<std::int16_t>(in.take_big_endian<std::uint16_t>()));
    case 0xd2: return integer(static_cast<std::int32_t>(in.take_big_endian<std::uint32_t>()));
    case 0xd3: return integer(static_cast<std::int64_t>(in.take_big_endian<std::uint64_t>()));
    case 0xd4: return extension(1);
    case 0xd5: return extension(2);
    case 0xd6: return extension(4);
    case 0xd7: return extension(8);
    case 0xd8: return extension(16);
    case 0xd9: return bytes(CAIRN_TEXT, in.take_big_endian<std::uint8_t>());
    case 0xda: return bytes(CAIRN_TEXT, in.take_big_endian<std::uint16_t>());
    case 0xdb: return bytes(CAIRN_TEXT, in.take_big_endian<std::uint32_t>());
    case 0xdc: return container(CAIRN_LIST, in.take_big_endian<std::uint16_t>());
    case 0xdd: return container(CAIRN_LIST, in.take_big_endian<std::uint32_t>());
    case 0xde: return container(CAIRN_MAP, in.take_big_endian<std::uint16_t>());
    case 0xdf: return container(CAIRN_MAP, in.take_big_endian<std::uint32_t>());
    default: in.fail("0xc1, which msgpack never uses,");
  }
}

std::uint64_t children_of(const cairn_node& node) noexcept {
  return node.type == CAIRN_LIST ? node.len : node.type == CAIRN_MAP ? 2 * node.len : 0;
}

// How many nodes `bytes` say.
std::uint64_t count_nodes(std::string_view bytes) {
  Input in(bytes);
  std::uint64_t count = 0;
  for (std::uint64_t open = 1; open > 0; --open) {
    cairn_node node;
    take_value(in, node);
    ++count;
    const std::uint64_t children = children_of(node);
    // Each child takes a byte at least, so a length beyond that is a lie, and `open` cannot
    // overflow.
    if (children > in.left()) in.fail_short();
    open += children;
  }
  if (!in.empty()) in.fail("something is left over");
  return count;
}

// Precondition: count_nodes(bytes) has said so.
void fill(std::string_view bytes, cairn_node* root, cairn_node* free) {
  struct Open {
    cairn_node* next;
    cairn_node* end;
  };
  Open open[max_depth];
  std::size_t depth = 0;
  Input in(bytes);
  cairn_node* node = root;
  for (;;) {
    take_value(in, *node);
    if (node->type == CAIRN_LIST || node->type == CAIRN_MAP) {
      if (depth == max_depth) in.fail("more than 256 lists and maps in each other");
      const std::uint64_t children = children_of(*node);
      node->v.items = free;
      open[depth++] = {free, free + children};
      free += children;
    }
    while (depth > 0 && open[depth - 1].next == open[depth - 1].end) --depth;
    if (depth == 0) return;
    node = open[depth - 1].next++;
  }
}

}  // namespace

Entry read(std::string_view bytes, cairn_owner* owner) {
  const std::uint64_t count = count_nodes(bytes);
  detail::Arena* arena = detail::Arena::make(static_cast<std::size_t>(count) * sizeof(cairn_node) +
                                             detail::Arena::keep_size);
  Entry document;  // owns the arena from here on, also if something throws
  document.raw().owner = arena;
  arena->keep(owner);
  cairn_node* nodes = arena->nodes(count);
  fill(bytes, nodes, nodes + 1);
  document.raw().kind = CAIRN_DOCUMENT;
  document.raw().data = nodes;
  document.raw().size = arena->size() + bytes.size();
  return document;
}

}  // namespace cairn::msgpack
